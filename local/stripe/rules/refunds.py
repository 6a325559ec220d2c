"""Money given back: refunds of charges."""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.objects import Json, difference, public
from local.stripe.rules import balance, cards, disputes, radar
from local.stripe.rules.calendar import DAY
from local.stripe.rules.cards import Refunds
from local.stripe.world import World

# How long the bank takes to settle a refund that does not settle at once.
SETTLES_AFTER_SECONDS = DAY


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
    open_to_refund = (*disputes.INQUIRY, "warning_closed", "won")
    if dispute is not None and dispute["status"] not in open_to_refund and not although_disputed:
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
    made = _give(world, charge, given, reason, metadata)
    world.tell("refund.created", made)
    with world.updating("charge.refunded", charge):
        charge["amount_refunded"] += given
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    if charge["refunded"]:
        radar.no_longer_actionable(world, charge)
        disputes.close_inquiry(world, charge)
    return made


def _give(world: World, charge: Json, amount: int, reason: str | None, metadata: Json) -> Json:
    method = world.find("payment_method", charge["payment_method"])
    course = cards.card_of(method).refunds if method["type"] == "card" else Refunds.ARRIVE
    made = world.make(
        "refund",
        amount=amount,
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
    made["balance_transaction"] = balance.record(world, "refund", made["id"], -amount)["id"]
    if course is Refunds.ARRIVE_LATER:
        made.update(status="pending", pending_reason="processing")
    if course is not Refunds.ARRIVE:
        made["_settles_at"] = world.now() + SETTLES_AFTER_SECONDS
        made["_settles_as"] = "succeeded" if course is Refunds.ARRIVE_LATER else "failed"
    return made


def settle(world: World, made: Json, status: str) -> None:
    """What became of a refund after it was made: it arrived, the bank sent it back, or it was canceled.

    One that was thought to have arrived can still fail; its money is on the balance again and may be refunded again.
    """
    allowed = {"pending": ("succeeded", "failed", "canceled"), "succeeded": ("failed",)}
    if status not in allowed.get(made["status"], ()):
        raise invalid(f"A refund that is {made['status']} does not become {status}.", None, "status")
    made.pop("_settles_at", None)
    before = public(made)
    made.pop("pending_reason", None)
    made["status"] = status
    if status != "succeeded":
        _come_back(world, made)
    changed = difference(before, public(made))
    world.tell("refund.updated", made, changed)
    world.tell("charge.refund.updated", made, changed)
    if status == "failed":
        world.tell("refund.failed", made, changed)


def _come_back(world: World, made: Json) -> None:
    charge = world.find("charge", made["charge"])
    moved = balance.record(world, "refund_failure", made["id"], made["amount"])
    made["failure_balance_transaction"] = moved["id"]
    if made["status"] == "failed":
        made["failure_reason"] = "expired_or_canceled_card"
    charge["amount_refunded"] -= made["amount"]
    charge["refunded"] = False
