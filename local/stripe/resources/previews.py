"""/v1/invoices/create_preview: what an invoice would be, and nothing of it is kept"""

from __future__ import annotations

from local.stripe.errors import StripeError, invalid
from local.stripe.objects import Json
from local.stripe.resources import subscription_terms as terms
from local.stripe.routing import Call, route
from local.stripe.rules import previews, subscriptions
from local.stripe.rules.changes import Change
from local.stripe.world import World

_SERVED = {
    "billing_cycle_anchor",
    "cancel_at_period_end",
    "cancel_now",
    "items",
    "proration_behavior",
    "proration_date",
    "trial_end",
}


@route(
    "invoices.create_preview",
    "POST",
    "/v1/invoices/create_preview",
    "automatic_tax customer preview_mode schedule subscription subscription_details",
)
def create_preview(world: World, call: Call) -> Json:
    """Of a subscription as it is or with changes, of a schedule, or of a subscription that does not exist yet."""
    params, details = call.params, call.params.get("subscription_details", {})
    _require_served(params, details)
    if "schedule" in params:
        schedule = world.find("subscription_schedule", params["schedule"], "schedule")
        params = {**params, "subscription": schedule["subscription"]}
    if params.get("subscription") is None:
        return _of_none(world, params, details)
    subscription = world.find("subscription", params["subscription"], "subscription")
    if params.get("customer", subscription["customer"]) != subscription["customer"]:
        raise invalid("The subscription does not belong to the customer.", None, "subscription")
    terms.require_changeable(subscription, details)
    asked: list[Change] = terms.asked(world, subscription, details.get("items", []))
    return previews.of_subscription(
        world,
        subscription,
        asked,
        previews.How(
            proration=details.get("proration_behavior", "create_prorations"),
            moment=details.get("proration_date", world.now()),
            anchor_now=details.get("billing_cycle_anchor") == "now",
            ends=bool(details.get("cancel_at_period_end", subscription["cancel_at_period_end"])),
            cancels_now=details.get("cancel_now", False),
            trial_over=details.get("trial_end") == "now",
        ),
    )


def _of_none(world: World, params: Json, details: Json) -> Json:
    if "customer" not in params:
        raise invalid("You must pass a `customer`, `subscription` or `schedule`.", "parameter_missing", "customer")
    customer = world.find("customer", params["customer"], "customer")
    if not details.get("items"):
        raise invalid(f"No upcoming invoices for customer: {customer['id']}", "invoice_upcoming_none", status=404)
    wanted = terms.bought(world, details["items"])
    subscriptions.require_currency(world, customer, wanted[0].price["currency"])
    return previews.of_new(world, customer, wanted, taxed=params.get("automatic_tax", {}).get("enabled", False))


def _require_served(params: Json, details: Json) -> None:
    unserved = sorted(set(details) - _SERVED)
    if unserved:
        name = f"subscription_details[{unserved[0]}]"
        raise StripeError(501, "api_error", f"The local Stripe does not act on {name}.", None, name)
    if details.get("trial_end", "now") != "now" or ("trial_end" in details and "subscription" not in params):
        name = "subscription_details[trial_end]"
        raise StripeError(501, "api_error", "The local Stripe previews the end of a trial, now.", None, name)
    if params.get("preview_mode", "next") != "next":
        raise StripeError(501, "api_error", "The local Stripe previews the next invoice only.", None, "preview_mode")
