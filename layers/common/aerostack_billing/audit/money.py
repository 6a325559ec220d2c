"""The audit of creators: what is pending, payable and paid, recomputed from the ledgers of callers and creators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from aerostack_billing.audit.wallets import Report, Violation, WalletAudit, movements
from aerostack_billing.creators.models import (
    Creator,
    Earned,
    claimed_account,
    granted_account,
    payable_account,
    pending_account,
    transit_account,
)
from aerostack_billing.creators.posting import partition
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.ledger.models import Transfer


def check(creator: Creator, transfers: list[Transfer]) -> list[Violation]:
    """Every invariant that does not hold of a creator and their whole ledger in order."""
    own, sums = creator.creator_id, movements(transfers)
    arrived = sum(t.amount for t in transfers if t.type == "payout_paid")
    came_back = sum(t.amount for t in transfers if t.type == "payout_reversal")
    expectations: list[tuple[str, object, object]] = [
        ("seq has no gap", list(range(1, creator.seq + 1)), [transfer.seq for transfer in transfers]),
        ("all ledger accounts sum to zero", 0, sum(sums.values())),
        ("payable is the sum of its transfers", sums[payable_account(own)], creator.payable),
        ("granted is the sum of its transfers", sums[granted_account(own)], creator.granted),
        ("claimed is the sum of its transfers", sums[claimed_account(own)], creator.claimed),
        ("in transit is the sum of its transfers", sums[transit_account(own)], creator.in_transit),
        ("paid is the sum of payouts less reversals", arrived - came_back, creator.paid),
        ("money is in transit for an open payout only", creator.open_payout_id is not None, creator.in_transit > 0),
    ]
    return [Violation(own, name, expected, found) for name, expected, found in expectations if expected != found]


class MoneyAudit:
    """Audits wallets and creators together."""

    def __init__(self, wallets: WalletAudit, creators: CreatorStore) -> None:
        self._wallets = wallets
        self._creators = creators

    def run(self, account_id: str | None, step: Callable[[int, int], None] = lambda _done, _of: None) -> Report:
        """Audit one account, as a wallet and as a creator, or all; `step` is called for each wallet.

        Only an audit of all can tell whether what is pending is what callers' ledgers say. A creator who earned or
        was paid while it ran is named as busy, not compared.
        """
        creators = self._creators.all_creators() if account_id is None else [account_id]
        before = {creator: self._snapshot(creator) for creator in creators}
        earned: dict[str, int] = defaultdict(int)

        def see(transfers: list[Transfer]) -> None:
            for account, amount in movements(transfers).items():
                earned[account] += amount

        report = self._wallets.run(account_id, see, step)
        violations, busy, lines = list(report.violations), list(report.busy), report.transfers
        for creator_id in creators:
            transfers = self._creators.ledger.whole(partition(creator_id))
            creator, pending = self._snapshot(creator_id)
            if (creator, pending) != before[creator_id]:
                busy.append(creator_id)
                continue
            lines += len(transfers)
            violations += check(creator, transfers)
            if account_id is None:
                own = pending_account(creator_id)
                expected = earned[own] + movements(transfers)[own]
                if expected != pending:
                    name = "pending is what callers paid less what matured"
                    violations.append(Violation(creator_id, name, expected, pending))
        return replace(report, transfers=lines, violations=tuple(violations), busy=tuple(busy))

    def wallet(self, account_id: str) -> Report:
        """Audit one account as a wallet."""
        return self._wallets.run(account_id)

    def creator(self, creator_id: str) -> Report:
        """Audit one account as a creator, without what is pending."""
        before = self._snapshot(creator_id)
        transfers = self._creators.ledger.whole(partition(creator_id))
        if self._snapshot(creator_id) != before:
            return Report(0, 0, (), (creator_id,))
        return Report(0, len(transfers), tuple(check(before[0], transfers)))

    def _snapshot(self, creator_id: str) -> tuple[Creator, int]:
        pending = sum(self._creators.pending(creator_id).values(), Earned())
        return self._creators.get(creator_id), pending.amount
