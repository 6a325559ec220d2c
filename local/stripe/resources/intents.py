"""/v1/payment_intents"""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.merging import assign, merged_metadata
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.resources.catalog import currency_of
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import customers, intents, payments
from local.stripe.world import World

LEAST_CENTS, MOST_CENTS = 50, 99_999_999
_PLAIN = "description receipt_email setup_future_usage statement_descriptor_suffix transfer_group"
_CONFIRMATION = " error_on_requires_action off_session payment_method return_url setup_future_usage"


@route(
    "payment_intents.create",
    "POST",
    "/v1/payment_intents",
    _PLAIN
    + _CONFIRMATION
    + " amount automatic_payment_methods confirm currency customer metadata payment_method_types",
)
def create(world: World, call: Call) -> Json:
    params = call.params
    amount = _amount(params["amount"])
    currency = currency_of(params)
    customer = params.get("customer")
    if customer is not None:
        world.find("customer", customer, "customer")
    method = intents.usable_method(world, params["payment_method"], customer) if "payment_method" in params else None
    confirm = params.get("confirm", False)
    if not confirm and {"off_session", "error_on_requires_action", "return_url"} & set(params):
        raise invalid("`off_session`, `error_on_requires_action` and `return_url` need `confirm=true`.")
    if confirm and method is None:
        raise invalid(_MISSING_METHOD, "payment_intent_unexpected_state")
    intent = payments.new_intent(
        world,
        amount,
        currency,
        customer,
        metadata=merged_metadata({}, params.get("metadata", {})),
        payment_method=method["id"] if method is not None else None,
        payment_method_types=params.get("payment_method_types", ["card"]),
        status="requires_confirmation" if method is not None else "requires_payment_method",
        **{field: params.get(field) for field in _PLAIN.split()},
    )
    if confirm and method is not None:
        _confirm(world, intent, method, params)
    return intent


_MISSING_METHOD = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
    "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method."
)


def _amount(asked: int) -> int:
    if asked < LEAST_CENTS:
        raise invalid("Amount must be at least $0.50 usd", "amount_too_small", "amount")
    if asked > MOST_CENTS:
        raise invalid("Amount must be no more than $999,999.99", "amount_too_large", "amount")
    return asked


def _confirm(world: World, intent: Json, method: Json, params: Json) -> None:
    # `one_off` and `recurring` are older words for true.
    off_session = params.get("off_session", False) not in (False, "false")
    intents.confirm(
        world,
        intent,
        method,
        off_session=off_session,
        refuse_challenge=params.get("error_on_requires_action", False),
        return_url=params.get("return_url"),
    )


@route("payment_intents.retrieve", "GET", "/v1/payment_intents/{intent}", "client_secret")
def retrieve(world: World, call: Call) -> Json:
    return world.find("payment_intent", call.id, "intent")


@route(
    "payment_intents.update",
    "POST",
    "/v1/payment_intents/{intent}",
    _PLAIN + " amount customer metadata payment_method",
)
def update(world: World, call: Call) -> Json:
    intent = world.find("payment_intent", call.id, "intent")
    if set(call.params) - {"metadata", "description"}:
        intents.require_status(intent, intents.CONFIRMABLE, "update")
    if "amount" in call.params:
        intent["amount"] = _amount(call.params["amount"])
    if "customer" in call.params:
        intent["customer"] = world.find("customer", call.params["customer"], "customer")["id"]
    if "payment_method" in call.params:
        method = intents.usable_method(world, call.params["payment_method"], intent["customer"])
        intent.update(payment_method=method["id"], status="requires_confirmation", next_action=None)
    assign(intent, call.params, _PLAIN)
    return intent


@route("payment_intents.confirm", "POST", "/v1/payment_intents/{intent}/confirm", _CONFIRMATION.strip())
def confirm(world: World, call: Call) -> Json:
    intent = world.find("payment_intent", call.id, "intent")
    intents.require_status(intent, intents.CONFIRMABLE, "confirm")
    wanted = call.params.get("payment_method", intent["payment_method"])
    if wanted is None:
        raise invalid(_MISSING_METHOD, "payment_intent_unexpected_state")
    method = intents.usable_method(world, wanted, intent["customer"])
    assign(intent, call.params, "setup_future_usage")
    _confirm(world, intent, method, call.params)
    return intent


@route("payment_intents.cancel", "POST", "/v1/payment_intents/{intent}/cancel", "cancellation_reason")
def cancel(world: World, call: Call) -> Json:
    intent = world.find("payment_intent", call.id, "intent")
    intents.cancel(world, intent, call.params.get("cancellation_reason"))
    return intent


@route("payment_intents.list", "GET", "/v1/payment_intents", PAGING + "customer")
def listed(world: World, call: Call) -> Json:
    customers.require_known(world, call.params)
    kept = (
        intent
        for intent in world.all("payment_intent").values()
        if call.params.get("customer", intent["customer"]) == intent["customer"]
    )
    return page(kept, call.params, "/v1/payment_intents")
