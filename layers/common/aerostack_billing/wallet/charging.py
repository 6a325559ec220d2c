"""The rule by which a charge is taken from a wallet, alone or among others: pure, from a wallet to its next state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aerostack_billing.ledger.accounts import REVENUE, available
from aerostack_billing.ledger.models import Split, Transfer
from aerostack_billing.values.money import Micros, cents, whole_cents
from aerostack_billing.wallet.budgets import BudgetReached, Counted, reached, spend_room
from aerostack_billing.wallet.models import Budget, Wallet
from aerostack_billing.wallet.pricing import Price, shown
from aerostack_billing.wallet.reload_states import after_spending
from aerostack_billing.wallet.requests import BillingMode, ChargeRequest
from aerostack_billing.wallet.rules import InsufficientBalance, SpendCapReached, WalletPosting, check_cap, check_funds
from aerostack_billing.wallet.tools import Tool

SHORT: Final = (InsufficientBalance, SpendCapReached, BudgetReached)
"""What forbids to spend: a lapsed hold that is freed may make room."""
MOST_ACTIONS: Final = 100
"""What one transaction of DynamoDB takes."""
Share = Callable[[str, Micros, Micros], Split]
"""The creator's part of a price, of which so much is granted money."""


@dataclass(frozen=True)
class Line:
    """One charge, priced: its id, what its request must be again under its key, and by which mode it is paid."""

    request: ChargeRequest
    price: Price
    charge_id: str
    asked: str
    mode: BillingMode
    creator_id: str | None = None
    tool: Tool | None = None

    @property
    def taken(self) -> Micros:
        """What the wallet pays."""
        return self.price.amount if self.mode == "wallet" else 0

    @property
    def tokens(self) -> int:
        """What the plan pays."""
        return self.price.tokens if self.mode == "plan_quota" else 0


@dataclass(frozen=True)
class Folded:
    """What lines, taken in their order, make of a wallet. `seen`: how many of them; the rest awaits another write."""

    wallet: Wallet
    transfers: Sequence[Transfer]
    seen: int
    tokens: int = 0
    refused: Mapping[str, InsufficientBalance | SpendCapReached | BudgetReached] = field(default_factory=dict)
    """By the charge's id: why nothing was taken for it."""

    @property
    def splits(self) -> list[Split]:
        """The creators' parts."""
        return [transfer.split for transfer in self.transfers if transfer.split is not None]


def take(posting: WalletPosting, line: Line, share: Share) -> None:
    """Take one charge.

    InsufficientBalance, SpendCapReached or BudgetReached (402), with the posting as it was.
    """
    request, taken = line.request, line.taken
    if line.mode == "wallet":
        check_spendable(posting.wallet, taken)
    counted = count(posting.wallet, request.labels, line.price, line.mode)
    details: dict[str, object] = {"kind": request.kind, "billing_mode": line.mode, **line.price.basis}
    if line.mode != "wallet":
        details["estimated"] = line.price.amount
    posting.wallet = counted.wallet
    split = None
    if line.creator_id and taken > 0:
        split = share(line.creator_id, taken, posting.granted_of(taken))
    posting.move(
        "charge",
        line.charge_id,
        available(posting.wallet.account_id),
        REVENUE,
        taken,
        request.kind.replace("_", " ").capitalize(),
        reference=request.reference,
        fingerprint=line.asked,
        details={**details, **counted.details},
        labels=request.labels,
        split=split,
    )
    posting.spend(taken)


def taken_alone(wallet: Wallet, line: Line, share: Share) -> Folded:
    """One charge, or its refusal (402)."""
    posting = WalletPosting(wallet)
    take(posting, line, share)
    return Folded(after_spending(posting.wallet), posting.transfers, 1, line.tokens)


def taken_together(wallet: Wallet, lines: Sequence[Line], share: Share, *, refusing: bool) -> Folded:
    """As many charges, in their order, as one transaction takes: what each would be if it came alone.

    `refusing`: one that is refused is noted, and the others go on; else its refusal is raised.
    """
    posting, refused, tokens = (
        WalletPosting(wallet),
        dict[str, InsufficientBalance | SpendCapReached | BudgetReached](),
        0,
    )
    for seen, line in enumerate(lines):
        before, numbered = posting.wallet, len(posting.transfers)
        if actions_of(wallet, posting, tokens=tokens) >= MOST_ACTIONS:
            return Folded(after_spending(before), posting.transfers, seen, tokens, refused)
        try:
            take(posting, line, share)
        except SHORT as short:
            if not refusing:
                raise
            if isinstance(short, BudgetReached) and not short.reported:
                posting.wallet = reached(posting.wallet, short.label, short.value)
            refused[line.charge_id] = short
        if actions_of(wallet, posting, tokens=tokens + line.tokens) > MOST_ACTIONS:
            refused.pop(line.charge_id, None)
            return Folded(after_spending(before), posting.transfers[:numbered], seen, tokens, refused)
        tokens += line.tokens if line.charge_id not in refused else 0
    return Folded(after_spending(posting.wallet), posting.transfers, len(lines), tokens, refused)


def actions_of(before: Wallet, posting: WalletPosting, *, tokens: int = 0) -> int:
    """How many actions the transaction may have.

    The wallet, a low balance's event, spending's mark; lines; budgets with their events; shares; tools; the plan.
    """
    creators = {(t.split.creator_id, t.split.due_day) for t in posting.transfers if t.split is not None}
    was = {(budget.label, budget.value): budget for budget in before.met}
    budgets = sum(_actions_of(was[budget.label, budget.value], budget) for budget in posting.wallet.met)
    tools = {t.details["tool_id"] for t in posting.transfers if "tool_id" in t.details}
    return 3 + len(posting.transfers) + budgets + len(creators) + len(tools) + int(tokens > 0)


def _actions_of(was: Budget, budget: Budget) -> int:
    """Its write and its events."""
    if budget == was:
        return 0
    restarted = budget.epoch != was.epoch
    alerts = budget.alerted > (0 if restarted else was.alerted)
    return 1 + int(alerts) + int(budget.reached and (restarted or not was.reached))


def count(wallet: Wallet, labels: Mapping[str, str], price: Price, mode: BillingMode) -> Counted:
    """The wallet with its budgets counting the price: what a plan pays, none counts."""
    if mode == "plan_quota":
        return Counted(wallet, {})
    return spend_room(wallet, labels, price.amount, byok=mode == "byok")


def check_spendable(wallet: Wallet, amount: Micros) -> None:
    """Return if the wallet can pay `amount` more; InsufficientBalance or SpendCapReached (402) if not."""
    check_funds(wallet, amount)
    check_cap(wallet, amount)


def charged_answer(transfer: Transfer) -> dict[str, object]:
    """The answer to a charge, made of its transfer alone: so is every replay."""
    estimated = transfer.details.get("estimated")
    return {
        "charge_id": transfer.transfer_id,
        "account_id": transfer.account_id,
        "kind": transfer.details["kind"],
        "amount_cents": cents(transfer.amount),
        "estimated_cents": cents(estimated) if isinstance(estimated, int) else None,
        "billing_mode": transfer.details["billing_mode"],
        **shown(transfer.details),
        "balance_cents": whole_cents(transfer.balance_after),
        "balance_micros": transfer.balance_after,
        "created_at": transfer.created_at,
    }
