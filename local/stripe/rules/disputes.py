"""Disputes: the bank asks about a payment, takes it back, and sometimes gives it back again.

An inquiry (`warning_needs_response`, `warning_under_review`) moves no money. It is closed (`warning_closed`) or becomes
a chargeback (`needs_response`, `under_review`), which has moved it, and which ends `won` or `lost`.
"""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.objects import Json, public
from local.stripe.rules import balance, radar
from local.stripe.rules.calendar import DAY
from local.stripe.world import World

FEE_CENTS = 1500
ANSWER_WITHIN_DAYS = 7
INQUIRY = ("warning_needs_response", "warning_under_review")
CHARGEBACK = ("needs_response", "under_review")
STATUSES = (*INQUIRY, "warning_closed", *CHARGEBACK, "won", "lost")
_ANSWERED = {"warning_needs_response": "warning_under_review", "needs_response": "under_review"}

# What the bank makes of evidence that says nothing but this word, as in Stripe's test mode.
_WINS, _LOSES, _ESCALATES = "winning_evidence", "losing_evidence", "escalate_inquiry_evidence"


def of_charge(world: World, charge: Json) -> Json | None:
    """The charge's dispute, or None."""
    return next((dispute for dispute in world.all("dispute").values() if dispute["charge"] == charge["id"]), None)


def begin(world: World, charge: Json, reason: str, *, inquiry: bool = False) -> Json:
    """The cardholder disputes what is not refunded of the charge: that and a fee leave the balance at once.

    An inquiry moves nothing yet, and the payment may still be refunded.
    """
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
        is_charge_refundable=inquiry,
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    dispute["evidence"] = dict.fromkeys(dispute["evidence"]) | {"enhanced_evidence": {}}
    dispute["evidence_details"].update(due_by=world.now() + ANSWER_WITHIN_DAYS * DAY)
    dispute["payment_method_details"] = {
        "type": "card",
        "card": {
            "brand": charge["payment_method_details"].get("card", {}).get("brand", "visa"),
            "case_type": "inquiry" if inquiry else "chargeback",
            "network_reason_code": "10.4",
        },
    }
    if not inquiry:
        _move(world, dispute, -amount, FEE_CENTS)
    charge["disputed"] = True
    world.tell("charge.dispute.created", dispute)
    if not inquiry:
        world.tell("charge.dispute.funds_withdrawn", dispute)
    radar.no_longer_actionable(world, charge)
    return dispute


def answer(world: World, dispute: Json, evidence: Json, *, submit: bool) -> None:
    """Keep evidence for the bank, and hand it in where `submit` says so. The bank decides later."""
    if dispute["status"] not in _ANSWERED:
        raise invalid(f"Evidence is taken while a response is needed; this dispute is {dispute['status']}.")
    with world.updating("charge.dispute.updated", dispute):
        dispute["evidence"] = {**dispute["evidence"], **{name: text or None for name, text in evidence.items()}}
        details = {**dispute["evidence_details"], "has_evidence": any(dispute["evidence"].values())}
        if submit:
            details["submission_count"] += 1
            dispute["status"] = _ANSWERED[dispute["status"]]
        dispute["evidence_details"] = details
    if submit and {_WINS, _LOSES, _ESCALATES} & {text for text in dispute["evidence"].values() if text != {}}:
        dispute["_decides_at"] = world.now()


def decide(world: World, dispute: Json) -> None:
    """The bank has read the evidence."""
    del dispute["_decides_at"]
    words = {text for text in dispute["evidence"].values() if isinstance(text, str)}
    if dispute["status"] in INQUIRY:
        become(world, dispute, "needs_response" if words & {_ESCALATES, _LOSES} else "warning_closed")
    elif dispute["status"] in CHARGEBACK:
        become(world, dispute, "won" if _WINS in words else "lost")


def become(world: World, dispute: Json, status: str) -> None:
    """Take the dispute to the status, with the money and the events that belong to it. An impossible way is refused."""
    now = dispute["status"]
    if now == status and now in (*INQUIRY, *CHARGEBACK):
        return
    if (status == "warning_closed" and now in INQUIRY) or (status in ("won", "lost") and now in CHARGEBACK):
        _close(world, dispute, status)
    elif status == "needs_response" and now in INQUIRY:
        _escalate(world, dispute)
    elif _ANSWERED.get(now) == status:
        answer(world, dispute, {"uncategorized_text": "Here is our evidence."}, submit=True)
    elif now in ("won", "lost", "warning_closed"):
        raise invalid(f"This dispute is already closed: {now}.")
    else:
        raise invalid(f"A dispute that is {now} does not become {status}.", None, "status")


def close_inquiry(world: World, charge: Json) -> None:
    """The payment is refunded in full: there is nothing left to inquire about."""
    dispute = of_charge(world, charge)
    if dispute is not None and dispute["status"] in INQUIRY:
        become(world, dispute, "warning_closed")


def _escalate(world: World, dispute: Json) -> None:
    charge = world.find("charge", dispute["charge"])
    with world.updating("charge.dispute.updated", dispute):
        dispute.update(
            amount=charge["amount"] - charge["amount_refunded"], status="needs_response", is_charge_refundable=False
        )
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
        dispute["evidence_details"] = {
            **dispute["evidence_details"],
            "due_by": world.now() + ANSWER_WITHIN_DAYS * DAY,
        }
        _move(world, dispute, -dispute["amount"], FEE_CENTS)
    world.tell("charge.dispute.funds_withdrawn", dispute)


def _close(world: World, dispute: Json, status: str) -> None:
    """`won` brings the money back, `lost` does not; the fee is gone either way."""
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
