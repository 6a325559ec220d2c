"""What moves a creator's money: pure functions from a creator as it is to a creator as it will be, with its transfers.

Only `CreatorPosting` changes a creator's money. It gives each transfer its number.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from aerostack_billing.creators.models import (
    FRACTIONS,
    Creator,
    Earned,
    claimed_account,
    granted_account,
    payable_account,
    pending_account,
    transit_account,
)
from aerostack_billing.ledger.accounts import REVENUE, STRIPE
from aerostack_billing.ledger.models import CreatorTransferType, Transfer
from aerostack_billing.platform import clock, correlation
from aerostack_billing.values.fields import CREATORS
from aerostack_billing.values.money import Micros


def partition(creator_id: str) -> str:
    """Under which account id the ledger keeps a creator's own transfers."""
    return f"{CREATORS}{creator_id}"


@dataclass
class CreatorPosting:
    """A creator's next state while it is worked out: each movement appends one transfer."""

    creator: Creator
    transfers: list[Transfer] = field(default_factory=list)

    def matured(self, earned: Earned) -> None:
        """What was pending and is due becomes payable. Below zero: refunds took more than fell due.

        What was earned of granted money is set apart; whole micros that the fractions of the fee come to are taken.
        """
        own, paid = self.creator.creator_id, earned.amount - earned.granted
        pending, payable = pending_account(own), payable_account(own)
        self._either_way("earning", pending, payable, paid, payable=paid)
        if earned.granted:
            self._either_way("earning_granted", pending, granted_account(own), earned.granted)
            self.creator = replace(self.creator, granted=self.creator.granted + earned.granted)
        fee, left = divmod(self.creator.fee_fraction + earned.fee_fraction, FRACTIONS)
        if fee:
            self._either_way("earning_fee", payable, REVENUE, fee, payable=-fee)
        self.creator = replace(self.creator, fee_fraction=left)

    def _either_way(
        self, kind: CreatorTransferType, debit: str, credit: str, amount: Micros, payable: Micros = 0
    ) -> None:
        """Move an amount, which below zero goes the other way."""
        if amount < 0:
            debit, credit = credit, debit
        self._move(kind, f"earning:{self.creator.seq + 1}", debit, credit, abs(amount), payable=payable)

    def taken_back(self, refund_id: str, earned: Earned) -> None:
        """A refund takes an earning that had matured; what is not there is taken from the next earnings."""
        own, paid = self.creator.creator_id, earned.amount - earned.granted
        self._move("earning_reversal", refund_id, payable_account(own), REVENUE, paid, payable=-paid)
        if earned.granted:
            self._move("earning_reversal", f"{refund_id}:granted", granted_account(own), REVENUE, earned.granted, 0)
        self.creator = replace(
            self.creator,
            granted=self.creator.granted - earned.granted,
            fee_fraction=self.creator.fee_fraction - earned.fee_fraction,
        )

    def held_back(self, amount: Micros) -> None:
        """What is pending is claimed, since nobody paid for it; below zero: it is pending again."""
        own = self.creator.creator_id
        self._claim(pending_account(own), amount, payable=0)

    def claimed(self, amount: Micros) -> None:
        """What is payable, or was paid out, is claimed, since nobody paid for it; below zero: it is payable again."""
        own = self.creator.creator_id
        self._claim(payable_account(own), amount, payable=-amount)

    def _claim(self, debit: str, amount: Micros, payable: Micros) -> None:
        credit = claimed_account(self.creator.creator_id)
        self._either_way("earning_claim", debit, credit, amount, payable)
        self.creator = replace(self.creator, claimed=self.creator.claimed + amount)

    def begun(self, payout_id: str, amount: Micros) -> None:
        """A payout sets out: its money is on the way."""
        own = self.creator.creator_id
        self._move("payout", payout_id, payable_account(own), transit_account(own), amount, -amount, amount)

    def arrived(self, payout_id: str, amount: Micros) -> None:
        """Stripe has the payout's money."""
        own = transit_account(self.creator.creator_id)
        self._move("payout_paid", f"{payout_id}:paid", own, STRIPE, amount, 0, -amount, amount)

    def failed(self, payout_id: str, amount: Micros) -> None:
        """Stripe refused the payout: its money is payable again."""
        own = self.creator.creator_id
        debit, credit = transit_account(own), payable_account(own)
        self._move("payout_failed", f"{payout_id}:failed", debit, credit, amount, amount, -amount)

    def came_back(self, payout_id: str, total: Micros, amount: Micros) -> None:
        """Stripe reversed a payout, all of it or up to `total`: that money is payable again."""
        own = payable_account(self.creator.creator_id)
        self._move("payout_reversal", f"{payout_id}:reversed:{total}", STRIPE, own, amount, amount, 0, -amount)

    def _move(
        self,
        kind: CreatorTransferType,
        transfer_id: str,
        debit: str,
        credit: str,
        amount: Micros,
        payable: Micros,
        in_transit: Micros = 0,
        paid: Micros = 0,
    ) -> None:
        before = self.creator
        self.creator = replace(
            before,
            seq=before.seq + 1,
            payable=before.payable + payable,
            in_transit=before.in_transit + in_transit,
            paid=before.paid + paid,
        )
        self.transfers.append(
            Transfer(
                account_id=partition(before.creator_id),
                transfer_id=transfer_id,
                seq=self.creator.seq,
                type=kind,
                debit=debit,
                credit=credit,
                amount=amount,
                effect=payable,
                balance_after=self.creator.payable,
                held_after=self.creator.in_transit,
                debt_after=max(0, -self.creator.payable),
                created_at=clock.iso_now(),
                description=kind.replace("_", " ").capitalize(),
                correlation_id=correlation.current(),
            )
        )
