"""The platform's Stripe balance: every movement of it, in cents."""

from __future__ import annotations

from local.stripe.objects import Json
from local.stripe.world import World


def record(world: World, kind: str, source: str, amount: int, fee: int = 0) -> Json:
    """One movement of the balance, signed, and what Stripe keeps of it."""
    return world.make(
        "balance_transaction",
        type=kind,
        reporting_category=kind,
        source=source,
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency="usd",
        available_on=world.now(),
        status="available",
        description=None,
    )


def total(world: World) -> int:
    """The balance, in cents."""
    return sum(moved["net"] for moved in world.all("balance_transaction").values())
