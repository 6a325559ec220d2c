"""Checkout sessions: what is bought, paid, left or let lapse."""

from __future__ import annotations

from local.stripe.errors import StripeError, invalid
from local.stripe.objects import Json, blank
from local.stripe.rules import cards, collection, customers, payments, subscriptions
from local.stripe.rules.calendar import DAY
from local.stripe.rules.cards import Card, Verdict
from local.stripe.rules.changes import Bought
from local.stripe.rules.subscriptions import Terms
from local.stripe.world import World

# A bank debit is under way for some days before it is known to have worked.
DEBIT_SETTLES_AFTER_SECONDS = 4 * DAY


def pay(world: World, session: Json, card: Card, *, authenticated: bool) -> Verdict:
    """Pay an open session by card. Challenged: nothing is bought yet.

    Raises Stripe's 402 where the card declines; the session stays open.
    """
    if session["mode"] == "subscription":
        return _subscribe(world, session, card, authenticated=authenticated)
    if session["mode"] == "setup":
        return _set_up(world, session, card, authenticated=authenticated)
    return _pay_once(world, session, card, authenticated=authenticated)


def _subscribe(world: World, session: Json, card: Card, *, authenticated: bool) -> Verdict:
    """Nothing is created before the card is known to work, so a decline leaves no half-made subscription."""
    verdict = cards.on_charging(card, authenticated=authenticated)
    if verdict is Verdict.CHALLENGED:
        return verdict
    if verdict is Verdict.DECLINED:
        raise cards.refusal(card)
    customer = _customer(world, session)
    method = cards.new_method(world, card, set_up=True)
    cards.attach(world, method, customer)
    data = session["_subscription_data"]
    terms = Terms(method=method, metadata=data.get("metadata", {}), description=data.get("description"))
    subscription = subscriptions.begin(world, customer, _wanted(world, session), terms)
    invoice = world.find("invoice", subscription["latest_invoice"])
    collection.collect(world, invoice, authenticated=True)
    session.update(subscription=subscription["id"], invoice=invoice["id"])
    _complete(world, session, customer, "paid" if session["amount_total"] else "no_payment_required")
    return verdict


def _wanted(world: World, session: Json) -> list[Bought]:
    return [Bought(world.find("price", item["price"]["id"]), item["quantity"]) for item in session["_line_items"]]


def _pay_once(world: World, session: Json, card: Card, *, authenticated: bool) -> Verdict:
    intent = _intent(world, session)
    method = cards.new_method(world, card, set_up=False)
    verdict = payments.attempt(world, intent, method, authenticated=authenticated)
    if verdict is Verdict.DECLINED:
        raise cards.refusal(card)
    if verdict is Verdict.APPROVED:
        _complete(world, session, _customer_of(world, session), "paid")
    return verdict


def _set_up(world: World, session: Json, card: Card, *, authenticated: bool) -> Verdict:
    verdict = cards.on_saving(card, authenticated=authenticated)
    if verdict is Verdict.CHALLENGED:
        return verdict
    if verdict is Verdict.DECLINED:
        raise cards.refusal(card)
    customer = _customer(world, session)
    method = cards.new_method(world, card, set_up=True)
    cards.attach(world, method, customer)
    intent = world.make(
        "setup_intent",
        customer=customer["id"],
        payment_method=method["id"],
        payment_method_types=["card"],
        status="succeeded",
        usage="off_session",
        metadata=dict(session["_setup_intent_data"].get("metadata", {})),
    )
    intent["client_secret"] = f"{intent['id']}_secret"
    world.tell("setup_intent.succeeded", intent)
    session["setup_intent"] = intent["id"]
    _complete(world, session, customer, "no_payment_required")
    return verdict


def debit(world: World, session: Json, *, works: bool) -> None:
    """Pay a session by bank debit: complete now, paid or failed some days later."""
    if session["mode"] != "payment":
        raise StripeError(402, "card_error", "A bank debit is taken for a single payment only; use a card.")
    intent = _intent(world, session)
    method = blank("payment_method", type="us_bank_account", created=world.now(), _number=None, _set_up=True)
    del method["card"]
    method["us_bank_account"] = {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": "FFDMA0xfhBjWSZLu",
        "last4": "6789" if works else "1116",
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": None,
    }
    world.add(method)
    with world.updating("payment_intent.processing", intent):
        intent.update(
            status="processing", payment_method=method["id"], payment_method_types=["card", "us_bank_account"]
        )
    session.update(_settles_at=world.now() + DEBIT_SETTLES_AFTER_SECONDS, _works=works)
    _complete(world, session, _customer_of(world, session), "unpaid")


def settle_debit(world: World, session: Json, *, works: bool) -> None:
    """The bank debit of a completed session worked, or did not."""
    if "_settles_at" not in session:
        raise invalid("This session waits for no bank debit.")
    del session["_settles_at"]
    intent = world.find("payment_intent", session["payment_intent"])
    method = world.find("payment_method", intent["payment_method"])
    if works:
        payments.succeed(world, intent, method)
        session["payment_status"] = "paid"
        world.tell("checkout.session.async_payment_succeeded", session)
        return
    refused = Card(
        "", code="payment_intent_payment_attempt_failed", message="The customer's account has insufficient funds."
    )
    payments.fail(world, intent, method, refused, None)
    world.tell("checkout.session.async_payment_failed", session)


def expire(world: World, session: Json) -> None:
    """The session can no longer be paid."""
    if session["status"] != "open":
        raise invalid(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status '
            f"of {session['status']}."
        )
    session.update(status="expired", url=None)
    world.tell("checkout.session.expired", session)


def _intent(world: World, session: Json) -> Json:
    """The session's payment intent: made at the first attempt, used again at the next."""
    if session["payment_intent"] is not None:
        return world.find("payment_intent", session["payment_intent"])
    customer, data = _customer_of(world, session), session["_payment_intent_data"]
    intent = payments.new_intent(
        world,
        session["amount_total"],
        session["currency"],
        customer["id"] if customer is not None else None,
        description=data.get("description"),
        metadata=dict(data.get("metadata", {})),
        receipt_email=data.get("receipt_email"),
        setup_future_usage=data.get("setup_future_usage"),
        transfer_group=data.get("transfer_group"),
        _return_url=session["success_url"],
        _session=session["id"],
    )
    session["payment_intent"] = intent["id"]
    return intent


def _customer_of(world: World, session: Json) -> Json | None:
    """The customer that pays, where the session has one or is to make one."""
    if session["customer"] is None and session["customer_creation"] != "always":
        return None
    return _customer(world, session)


def _customer(world: World, session: Json) -> Json:
    if session["customer"] is not None:
        return world.find("customer", session["customer"], "customer")
    customer = customers.new_customer(world, {"email": session["customer_email"]})
    session["customer"] = customer["id"]
    return customer


def _complete(world: World, session: Json, customer: Json | None, payment_status: str) -> None:
    email = customer["email"] if customer is not None else session["customer_email"]
    session.update(
        status="complete",
        payment_status=payment_status,
        url=None,
        customer_details={
            "address": None,
            "business_name": None,
            "email": email,
            "individual_name": None,
            "name": customer["name"] if customer is not None else None,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    )
    world.tell("checkout.session.completed", session)
