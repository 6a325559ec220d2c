"""Stripe's published test cards, and what becomes of a card when it is saved or charged."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass

from local.stripe.errors import StripeError, declined, invalid
from local.stripe.objects import Json, blank
from local.stripe.world import World

DEFAULT_CARD = "4242424242424242"


class Challenge(enum.Enum):
    """When the bank asks for 3-D Secure."""

    NEVER = "never"
    UNLESS_SET_UP = "unless_set_up"
    ALWAYS = "always"


class Refunds(enum.Enum):
    """What becomes of money given back to a card."""

    ARRIVE = "arrive"
    ARRIVE_LATER = "arrive_later"
    FAIL_LATER = "fail_later"


class Verdict(enum.Enum):
    """What the bank says."""

    APPROVED = "approved"
    UNDER_WAY = "under_way"
    CHALLENGED = "challenged"
    DECLINED = "declined"


@dataclass(frozen=True)
class Card:
    """How one test number behaves. `saved_first`: it can be saved and declines only when charged.

    `dispute_reason`: its holder disputes each payment, at first by an `inquiry`. `warns`: its network suspects each
    payment. `refunds`: what becomes of money given back to it.
    """

    number: str
    brand: str = "visa"
    code: str = "card_declined"
    decline_code: str | None = None
    message: str = "Your card was declined."
    challenge: Challenge = Challenge.NEVER
    saved_first: bool = False
    dispute_reason: str | None = None
    inquiry: bool = False
    warns: bool = False
    refunds: Refunds = Refunds.ARRIVE


_CARDS = (
    Card("4242424242424242"),
    Card("4000056655665556"),
    Card("5555555555554444", brand="mastercard"),
    Card("378282246310005", brand="amex"),
    Card("4000000000000077"),
    Card("4000000000000002", decline_code="generic_decline"),
    Card("4000000000009995", decline_code="insufficient_funds", message="Your card has insufficient funds."),
    Card("4000000000009987", decline_code="lost_card"),
    Card("4000000000009979", decline_code="stolen_card"),
    Card("4000000000000069", code="expired_card", decline_code="expired_card", message="Your card has expired."),
    Card(
        "4000000000000127",
        code="incorrect_cvc",
        decline_code="incorrect_cvc",
        message="Your card's security code is incorrect.",
    ),
    Card(
        "4000000000000119",
        code="processing_error",
        decline_code="processing_error",
        message="An error occurred while processing your card. Try again in a little bit.",
    ),
    Card("4000000000000341", decline_code="generic_decline", saved_first=True),
    Card("4000002500003155", challenge=Challenge.UNLESS_SET_UP),
    Card("4000002760003184", challenge=Challenge.ALWAYS),
    Card(
        "4000008260003178",
        challenge=Challenge.ALWAYS,
        decline_code="insufficient_funds",
        message="Your card has insufficient funds.",
        saved_first=True,
    ),
    Card("4000000000000259", dispute_reason="fraudulent"),
    Card("4000000000001976", dispute_reason="fraudulent", inquiry=True),
    Card("4000000000002685", dispute_reason="product_not_received"),
    Card("4000000000005423", warns=True),
    Card("4000000000005126", refunds=Refunds.FAIL_LATER),
    Card("4000000000007726", refunds=Refunds.ARRIVE_LATER),
)
CARDS = {card.number: card for card in _CARDS}

UNAUTHENTICATED = Card(
    "",
    code="payment_intent_authentication_failure",
    message="We are unable to authenticate your payment method. Please choose a different payment method and try "
    "again.",
)

AUTHENTICATION_REQUIRED = Card(
    "",
    code="authentication_required",
    decline_code="authentication_required",
    message="Your card was declined. This transaction requires authentication.",
)


def card_for(typed: str) -> Card:
    """The test card of that number, blanks and dashes aside; any other number is refused as Stripe refuses it."""
    number = typed.replace(" ", "").replace("-", "") or DEFAULT_CARD
    if number not in CARDS:
        raise declined("Your card number is incorrect.", "incorrect_number", None)
    return CARDS[number]


_BANK = Card("")


def card_of(method: Json) -> Card:
    """The test card behind a stored payment method; a bank account's debits are never refused at once."""
    return CARDS[method["_number"]] if method["type"] == "card" else _BANK


def on_saving(card: Card, *, authenticated: bool) -> Verdict:
    """The bank's word when a card is kept for later without a payment.

    A card that asks for 3-D Secure each time asks when it is charged; keeping it needs no challenge here.
    """
    if card.challenge is Challenge.UNLESS_SET_UP and not authenticated:
        return Verdict.CHALLENGED
    return Verdict.DECLINED if card.decline_code and not card.saved_first else Verdict.APPROVED


def on_charging(card: Card, *, authenticated: bool, set_up: bool = False) -> Verdict:
    """The bank's word when a card is charged. `set_up`: 3-D Secure was passed when it was kept for later."""
    asks = card.challenge is Challenge.ALWAYS or (card.challenge is Challenge.UNLESS_SET_UP and not set_up)
    if asks and not authenticated:
        return Verdict.CHALLENGED
    return Verdict.DECLINED if card.decline_code else Verdict.APPROVED


def refusal(card: Card, extra: Json | None = None) -> StripeError:
    """The 402 of a card that declined."""
    return declined(card.message, card.code, card.decline_code, extra)


def new_method(world: World, card: Card, *, set_up: bool) -> Json:
    """A payment method of the card, of no customer yet."""
    method = blank("payment_method")
    method.update(
        created=world.now(),
        metadata={},
        billing_details={
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        card=_card_hash(card, world.now()),
        _number=card.number,
        _set_up=set_up,
    )
    return world.add(method)


def renew_card(world: World, method: Json, card: Card) -> None:
    """The bank replaced the card and told Stripe: the payment method goes on with the new number and date."""
    with world.updating("payment_method.automatically_updated", method):
        method.update(card=_card_hash(card, world.now() + 2 * 31_556_952), _number=card.number)


def _card_hash(card: Card, now: int) -> Json:
    shown: Json = blank("payment_method", card={})["card"]
    shown.update(
        brand=card.brand,
        checks={"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        country="US",
        display_brand=card.brand,
        exp_month=12,
        exp_year=1970 + now // 31_556_952 + 10,
        fingerprint=hashlib.sha256(card.number.encode()).hexdigest()[:16],
        funding="credit",
        last4=card.number[-4:],
        networks={"available": [card.brand], "preferred": None},
        three_d_secure_usage={"supported": True},
        generated_from=None,
        wallet=None,
        regulated_status="unregulated",
    )
    return shown


def attach(world: World, method: Json, customer: Json) -> None:
    """Keep the payment method for the customer. A method of another customer is refused."""
    if method["customer"] == customer["id"]:
        return
    if method["customer"] is not None or method.get("_detached"):
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
    method["customer"] = customer["id"]
    world.tell("payment_method.attached", method)


def detach(world: World, method: Json) -> None:
    """Take the payment method from its customer, and from wherever it was the default."""
    owner = method["customer"]
    if owner is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = world.find("customer", owner)
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
    for subscription in world.all("subscription").values():
        if subscription["default_payment_method"] == method["id"]:
            subscription["default_payment_method"] = None
    with world.updating("payment_method.detached", method):
        method.update(customer=None, _detached=True)
