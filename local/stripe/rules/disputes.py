"""Disputes: the bank takes a payment back, and sometimes gives it back again."""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.objects import Json, public
from local.stripe.rules import balance
from local.stripe.rules.calendar import DAY
from local.stripe.world import World

FEE_CENTS = 1500
ANSWER_WITHIN_DAYS = 7


def of_charge(world: World, charge: Json) -> Json | None:
    """The charge's dispute, or None."""
    return next((dispute for dispute in world.all("dispute").values() if dispute["charge"] == charge["id"]), None)


def begin(world: World, charge: Json, reason: str) -> Json:
    """The cardholder disputes the charge: what is not refunded of it, and a fee, leave the balance at once."""
    amount = charge["amount"] - charge["amount_refunded"]
    if amount == 0:
        raise invalid(f"Charge {charge['id']} is refunded in full: there is nothing to dispute.")
    dispute = world.make(
        "dispute",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        payment_intent=charge["payment_intent"],
        enhanced_eligibility_types=[],
        is_charge_refundable=False,
        reason=reason,
        status="needs_response",
    )
    dispute["evidence_details"].update(due_by=world.now() + ANSWER_WITHIN_DAYS * DAY)
    dispute["payment_method_details"] = {
        "type": "card",
        "card": {
            "brand": charge["payment_method_details"].get("card", {}).get("brand", "visa"),
            "case_type": "chargeback",
            "network_reason_code": "10.4",
        },
    }
    _move(world, dispute, -amount, FEE_CENTS)
    charge["disputed"] = True
    world.tell("charge.dispute.created", dispute)
    world.tell("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close(world: World, dispute: Json, status: str) -> None:
    """The bank decides: `won` brings the money back, `lost` does not. The fee is gone either way."""
    if dispute["status"] in ("won", "lost"):
        raise invalid(f"This dispute is already closed: {dispute['status']}.")
    with world.updating("charge.dispute.closed", dispute):
        dispute["status"] = status
        if status == "won":
            _move(world, dispute, dispute["amount"], 0)
    if status == "won":
        world.tell("charge.dispute.funds_reinstated", dispute)


def _move(world: World, dispute: Json, amount: int, fee: int) -> None:
    moved = balance.record(world, "adjustment", dispute["id"], amount, fee)
    moved["reporting_category"] = "dispute" if amount < 0 else "dispute_reversal"
    dispute["balance_transactions"] = [*dispute["balance_transactions"], public(moved)]
