"""Bank debits: under way for some days (`processing`) before it is known whether they worked."""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.objects import Json, blank
from local.stripe.rules import booking, collection, payments
from local.stripe.rules.cards import Card
from local.stripe.world import World

_REFUSED = Card(
    "", code="payment_intent_payment_attempt_failed", message="The customer's account has insufficient funds."
)


def new_method(world: World, *, works: bool) -> Json:
    """A bank account to debit, of no customer yet."""
    method = blank(
        "payment_method", type="us_bank_account", created=world.now(), _number=None, _set_up=True, _works=works
    )
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
    return world.add(method)


def session_of(world: World, intent: Json) -> Json | None:
    """The Checkout session that waits for the intent's debit, if one does."""
    sessions = world.all("checkout.session")
    if "_session" in intent:
        return sessions[intent["_session"]]
    waiting = (session for session in sessions.values() if session.get("_waits"))
    return next((session for session in waiting if session["invoice"] == intent.get("_invoice")), None)


def intent_of(world: World, session: Json) -> Json:
    """The intent whose debit the session waits for."""
    for intent in world.all("payment_intent").values():
        if "_settles_at" in intent and session_of(world, intent) is session:
            return intent
    raise invalid("This session waits for no bank debit.")


def settle(world: World, intent: Json, *, works: bool) -> None:
    """The debit worked, or did not; what it was to pay follows, and a session that waited for it says so."""
    del intent["_settles_at"]
    session = session_of(world, intent)
    method = world.find("payment_method", intent["payment_method"])
    if works:
        payments.succeed(world, intent, method)
    else:
        payments.fail(world, intent, method, _REFUSED, None)
    if "_invoice" in intent:
        collection.settled(world, world.find("invoice", intent["_invoice"]), works=works)
    if session is None:
        return
    session.pop("_waits", None)
    if works:
        session["payment_status"] = "paid"
        if session["mode"] == "payment":
            booking.book(world, session, intent)
    world.tell(f"checkout.session.async_payment_{'succeeded' if works else 'failed'}", session)
