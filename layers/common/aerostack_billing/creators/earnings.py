"""Earnings: a tool call's price shared between its creator and the platform, in the caller's own transaction."""

from __future__ import annotations

from datetime import timedelta

from aerostack_billing.creators.models import pending_account
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.ledger.accounts import REVENUE
from aerostack_billing.ledger.models import Split
from aerostack_billing.platform import clock
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.sharing import Shared

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

    def expect(self, creator_id: str) -> None:
        """Make sure, before a price is taken, that payouts will look for what the creator earns.

        Asked of the store once a creator and process; what is remembered is bounded.
        """
        if creator_id in self._known:
            return
        self._creators.expect(creator_id, clock.seconds())
        if len(self._known) >= _KNOWN_AT_MOST:
            self._known.clear()
        self._known.add(creator_id)

    def share(self, creator_id: str, price: Micros) -> Shared:
        """The creator's part of a price, pending until its due day."""
        part, day = creators_part(price, self._fee_bps), due_day(self._hold_days)
        split = Split(REVENUE, pending_account(creator_id), part, creator_id, day)
        return Shared(split, self._creators.earning(creator_id, day, part))
