"""/v1/subscriptions"""

from __future__ import annotations

from local.stripe.errors import StripeError, invalid
from local.stripe.merging import assign, merged_metadata
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.resources import subscription_terms as terms
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import cards, changes, collection, customers, invoices, lifecycle, subscriptions
from local.stripe.rules.cards import Verdict
from local.stripe.rules.changes import Cost
from local.stripe.rules.subscriptions import Terms
from local.stripe.world import World


@route(
    "subscriptions.create",
    "POST",
    "/v1/subscriptions",
    "cancel_at cancel_at_period_end collection_method customer days_until_due default_payment_method description "
    "discounts items metadata off_session payment_behavior proration_behavior trial_end trial_period_days "
    "trial_settings",
)
def create(world: World, call: Call) -> Json:
    params = call.params
    customer = world.find("customer", params.get("customer", ""), "customer")
    wanted = terms.bought(world, params.get("items", []))
    method = terms.method(world, customer, params)
    behavior = params.get("payment_behavior", "allow_incomplete")
    trial_end = terms.trial_end(world, params)
    collected = params.get("collection_method", "charge_automatically") == "charge_automatically"
    fallback = customer["invoice_settings"]["default_payment_method"]
    if collected and trial_end is None and (method or fallback) is None and behavior != "default_incomplete":
        raise invalid(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method.",
            "resource_missing",
        )
    begun = Terms(
        method=method,
        metadata=merged_metadata({}, params.get("metadata", {})),
        trial_end=trial_end,
        without_method=params.get("trial_settings", {}).get("end_behavior", {}).get("missing_payment_method")
        or "create_invoice",
        collection_method=params.get("collection_method", "charge_automatically"),
        days_until_due=terms.days_until_due(params),
        description=params.get("description"),
        discounts=params.get("discounts") or [],
    )
    if behavior == "error_if_incomplete" and collected and trial_end is None:
        _require_means(world, customer["id"], method, sum(changes.amount_of(b.price, b.quantity) for b in wanted))
    subscription = subscriptions.begin(world, customer, wanted, begun)
    if set(params) & {"cancel_at", "cancel_at_period_end"}:
        with world.updating("customer.subscription.updated", subscription):
            terms.set_end(world, subscription, params)
    if collected and behavior != "default_incomplete":
        collection.collect(world, world.find("invoice", subscription["latest_invoice"]))
    return subscription


@route("subscriptions.retrieve", "GET", "/v1/subscriptions/{subscription_exposed_id}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("subscription", call.id)


@route("subscriptions.list", "GET", "/v1/subscriptions", PAGING + "collection_method customer price status")
def listed(world: World, call: Call) -> Json:
    customers.require_known(world, call.params)
    kept = (
        subscription
        for subscription in world.all("subscription").values()
        if all(
            call.params.get(field, subscription[field]) == subscription[field]
            for field in ("collection_method", "customer")
        )
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
    "billing_cycle_anchor cancel_at cancel_at_period_end cancellation_details collection_method days_until_due "
    "default_payment_method description discounts items metadata off_session pause_collection payment_behavior "
    "proration_behavior proration_date trial_end trial_settings",
)
def update(world: World, call: Call) -> Json:
    subscription, params = world.find("subscription", call.id), call.params
    terms.require_changeable(subscription, params)
    customer = world.find("customer", subscription["customer"])
    method = terms.method(world, customer, params)
    asked = terms.asked(world, subscription, params.get("items", []))
    changes.require_together(changes.resulting(subscription, asked))
    proration = params.get("proration_behavior", "create_prorations")
    anchor_now = params.get("billing_cycle_anchor") == "now"
    moment = params.get("proration_date", world.now())
    cost = changes.cost(subscription, asked, moment, proration, anchor_now=anchor_now)
    at_once = proration == "always_invoice" or cost.restarts
    if at_once and params.get("payment_behavior") == "error_if_incomplete":
        _require_means(world, customer["id"], method or collection.method_for(world, subscription), cost.cents)
    trial_over = subscription["status"] == "trialing" and params.get("trial_end") == "now"
    with world.updating("customer.subscription.updated", subscription):
        assign(subscription, params, "description")
        if "default_payment_method" in params:
            subscription["default_payment_method"] = method["id"] if method is not None else None
        changes.apply(subscription, asked, world.now(), begins=cost.restarts)
        terms.set_collection(subscription, params)
        terms.set_discounts(world, customer, subscription, params)
        terms.set_trial(world, subscription, params)
        terms.set_end(world, subscription, params)
        _note_reason(subscription, params)
    _bill(world, subscription, cost, at_once=at_once, trial_over=trial_over)
    return subscription


def _bill(world: World, subscription: Json, cost: Cost, *, at_once: bool, trial_over: bool) -> None:
    changes.bill(world, subscription, cost.lines, at_once=at_once, authenticated=False)
    if trial_over:
        subscriptions.ask(world, subscription, "subscription_update", subscriptions.period_lines(subscription))


def _require_means(world: World, customer: str, method: Json | None, cents: int) -> None:
    """Refuse what the card would not pay, before anything is changed."""
    default = world.find("customer", customer)["invoice_settings"]["default_payment_method"]
    paying = method or (world.find("payment_method", default) if default is not None else None)
    if cents <= 0 or paying is None:
        return
    card = cards.card_of(paying)
    verdict = cards.on_charging(card, authenticated=False, set_up=paying["_set_up"])
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
    """At once. `prorate` with `invoice_now` gives the unused part back as the customer's credit."""
    prorate, invoice_now = call.params.get("prorate"), call.params.get("invoice_now")
    if prorate and not invoice_now:
        raise StripeError(501, "api_error", "The local Stripe keeps no credit of a cancellation for a later invoice.")
    subscription = world.find("subscription", call.id)
    everything = [
        changes.Change(item, item["price"], item["quantity"], deleted=True) for item in subscription["items"]["data"]
    ]
    unused = changes.cost(subscription, everything, world.now(), "always_invoice").lines if prorate else []
    lifecycle.end(world, subscription, "cancellation_requested")
    _note_reason(subscription, call.params)
    lines = [*changes.pending_lines(subscription), *unused] if invoice_now else []
    if lines:
        invoice = invoices.issue(world, subscription, "subscription_update", lines)
        if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
            collection.collect(world, invoice)
    return subscription


@route("subscriptions.resume", "POST", "/v1/subscriptions/{subscription}/resume", "billing_cycle_anchor")
def resume(world: World, call: Call) -> Json:
    """A subscription that a trial's end paused begins a new period."""
    subscription = world.find("subscription", call.id)
    subscriptions.resume(world, subscription)
    return subscription
