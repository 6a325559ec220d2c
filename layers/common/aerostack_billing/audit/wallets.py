"""The audit: recomputes an account's money from its ledger and compares it with what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from aerostack_billing.audit.lines import Book, added_up, budgeted, chained, priced
from aerostack_billing.ledger.accounts import available, debt, held
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.platform.retry import attempts
from aerostack_billing.wallet.models import Hold, Wallet
from aerostack_billing.wallet.spending_store import SpendingStore
from aerostack_billing.wallet.store import WalletStore

_LOOKS = 20
_LONGEST_WAIT_SECONDS = 0.02


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold of an account."""

    account_id: str
    invariant: str
    expected: object
    found: object


@dataclass(frozen=True)
class Report:
    """What an audit looked at, and what it found wrong."""

    accounts: int
    transfers: int
    violations: tuple[Violation, ...]
    busy: tuple[str, ...] = ()
    counters: int = 0
    whole: bool = True
    """Whether nothing is left that is due."""
    behind_seconds: int | None = None
    """How old the oldest look at anything that is stored is; None of an audit that is no part of a round."""
    changed_behind_seconds: int | None = None
    """How old the oldest change is that may not have been looked at since; None likewise."""


def check(wallet: Wallet, transfers: list[Transfer], open_holds: list[Hold]) -> list[Violation]:
    """Every invariant that does not hold of one wallet, its whole ledger in order, and its open holds."""
    sums, granted = movements(transfers), granted_movements(transfers)
    own = wallet.account_id
    spent = sum(t.amount for t in transfers if t.type in {"charge", "capture"})
    spent -= sum(t.amount for t in transfers if t.type == "charge_refund")
    deposited = sum(t.amount for t in transfers if t.type in {"deposit", "reload"})
    expectations: list[tuple[str, object, object]] = [
        ("seq has no gap", list(range(1, wallet.seq + 1)), [transfer.seq for transfer in transfers]),
        ("all ledger accounts sum to zero", 0, sum(sums.values())),
        ("balance is the sum of its transfers", sums[available(own)], wallet.balance),
        ("held is the sum of its transfers", sums[held(own)], wallet.held),
        ("debt is the sum of its transfers", -sums[debt(own)], wallet.debt),
        ("granted is the sum of its transfers", granted[available(own)], wallet.granted),
        ("granted is a part of the balance", True, 0 <= wallet.granted <= wallet.balance),
        ("granted and held is the sum of its transfers", granted[held(own)], wallet.granted_held),
        ("granted and held is the sum of the open holds", sum(h.granted for h in open_holds), granted[held(own)]),
        ("held is the sum of the open holds", sum(hold.amount for hold in open_holds), wallet.held),
        ("spent is the sum of charges and captures less refunds", spent, wallet.spent),
        ("deposited is the sum of deposits and reloads", deposited, wallet.deposited),
        ("nothing is below zero", [], [name for name in ("balance", "held", "debt") if getattr(wallet, name) < 0]),
        ("what is owed leaves nothing to spend", 0, min(wallet.debt, wallet.balance)),
        ("each balance is the one before and the effect", [], _breaks(transfers)),
    ]
    return [Violation(own, name, expected, found) for name, expected, found in expectations if expected != found]


def movements(transfers: list[Transfer]) -> dict[str, int]:
    """What each ledger account gained or lost by the transfers and what they carry."""
    sums: dict[str, int] = defaultdict(int)
    for transfer in transfers:
        for movement in (transfer, transfer.split):
            if movement is not None:
                sums[movement.debit] -= movement.amount
                sums[movement.credit] += movement.amount
    return sums


def granted_movements(transfers: list[Transfer]) -> dict[str, int]:
    """What each ledger account gained or lost of granted money."""
    sums: dict[str, int] = defaultdict(int)
    for transfer in transfers:
        sums[transfer.debit] -= transfer.granted or 0
        sums[transfer.credit] += transfer.granted or 0
    return sums


def _breaks(transfers: list[Transfer]) -> list[int]:
    """The numbers of the transfers whose balance does not follow from the one before."""
    balances = [0, *(transfer.balance_after for transfer in transfers)]
    return [t.seq for before, t in zip(balances, transfers, strict=False) if before + t.effect != t.balance_after]


class WalletAudit:
    """Audits wallets in the store."""

    def __init__(self, wallets: WalletStore, book: Callable[[], Book], spending: SpendingStore) -> None:
        self._wallets = wallets
        self._book = book
        self._spending = spending

    def run(
        self,
        account_id: str | None,
        see: Callable[[list[Transfer]], None] = lambda _: None,
        step: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> Report:
        """Audit one account, or all; `see` is shown each account's whole ledger, `step` how many are done of how many.

        A wallet that is written meanwhile is looked at again; one that never stands still is named as busy.
        """
        accounts = self._wallets.all_accounts() if account_id is None else [account_id]
        transfers = 0
        violations: list[Violation] = []
        busy: list[str] = []
        for done, account in enumerate(accounts):
            step(done, len(accounts))
            ledger = self._quiet(account, violations)
            if ledger is None:
                busy.append(account)
                continue
            transfers += len(ledger)
            see(ledger)
        return Report(len(accounts), transfers, tuple(violations), tuple(busy))

    def _quiet(self, account_id: str, violations: list[Violation]) -> list[Transfer] | None:
        """The ledger of a wallet that stood still while it was checked; what is wrong is added to `violations`."""
        for _ in attempts(_LOOKS, longest_wait_seconds=_LONGEST_WAIT_SECONDS):
            before = self._wallets.get(account_id)
            transfers = self._wallets.ledger.whole(account_id)
            holds = self._wallets.open_holds(account_id)
            budgets = list(self._wallets.budgets(account_id))
            cursor, sheets = self._spending.whole(account_id)
            if self._wallets.get(account_id).version == before.version:
                violations += check(before, transfers, holds)
                said = [
                    *chained(before, transfers),
                    *priced(transfers, self._book()),
                    *budgeted(before, transfers, holds, budgets),
                    *added_up(cursor, sheets, transfers),
                ]
                violations += [Violation(account_id, *each) for each in said if each[1] != each[2]]
                return transfers
        return None
