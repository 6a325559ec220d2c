"""Payment intents that the application itself confirms, with the payer present or away."""

from __future__ import annotations

from local.stripe.errors import StripeError, declined, invalid
from local.stripe.objects import Json, public
from local.stripe.rules import cards, payments
from local.stripe.rules.cards import AUTHENTICATION_REQUIRED, Verdict
from local.stripe.world import World

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = CONFIRMABLE


def confirm(
    world: World, intent: Json, method: Json, *, off_session: bool, refuse_challenge: bool, return_url: str | None
) -> None:
    """Charge the payment method now.

    3-D Secure asked for: the intent waits at its action page, or is declined with `authentication_required` where
    the caller (or the account's setting, off-session) refuses to wait. Raises Stripe's 402 for a decline, with the
    intent in it.
    """
    if return_url is not None:
        intent["_return_url"] = return_url
    card = cards.card_of(method)
    verdict = cards.on_charging(card, authenticated=False, set_up=method["_set_up"])
    waits = world.store.state.settings["off_session_authentication"] == "action"
    if verdict is Verdict.CHALLENGED and (refuse_challenge or (off_session and not waits)):
        payments.decline(world, intent, method, AUTHENTICATION_REQUIRED)
        raise _refused(AUTHENTICATION_REQUIRED, intent, method)
    if payments.attempt(world, intent, method) is Verdict.DECLINED:
        raise _refused(card, intent, method)


def _refused(card: cards.Card, intent: Json, method: Json) -> StripeError:
    answer = {
        "charge": intent["latest_charge"],
        "payment_intent": public(intent),
        "payment_method": public(method),
    }
    return declined(card.message, card.code, card.decline_code, answer)


def require_status(intent: Json, allowed: tuple[str, ...], act: str) -> None:
    """Refuse an act that the intent's status does not allow, as Stripe words it."""
    if intent["status"] in allowed:
        return
    raise StripeError(
        400,
        "invalid_request_error",
        f"You cannot {act} this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
        f"with one of the following statuses may be used: {', '.join(allowed)}.",
        "payment_intent_unexpected_state",
        None,
        {"payment_intent": public(intent)},
    )


def usable_method(world: World, wanted: str, customer: str | None) -> Json:
    """The payment method, if the payer may use it."""
    method = world.find("payment_method", wanted, "payment_method")
    owner = method["customer"]
    if method.get("_detached"):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, or was "
            "detached from a Customer. It may not be used again.",
            None,
            "payment_method",
        )
    if owner is not None and owner != customer:
        raise invalid(
            f"The PaymentMethod {wanted} does not belong to the Customer you supplied ({customer}). Please use this "
            "PaymentMethod with the Customer that it belongs to instead.",
            None,
            "payment_method",
        )
    return method


def cancel(world: World, intent: Json, reason: str | None) -> None:
    """No charge will ever be made with this intent."""
    require_status(intent, CANCELABLE, "cancel")
    if "_invoice" in intent or "_session" in intent:
        raise invalid("This PaymentIntent belongs to an invoice or a Checkout Session; void or expire that instead.")
    intent.update(status="canceled", canceled_at=world.now(), cancellation_reason=reason, next_action=None)
    world.tell("payment_intent.canceled", intent)
