"""Checkout sessions: what is bought, paid, left or let lapse."""

from __future__ import annotations

from fractions import Fraction

from local.stripe.errors import StripeError, invalid
from local.stripe.objects import Json
from local.stripe.rules import (
    booking,
    calendar,
    cards,
    collection,
    customers,
    debits,
    discounts,
    payments,
    subscriptions,
    taxes,
)
from local.stripe.rules.calendar import DAY
from local.stripe.rules.cards import Card, Verdict
from local.stripe.rules.changes import Bought
from local.stripe.rules.subscriptions import Terms
from local.stripe.world import World


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
    # A trial charges nothing yet: the card is kept for its end.
    ask = cards.on_saving if _is_tried(session) else cards.on_charging
    verdict = ask(card, authenticated=authenticated)
    if verdict is Verdict.CHALLENGED:
        return verdict
    if verdict is Verdict.DECLINED:
        raise cards.refusal(card)
    customer = _customer(world, session)
    method = cards.new_method(world, card, set_up=True)
    cards.attach(world, method, customer)
    subscription = _begin(world, session, customer, method)
    invoice = world.find("invoice", subscription["latest_invoice"])
    collection.collect(world, invoice, authenticated=True)
    session.update(subscription=subscription["id"], invoice=invoice["id"])
    _complete(world, session, customer, "paid" if session["amount_total"] else "no_payment_required")
    return verdict


def _is_tried(session: Json) -> bool:
    return bool({"trial_end", "trial_period_days"} & set(session["_subscription_data"]))


def _begin(world: World, session: Json, customer: Json, method: Json) -> Json:
    data = session["_subscription_data"]
    days = data.get("trial_period_days")
    terms = Terms(
        method=method,
        metadata=data.get("metadata", {}),
        description=data.get("description"),
        trial_end=data.get("trial_end") or (world.now() + days * DAY if days else None),
        discounts=session["_discounts"],
        automatic_tax=session["automatic_tax"]["enabled"],
    )
    return subscriptions.begin(world, customer, _wanted(world, session), terms)


def _wanted(world: World, session: Json) -> list[Bought]:
    return [Bought(world.find("price", item["price"]["id"]), item["quantity"]) for item in session["_line_items"]]


def discount(world: World, session: Json, asked: list[Json]) -> None:
    """Take the coupons or promotion codes off what the session costs today. They are redeemed once it is paid."""
    customer = world.all("customer").get(session["customer"])
    taken, shown = 0, []
    for each in asked:
        coupon, code = discounts.coupon_of(world, each, customer)
        left = session["amount_subtotal"] - taken
        percent = coupon["percent_off"]
        taken += min(left, coupon["amount_off"] or calendar.cents(Fraction(str(percent)) * left / 100))
        shown.append({"coupon": coupon["id"], "promotion_code": code["id"] if code is not None else None})
    session["total_details"]["amount_discount"] = taken
    session.update(amount_total=session["amount_subtotal"] - taken, discounts=shown or None, _discounts=asked)


def locate(world: World, session: Json, country: str | None) -> None:
    """Let the payer be in a country: the one that was chosen, else the one that is known, else one without tax."""
    customer = _customer_of(world, session)
    taxes.locate(session, customer, country or taxes.country_of(customer) or "US")


def _pay_once(world: World, session: Json, card: Card, *, authenticated: bool) -> Verdict:
    if session["amount_total"] == 0:
        _redeem(world, session)
        _complete(world, session, _customer_of(world, session), "no_payment_required")
        return Verdict.APPROVED
    intent = _intent(world, session)
    method = cards.new_method(world, card, set_up=False)
    verdict = payments.attempt(world, intent, method, authenticated=authenticated)
    if verdict is Verdict.DECLINED:
        raise cards.refusal(card)
    if verdict is Verdict.APPROVED:
        _redeem(world, session)
        booking.book(world, session, intent)
        _complete(world, session, _customer_of(world, session), "paid")
    return verdict


def _redeem(world: World, session: Json) -> None:
    customer = _customer_of(world, session)
    if session["_discounts"] and customer is not None:
        discounts.redeem(world, session["_discounts"], customer, session=session["id"])


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
    if session["mode"] == "setup":
        raise StripeError(402, "card_error", "A bank account is taken for a payment only; use a card.")
    method = debits.new_method(world, works=works)
    if session["mode"] == "subscription":
        _subscribe_by_debit(world, session, method)
    else:
        payments.attempt(world, _intent(world, session), method)
    session["_waits"] = True
    _complete(world, session, _customer_of(world, session), "unpaid")


def _subscribe_by_debit(world: World, session: Json, method: Json) -> None:
    """The subscription waits for its first payment, or runs meanwhile where the account is set up so."""
    customer = _customer(world, session)
    cards.attach(world, method, customer)
    subscription = _begin(world, session, customer, method)
    subscription["_debited"] = True
    invoice = world.find("invoice", subscription["latest_invoice"])
    session.update(subscription=subscription["id"], invoice=invoice["id"])
    collection.collect(world, invoice)
    if world.store.state.settings["debits_activate"]:
        with world.updating("customer.subscription.updated", subscription):
            subscription["status"] = "active"


def settle_debit(world: World, session: Json, *, works: bool) -> None:
    """The bank debit of a completed session worked, or did not, before its time."""
    debits.settle(world, debits.intent_of(world, session), works=works)


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
        intent = world.find("payment_intent", session["payment_intent"])
        # What is to pay may have changed since, by where the payer is.
        intent["amount"] = session["amount_total"]
        return intent
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
