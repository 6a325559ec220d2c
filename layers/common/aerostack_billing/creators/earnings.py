"""Earnings: a tool call's price shared between its creator and the platform, in the caller's own transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from aerostack_billing.creators.models import pending_account
from aerostack_billing.creators.posting import CreatorPosting
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.ledger.accounts import REVENUE
from aerostack_billing.ledger.models import Split
from aerostack_billing.platform import clock
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.sharing import Shared, TakenBack

_BASIS_POINTS = 10_000
_KNOWN_AT_MOST = 10_000


def creators_part(price: Micros, fee_bps: int) -> Micros:
    """What the creator gets: the price less the platform's fee, which is rounded down to a whole micro.

    So the parts always sum to the price, and a fraction of a micro falls to the creator.
    """
    return price - price * fee_bps // _BASIS_POINTS


def due_day(hold_days: int) -> str:
    """The first day on which an earning of this moment is payable: no sooner than after the whole holding period."""
    return (clock.now() + timedelta(days=hold_days + 1)).strftime("%Y-%m-%d")


class Earnings:
    """Shares prices with creators."""

    def __init__(self, creators: CreatorStore, fee_bps: int, hold_days: int) -> None:
        self._creators = creators
        self._fee_bps = fee_bps
        self._hold_days = hold_days
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

    def share(self, creator_id: str, price: Micros) -> Shared:
        """The creator's part of a price, pending until its due day."""
        part, day = creators_part(price, self._fee_bps), due_day(self._hold_days)
        split = Split(REVENUE, pending_account(creator_id), part, creator_id, day)
        return Shared(split, self._creators.earning(creator_id, day, part))

    def take_back(self, earned: Split, refund_id: str) -> TakenBack:
        """Take a share from what is pending, or, once it has matured, from what is payable, which may go below zero.

        The writes hold only if the creator is as it was read, so that a share is not taken from what is pending while
        it matures.
        """
        creator = self._creators.get(earned.creator_id)
        if earned.due_day > creator.matured_through:
            pending = pending_account(earned.creator_id)
            split = Split(pending, REVENUE, earned.amount, earned.creator_id, earned.due_day)
            after = replace(creator, version=creator.version + 1)
            less = self._creators.earning(earned.creator_id, earned.due_day, -earned.amount)
            return TakenBack(split, [self._creators.writing(creator, after), less])
        posting = CreatorPosting(creator)
        posting.taken_back(refund_id, earned.amount)
        after = replace(posting.creator, version=creator.version + 1)
        ledger = [self._creators.ledger.putting(transfer) for transfer in posting.transfers]
        return TakenBack(None, [self._creators.writing(creator, after), *ledger])
