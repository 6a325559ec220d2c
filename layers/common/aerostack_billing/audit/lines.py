"""The audit of what a wallet's lines say beside their amounts: the chain of hashes, the prices, what budgets count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Protocol, cast

from aerostack_billing.ledger import chain
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.prices.models import Priced, Terms, Tokens
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.wallet.budgets import BudgetCounts
from aerostack_billing.wallet.models import Budget, Hold, Wallet
from aerostack_billing.wallet.spending import Cursor, Folding, Sheet, SheetName, Told

Expectation = tuple[str, object, object]
"""What must hold, what was expected, what was found."""


class Book(Protocol):
    """The price book, which keeps every version."""

    def price(self, tokens: Tokens, terms: Terms | None = None) -> Priced:
        """What the tokens cost by these terms."""


def chained(wallet: Wallet, transfers: Sequence[Transfer]) -> Iterator[Expectation]:
    """The chain of hashes is whole up to the one that the wallet holds. Lines before it was begun carry none."""
    checked = chain.verify(map(chain.line, transfers))
    yield "the chain of hashes is whole", None, checked.wrong
    begun = wallet.head is not None or any(transfer.hash is not None for transfer in transfers)
    if begun and checked.wrong is None:
        yield "the wallet holds the hash of its newest line", checked.hash, wallet.head


def priced(transfers: Sequence[Transfer], book: Book) -> Iterator[Expectation]:
    """Every price that was made of usage comes to the same by the version that its line names."""
    for transfer in transfers:
        usage = transfer.details.get("usage")
        if transfer.type in {"charge", "capture", "hold"} and isinstance(usage, dict):
            yield (
                f"the price of line {transfer.seq} can be computed again",
                _price(transfer, usage, book),
                _paid(transfer),
            )


def budgeted(
    wallet: Wallet, transfers: Sequence[Transfer], holds: Sequence[Hold], budgets: Sequence[Budget]
) -> Iterator[Expectation]:
    """What each budget says is spent and held is what the lines of its window, and the open holds, say."""
    spent: dict[tuple[str, str, int], int] = defaultdict(int)
    held: dict[tuple[str, str, int], int] = defaultdict(int)
    for transfer in transfers:
        for label, (epoch, amount) in cast("BudgetCounts", transfer.details.get("budgets", {})).items():
            spent[label, transfer.labels[label], epoch] += amount
    for hold in holds:
        for label, epoch in hold.epochs.items():
            held[label, hold.labels[label], epoch] += hold.amount
    for budget in budgets:
        name = f"the budget of {budget.label} {budget.value}"
        run = (budget.label, budget.value, budget.epoch)
        yield f"{name} has spent what its lines say", spent[run], budget.spent
        yield f"{name} holds what the open holds say", held[run], budget.held
    own: dict[str, int] = defaultdict(int)
    for budget in budgets:
        own[budget.label] += int(budget.own is not None)
    known = {label: of_label.own for label, of_label in wallet.budgets.items() if of_label.own}
    yield "the wallet knows its budgets", {label: count for label, count in own.items() if count}, known


def added_up(cursor: Cursor, sheets: Sequence[Sheet], transfers: Sequence[Transfer]) -> Iterator[Expectation]:
    """Each sheet of spending says what the lines say that it contains, and none is missing."""
    yield "spending is not left half rebuilt", False, cursor.rebuilding
    stored = {(sheet.day, sheet.label): sheet for sheet in sheets}
    contained = {name: max(sheet.through, cursor.through) for name, sheet in stored.items()}
    expected: dict[SheetName, dict[str, Told]] = {}
    for through in sorted({cursor.through, *contained.values()}):
        # An earlier release may have chosen the labels that are told apart: it took those of a line as they came.
        folding = Folding(Cursor(cursor.account_id, labels=cursor.labels), {})
        for transfer in transfers[:through]:
            folding.add(transfer)
        of_then = {name: sheet.by for name, sheet in folding.sheets.items()}
        expected |= {name: by for name, by in of_then.items() if contained.get(name, cursor.through) == through}
    for day, label in sorted({*stored, *expected}):
        name = f"spending of {day}" + (f" by {label}" if label else "")
        found = stored[day, label].by if (day, label) in stored else None
        yield f"{name} is what its lines say", expected.get((day, label)), found


def _price(transfer: Transfer, usage: dict[str, object], book: Book) -> object:
    terms = Terms(str(transfer.details.get("price_version")), cast("int", transfer.details.get("markup_bps")))
    try:
        return book.price(Tokens(**cast("dict[str, int]", usage)), terms).amount  # type: ignore[arg-type]
    except (InvalidRequest, TypeError) as error:
        return f"no price: {error}"


def _paid(transfer: Transfer) -> object:
    """What a line says that its work cost, whoever paid it, and also where the wallet could not pay it all."""
    if "estimated" in transfer.details:
        return transfer.details["estimated"]
    return transfer.amount + cast("int", transfer.details.get("short", 0))
