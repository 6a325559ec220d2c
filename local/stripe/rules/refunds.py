"""Money given back: refunds of charges."""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.objects import Json
from local.stripe.rules import balance, disputes
from local.stripe.world import World


def charge_of(world: World, payment_intent: str) -> Json:
    """The charge that took the intent's money."""
    intent = world.find("payment_intent", payment_intent, "payment_intent")
    if intent["latest_charge"] is None or intent["status"] != "succeeded":
        raise invalid(
            f"This PaymentIntent ({payment_intent}) does not have a successful charge to refund.",
            "payment_intent_unexpected_state",
            "payment_intent",
        )
    return world.find("charge", intent["latest_charge"])


def refund(
    world: World,
    charge: Json,
    amount: int | None,
    reason: str | None,
    metadata: Json,
    *,
    although_disputed: bool = False,
) -> Json:
    """Give so many cents of the charge back; all that is left where no amount is said.

    Stripe refuses to refund what the bank has taken back; `although_disputed` is for the case that both happen at once.
    """
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["refunded"] or left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    dispute = disputes.of_charge(world, charge)
    if dispute is not None and dispute["status"] != "won" and not although_disputed:
        raise invalid(f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed")
    given = left if amount is None else amount
    if given < 1:
        raise invalid("This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount")
    if given > left:
        raise invalid(
            f"Refund amount (${given / 100:.2f}) is greater than unrefunded amount on charge (${left / 100:.2f})",
            None,
            "amount",
        )
    made = world.make(
        "refund",
        amount=given,
        charge=charge["id"],
        currency=charge["currency"],
        payment_intent=charge["payment_intent"],
        reason=reason,
        metadata=metadata,
        status="succeeded",
        destination_details={
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
    )
    made["balance_transaction"] = balance.record(world, "refund", made["id"], -given)["id"]
    world.tell("refund.created", made)
    with world.updating("charge.refunded", charge):
        charge["amount_refunded"] += given
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    return made
