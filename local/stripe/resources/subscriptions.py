"""/v1/subscriptions"""

from __future__ import annotations

from local.stripe.errors import StripeError, invalid
from local.stripe.merging import assign, merged_metadata
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import cards, collection, customers, lifecycle, subscriptions
from local.stripe.rules.cards import Verdict
from local.stripe.rules.invoices import Line
from local.stripe.world import World


@route(
    "subscriptions.create",
    "POST",
    "/v1/subscriptions",
    "customer default_payment_method items metadata off_session payment_behavior",
)
def create(world: World, call: Call) -> Json:
    customer = world.find("customer", call.params["customer"], "customer")
    if not call.params.get("items"):
        raise invalid("Missing required param: items.", "parameter_missing", "items")
    wanted = [
        (world.find("price", item.get("price", ""), f"items[{index}][price]"), item.get("quantity", 1))
        for index, item in enumerate(call.params["items"])
    ]
    if any(price["recurring"] is None for price, _ in wanted):
        raise invalid("The price specified is not recurring.", None, "items[0][price]")
    behavior = call.params.get("payment_behavior", "allow_incomplete")
    method = _method(world, customer, call.params)
    fallback = customer["invoice_settings"]["default_payment_method"]
    if method is None and fallback is None and behavior != "default_incomplete":
        raise invalid(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method.",
            "resource_missing",
        )
    metadata = merged_metadata({}, call.params.get("metadata", {}))
    subscription = subscriptions.begin(world, customer, wanted, method=method, metadata=metadata)
    if behavior != "default_incomplete":
        invoice = world.find("invoice", subscription["latest_invoice"])
        collection.collect(world, subscription, invoice)
    return subscription


def _method(world: World, customer: Json, params: Json) -> Json | None:
    """The payment method asked for, which must be the customer's."""
    wanted = params.get("default_payment_method")
    if not wanted:
        return None
    method = world.find("payment_method", wanted, "default_payment_method")
    if method["customer"] != customer["id"]:
        raise invalid(
            f"The customer does not have a payment method with the ID {wanted}. The payment method must be attached to "
            "the customer.",
            "resource_missing",
            "default_payment_method",
        )
    return method


