"""Which price at Stripe is a plan's now: kept for a minute, and looked up again where Stripe refuses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from aerostack_billing.payments.client import translated
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import ObjectMissing, PaymentsRefused

if TYPE_CHECKING:
    import stripe

Answer = TypeVar("Answer")

_KNOWN_SECONDS = 60


class Prices:
    """Looks prices up by their lookup keys, `pro_yearly`."""

    def __init__(self, connect: Callable[[], stripe.StripeClient]) -> None:
        self._connect = connect
        self._known: dict[str, tuple[int, str]] = {}

    def using(self, plan: tuple[Tier, Interval], act: Callable[[str], Answer]) -> Answer:
        """What `act` makes of the plan's price.

        Staff replace prices and archive the old ones: where Stripe refuses a price that was known from before, `act` is
        called once more with the one that is the plan's now, if that is another. ObjectMissing if the plan has none.
        """
        lookup_key = "_".join(plan)
        read_at, price = self._known.get(lookup_key, (0, ""))
        if clock.seconds() - read_at >= _KNOWN_SECONDS:
            return act(self._look_up(lookup_key))
        try:
            return act(price)
        except PaymentsRefused:
            now = self._look_up(lookup_key)
            if now == price:
                raise
        return act(now)

    def _look_up(self, lookup_key: str) -> str:
        with translated():
            found = self._connect().v1.prices.list({"lookup_keys": [lookup_key], "active": True, "limit": 1})
        if not found.data:
            raise ObjectMissing("The payment provider has no price for this plan.", {"lookup_key": lookup_key})
        self._known[lookup_key] = (clock.seconds(), found.data[0].id)
        return found.data[0].id
