"""Payment intents and charges: one attempt to take money from a payment method."""

from __future__ import annotations

import secrets

from local.stripe.objects import Json
from local.stripe.rules import balance, cards, disputes, radar
from local.stripe.rules.calendar import DAY
from local.stripe.rules.cards import Card, Verdict
from local.stripe.world import World

FEE_BASIS_POINTS = 290
FEE_FIXED_CENTS = 30
DEBIT_SETTLES_AFTER_SECONDS = 4 * DAY


def new_intent(world: World, amount: int, currency: str, customer: str | None, **values: object) -> Json:
    """A payment intent of so many cents that waits for a payment method."""
    intent = world.make(
        "payment_intent",
        amount=amount,
        currency=currency,
        customer=customer,
        payment_method_types=["card"],
        payment_method_options={
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
    )
    intent["client_secret"] = f"{intent['id']}_secret_{secrets.token_hex(12)}"
    intent.update(values)
    world.tell("payment_intent.created", intent)
    return intent


def attempt(world: World, intent: Json, method: Json, *, authenticated: bool = False) -> Verdict:
    """Try to take the intent's money from the payment method, and tell what became of it.

    Challenged: the intent waits at its action page. Declined: it waits for another payment method. Under way: a bank
    debit, of which is known some days later whether it worked.
    """
    if method["type"] != "card":
        debit(world, intent, method)
        return Verdict.UNDER_WAY
    card = cards.card_of(method)
    verdict = cards.on_charging(card, authenticated=authenticated, set_up=method["_set_up"])
    if verdict is Verdict.CHALLENGED:
        challenge(world, intent, method)
    elif verdict is Verdict.DECLINED:
        decline(world, intent, method, card)
    else:
        succeed(world, intent, method)
    return verdict


def debit(world: World, intent: Json, method: Json) -> None:
    """Debit the bank account; what becomes of it is known some days later."""
    with world.updating("payment_intent.processing", intent):
        intent.update(
            status="processing",
            payment_method=method["id"],
            payment_method_types=["card", "us_bank_account"],
            last_payment_error=None,
            next_action=None,
        )
    intent.update(_settles_at=world.now() + DEBIT_SETTLES_AFTER_SECONDS, _works=method["_works"])


def challenge(world: World, intent: Json, method: Json) -> None:
    """Wait for 3-D Secure: the customer answers at the action page."""
    intent.update(
        status="requires_action",
        payment_method=method["id"],
        last_payment_error=None,
        next_action={
            "type": "redirect_to_url",
            "redirect_to_url": {
                "url": f"{world.base_url}/action/{intent['id']}",
                "return_url": intent.get("_return_url"),
            },
        },
    )
    world.tell("payment_intent.requires_action", intent)


def decline(world: World, intent: Json, method: Json, card: Card) -> None:
    """The bank said no: a failed charge, and an intent that waits for another payment method."""
    charge = _charge(world, intent, method, status="failed", paid=False, captured=False)
    charge.update(failure_code=card.code, failure_message=card.message)
    charge["outcome"].update(
        type="issuer_declined",
        network_status="declined_by_network",
        reason=card.decline_code,
        seller_message="The bank did not return any further details with this decline.",
    )
    world.tell("charge.failed", charge)
    fail(world, intent, method, card, charge["id"])


def fail(world: World, intent: Json, method: Json, card: Card, charge_id: str | None) -> None:
    """The intent waits for another payment method and says why."""
    error: Json = {"type": "card_error", "code": card.code, "message": card.message, "payment_method": dict(method)}
    if card.decline_code is not None:
        error["decline_code"] = card.decline_code
    if charge_id is not None:
        error["charge"] = charge_id
        intent["latest_charge"] = charge_id
    intent.update(status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=error)
    world.tell("payment_intent.payment_failed", intent)


def succeed(world: World, intent: Json, method: Json) -> Json:
    """Take the money. Returns the charge."""
    customer = world.all("customer").get(intent["customer"])
    if intent["setup_future_usage"] is not None and customer is not None and not method.get("_detached"):
        method["_set_up"] = True
        cards.attach(world, method, customer)
    charge = _charge(world, intent, method, status="succeeded", paid=True, captured=True)
    charge.update(
        amount_captured=intent["amount"],
        receipt_email=intent["receipt_email"],
        receipt_url=f"{world.base_url}/receipts/{charge['id']}",
    )
    charge["balance_transaction"] = balance.record(
        world,
        "charge",
        charge["id"],
        intent["amount"],
        fee=intent["amount"] * FEE_BASIS_POINTS // 10_000 + FEE_FIXED_CENTS,
    )["id"]
    intent.update(
        status="succeeded",
        payment_method=method["id"],
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        last_payment_error=None,
        next_action=None,
        processing=None,
    )
    world.tell("charge.succeeded", charge)
    world.tell("payment_intent.succeeded", intent)
    if method["type"] == "card":
        _suspected(world, charge, cards.card_of(method))
    return charge


def _suspected(world: World, charge: Json, card: Card) -> None:
    """What the card's network and its holder do about the payment."""
    if card.warns:
        radar.warn(world, charge)
    if card.dispute_reason is not None:
        disputes.begin(world, charge, card.dispute_reason, inquiry=card.inquiry)


def _charge(world: World, intent: Json, method: Json, *, status: str, paid: bool, captured: bool) -> Json:
    return world.make(
        "charge",
        amount=intent["amount"],
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=_details(method),
        billing_details=dict(method["billing_details"]),
        status=status,
        paid=paid,
        captured=captured,
        transfer_group=intent["transfer_group"],
        outcome={
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
    )


def _details(method: Json) -> Json:
    if method["type"] == "us_bank_account":
        account = method["us_bank_account"]
        answer = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
        details = {key: account[key] for key in answer}
        return {"type": "us_bank_account", "us_bank_account": {**details, "payment_reference": None}}
    card = method["card"]
    shared = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {
        "type": "card",
        "card": {
            **{key: card[key] for key in shared},
            "amount_authorized": None,
            "authorization_code": None,
            "installments": None,
            "mandate": None,
            "network": card["brand"],
            "network_transaction_id": None,
            "regulated_status": card["regulated_status"],
            "three_d_secure": None,
            "wallet": None,
        },
    }