@route("subscriptions.retrieve", "GET", "/v1/subscriptions/{subscription_exposed_id}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("subscription", call.id)


@route("subscriptions.list", "GET", "/v1/subscriptions", PAGING + "customer price status")
def listed(world: World, call: Call) -> Json:
    customers.require_known(world, call.params)
    kept = (
        subscription
        for subscription in world.all("subscription").values()
        if call.params.get("customer", subscription["customer"]) == subscription["customer"]
        and _has_status(subscription["status"], call.params.get("status"))
        and (
            "price" not in call.params
            or any(i["price"]["id"] == call.params["price"] for i in subscription["items"]["data"])
        )
    )
    return page(kept, call.params, "/v1/subscriptions")


def _has_status(status: str, wanted: str | None) -> bool:
    if wanted is None:
        return status != "canceled"
    if wanted == "ended":
        return status in lifecycle.OVER
    return wanted in ("all", status)


@route(
    "subscriptions.update",
    "POST",
    "/v1/subscriptions/{subscription_exposed_id}",
    "cancel_at_period_end cancellation_details default_payment_method description items metadata off_session "
    "payment_behavior proration_behavior",
)
def update(world: World, call: Call) -> Json:
    subscription = world.find("subscription", call.id)
    _require_changeable(subscription, call.params)
    customer = world.find("customer", subscription["customer"])
    method = _method(world, customer, call.params)
    changes = _changes(world, subscription, call.params.get("items", []))
    proration = call.params.get("proration_behavior", "create_prorations")
    lines, restarts = _priced(world, changes, proration)
    at_once = proration == "always_invoice" or restarts
    if at_once and call.params.get("payment_behavior") == "error_if_incomplete":
        _require_means(world, subscription, lines)
    with world.updating("customer.subscription.updated", subscription):
        assign(subscription, call.params, "description")
        if "default_payment_method" in call.params:
            subscription["default_payment_method"] = method["id"] if method is not None else None
        for item, price, quantity in changes:
            subscriptions.apply_change(subscription, item, price, quantity, world.now())
        if "cancel_at_period_end" in call.params:
            lifecycle.cancel_at_period_end(world, subscription, wanted=call.params["cancel_at_period_end"])
        _note_reason(subscription, call.params)
    subscriptions.bill_change(world, subscription, lines, at_once=at_once, authenticated=False)
    return subscription


def _require_changeable(subscription: Json, params: Json) -> None:
    if subscription["status"] in lifecycle.OVER and set(params) - {"metadata", "cancellation_details"}:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    if subscription["schedule"] is not None and "cancel_at_period_end" in params:
        raise invalid(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any "
            "cancelation behavior directly is not allowed. Please update the schedule instead.",
            None,
            "cancel_at_period_end",
        )
    if params.get("payment_behavior") == "pending_if_incomplete":
        raise StripeError(501, "api_error", "The local Stripe keeps no pending updates.", None, "payment_behavior")


def _changes(world: World, subscription: Json, asked: list[Json]) -> list[tuple[Json, Json, int]]:
    """Each item asked for with its new price and quantity."""
    found = []
    for index, wanted in enumerate(asked):
        item = next((i for i in subscription["items"]["data"] if i["id"] == wanted.get("id")), None)
        unserved = set(wanted) - {"id", "price", "quantity"}
        if item is None or unserved:
            raise invalid(
                "The local Stripe changes the price and quantity of items that are there (`id`, `price`, `quantity`).",
                None,
                f"items[{index}]",
            )
        price = world.find("price", wanted.get("price", item["price"]["id"]), f"items[{index}][price]")
        if price["recurring"] is None:
            raise invalid("The price specified is not recurring.", None, f"items[{index}][price]")
        found.append((item, price, wanted.get("quantity", item["quantity"])))
    return found


def _priced(world: World, changes: list[tuple[Json, Json, int]], proration: str) -> tuple[list[Line], bool]:
    lines: list[Line] = []
    restarts = False
    for item, price, quantity in changes:
        if price["id"] == item["price"]["id"] and quantity == item["quantity"]:
            continue
        lines += subscriptions.change_lines(item, price, quantity, world.now(), proration)
        restarts = restarts or subscriptions.is_restart(item, price)
    return lines, restarts


def _require_means(world: World, subscription: Json, lines: list[Line]) -> None:
    method = collection.method_for(world, subscription)
    if sum(line.amount for line in lines) <= 0 or method is None:
        return
    card = cards.card_of(method)
    verdict = cards.on_charging(card, authenticated=False, set_up=method["_set_up"])
    if verdict is Verdict.DECLINED:
        raise cards.refusal(card)
    if verdict is Verdict.CHALLENGED:
        raise invalid(
            "Payment for this subscription requires additional user action before it can be completed successfully.",
            "subscription_payment_intent_requires_action",
            status=402,
        )


def _note_reason(subscription: Json, params: Json) -> None:
    given = params.get("cancellation_details")
    if isinstance(given, dict):
        kept = subscription["cancellation_details"]
        subscription["cancellation_details"] = {**kept, **{k: v or None for k, v in given.items()}}


@route(
    "subscriptions.cancel",
    "DELETE",
    "/v1/subscriptions/{subscription_exposed_id}",
    "cancellation_details invoice_now prorate",
)
def cancel(world: World, call: Call) -> Json:
    """At once; nothing is given back for the rest of the period."""
    if call.params.get("invoice_now") or call.params.get("prorate"):
        raise StripeError(501, "api_error", "The local Stripe neither prorates nor invoices a cancellation.")
    subscription = world.find("subscription", call.id)
    lifecycle.end(world, subscription, "cancellation_requested")
    _note_reason(subscription, call.params)
    return subscription
