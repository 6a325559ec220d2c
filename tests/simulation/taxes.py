"""What a payment at Stripe bought, beside its tax, and what is left of that: by the objects of Stripe's alone."""

from __future__ import annotations

import math
from fractions import Fraction

from aerostack_billing.values.money import micros
from local.stripe.objects import Json
from tests.simulation.world import World

_GONE = {"needs_response", "under_review", "lost"}


def bought(world: World, payment: Json) -> int:
    """The micros that a payment bought: what Stripe received, less the tax that its page added."""
    page = world.stripe.world.all("checkout.session").get(payment.get("_session") or "")
    tax = page["total_details"]["amount_tax"] if page is not None else 0
    return int(micros(payment["amount_received"] - tax))


def left_of(world: World, payment: Json) -> int:
    """What is left of what a payment bought, less the same share of it as was refunded or is disputed of the payment.

    Shares of refunds are rounded down to a micro, those of disputes up.
    """
    if payment["status"] != "succeeded":
        return 0
    charge = world.stripe.world.all("charge").get(payment["latest_charge"] or "")
    if charge is None:
        return bought(world, payment)
    each = Fraction(bought(world, payment), payment["amount_received"])
    back = math.floor(charge["amount_refunded"] * each) + math.ceil(_disputed(world, payment) * each)
    return max(0, bought(world, payment) - back)


def _disputed(world: World, payment: Json) -> int:
    disputes = world.stripe.world.all("dispute").values()
    return sum(d["amount"] for d in disputes if d["payment_intent"] == payment["id"] and d["status"] in _GONE)
