"""Early fraud warnings: the card's network suspects a payment before its holder disputes it."""

from __future__ import annotations

from local.stripe.objects import Json
from local.stripe.world import World

KIND = "radar.early_fraud_warning"


def warn(world: World, charge: Json) -> Json:
    """The network suspects the charge; it can be acted on as long as it is neither disputed nor refunded in full."""
    warning = world.make(
        KIND,
        actionable=not charge["refunded"] and not charge["disputed"],
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        fraud_type="made_with_stolen_card",
    )
    world.tell(f"{KIND}.created", warning)
    return warning


def no_longer_actionable(world: World, charge: Json) -> None:
    """The charge was disputed, or refunded in full."""
    for warning in world.all(KIND).values():
        if warning["charge"] == charge["id"]:
            with world.updating(f"{KIND}.updated", warning):
                warning["actionable"] = False
