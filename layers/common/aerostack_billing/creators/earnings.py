"""Earnings: a tool call's price shared between its creator and the platform, in the caller's own transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from aerostack_billing.creators.models import FRACTIONS, Creator, Earned, pending_account
from aerostack_billing.creators.posting import CreatorPosting
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.ledger.accounts import REVENUE
from aerostack_billing.ledger.models import Split
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import Conflict
from aerostack_billing.values.money import Micros, cents
from aerostack_billing.wallet.sharing import TakenBack

_KNOWN_AT_MOST = 10_000


def creators_part(price: Micros, fee_bps: int) -> Micros:
    """What the creator gets: the price less the platform's fee, which is rounded down to a whole micro.

    So the parts always sum to the price. The fraction that the fee falls short of is carried: see `fee_fraction`.
    """
    return price - price * fee_bps // FRACTIONS


def fee_fraction(price: Micros, fee_bps: int) -> int:
    """What the platform's fee, in whole micros, falls short of its exact share; in ten-thousandths of a micro."""
    return price * fee_bps % FRACTIONS


def due_day(hold_days: int) -> str:
    """The first day on which an earning of this moment is payable: no sooner than after the whole holding period."""
    return (clock.now() + timedelta(days=hold_days + 1)).strftime("%Y-%m-%d")


class RefundListener(Protocol):
    """Whoever tells of refunds that wait for an operator."""

    def refund_waits(self, creator_id: str, would_owe: Micros) -> None:
        """Called when a refund was refused: on this day it and those before would make the creator owe so much."""


class RefundNeedsReview(Conflict):
    """Too much of what was paid out to the creator would be refunded on one day: an operator has to look first."""

    code = "REFUND_NEEDS_REVIEW"


class Earnings:
    """Shares prices with creators."""

    def __init__(
        self,
        creators: CreatorStore,
        fee_bps: int,
        hold_days: int,
        owed_per_day: Micros,
        listener: RefundListener,
        *,
        pays_granted: bool,
    ) -> None:
        self._creators = creators
        self._fee_bps = fee_bps
        self._hold_days = hold_days
        self._owed_per_day = owed_per_day
        self._listener = listener
        self._pays_granted = pays_granted
        self._known: set[str] = set()

    def register(self, creator_id: str) -> None:
        """Make sure, before a price is taken, that payouts will look for what the creator earns.

        Asked of the store once a creator and process; what is remembered is bounded.
        """
        if creator_id in self._known:
            return
        self._creators.register(creator_id, clock.seconds())
        if len(self._known) >= _KNOWN_AT_MOST:
            self._known.clear()
        self._known.add(creator_id)

    def share(self, creator_id: str, price: Micros, granted: Micros) -> Split:
        """The creator's part of a price, pending until its due day.

        What comes of granted money is marked as such, and is not paid out, unless the stack pays for it.
        """
        given = 0 if self._pays_granted else granted
        paid = price - given
        part = creators_part(given, self._fee_bps)
        return Split(
            REVENUE,
            pending_account(creator_id),
            creators_part(paid, self._fee_bps) + part,
            creator_id,
            due_day(self._hold_days),
            part,
            fee_fraction(paid, self._fee_bps),
        )

    def counting(self, splits: Iterable[Split]) -> list[Write]:
        """The writes that count parts as pending: what one creator earns for one day, by one write."""
        sums: dict[tuple[str, str], Earned] = {}
        for split in splits:
            sums[split.creator_id, split.due_day] = sums.get((split.creator_id, split.due_day), Earned()) + earned_of(
                split
            )
        return [self._creators.earning(creator_id, day, earned) for (creator_id, day), earned in sums.items()]

    def take_back(self, earned: Split, refund_id: str) -> TakenBack:
        """Take a share from what is pending, or, once it has matured, from what is payable, which may go below zero.

        The writes hold only if the creator is as it was read, so that a share is not taken from what is pending while
        it matures. RefundNeedsReview (409) where it would make the creator owe more on one day than is allowed.
        """
        creator = self._creators.get(earned.creator_id)
        if earned.due_day > creator.matured_through:
            split = replace(earned, debit=earned.credit, credit=REVENUE)
            after = replace(creator, version=creator.version + 1)
            less = self._creators.earning(earned.creator_id, earned.due_day, -earned_of(earned))
            return TakenBack(split, [self._creators.writing(creator, after), less])
        posting = CreatorPosting(creator)
        posting.taken_back(refund_id, earned_of(earned))
        posting.creator = self._owing(creator, posting.creator)
        after = replace(posting.creator, version=creator.version + 1)
        ledger = [self._creators.ledger.putting(transfer) for transfer in posting.transfers]
        return TakenBack(None, [self._creators.writing(creator, after), *ledger])

    def _owing(self, before: Creator, after: Creator) -> Creator:
        """The creator after a refund, with what it made the creator owe today.

        What is owed was paid out already: the platform pays it first, and may never see it again.
        """
        more = max(0, -after.payable) - max(0, -before.payable)
        today = before.owed_today
        owed = replace(today, amount=today.amount + more)
        if more > 0 and owed.amount > max(self._owed_per_day, today.allowed):
            self._listener.refund_waits(before.creator_id, owed.amount)
            raise RefundNeedsReview(
                "The creator was paid for this charge, and today's refunds would make the creator owe too much. "
                "An operator has to allow it. Then repeat the request.",
                {"would_owe_cents": cents(owed.amount)},
            )
        return replace(after, owed=owed)


def earned_of(split: Split) -> Earned:
    """What a split earns its creator."""
    return Earned(split.amount, split.granted, split.fee_fraction)
