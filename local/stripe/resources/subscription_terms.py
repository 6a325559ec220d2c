"""What the parameters of a subscription mean: its items, its payment method, its trial, its end."""

from __future__ import annotations

from local.stripe.errors import StripeError, invalid
from local.stripe.objects import Json
from local.stripe.rules import calendar, changes, discounts, lifecycle, subscriptions
from local.stripe.rules.changes import Bought, Change
from local.stripe.world import World


def bought(world: World, asked: list[Json]) -> list[Bought]:
    """The prices of a new subscription."""
    if not asked:
        raise invalid("Missing required param: items.", "parameter_missing", "items")
    found = []
    for index, item in enumerate(asked):
        _require_served(item, {"metadata", "price", "quantity"}, index)
        price = price_for(world, item.get("price", ""), f"items[{index}][price]")
        found.append(Bought(price, item.get("quantity", 1), item.get("metadata")))
    return found


def price_for(world: World, wanted: str, param: str) -> Json:
    """An active price that recurs."""
    price = world.find("price", wanted, param)
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", None, param)
    changes.require_recurring(price, param)
    return price


def asked(world: World, subscription: Json, wanted: list[Json]) -> list[Change]:
    """Each item asked for: one that is there, changed or deleted, or a new one."""
    return [_change(world, subscription, each, index) for index, each in enumerate(wanted)]


def _change(world: World, subscription: Json, wanted: Json, index: int) -> Change:
    _require_served(wanted, {"clear_usage", "deleted", "id", "metadata", "price", "quantity"}, index)
    param = f"items[{index}][price]"
    if "id" not in wanted:
        price = price_for(world, wanted.get("price", ""), param)
        return changes.addition(world, subscription, Bought(price, wanted.get("quantity", 1), wanted.get("metadata")))
    item = next((kept for kept in subscription["items"]["data"] if kept["id"] == wanted["id"]), None)
    if item is None:
        raise invalid(f"No such subscription item: '{wanted['id']}'", "resource_missing", f"items[{index}][id]")
    same = wanted.get("price", item["price"]["id"]) == item["price"]["id"]
    # An archived price stays where it is; it can only not be chosen again.
    price = world.find("price", item["price"]["id"]) if same else price_for(world, wanted["price"], param)
    quantity, metadata = wanted.get("quantity", item["quantity"]), wanted.get("metadata")
    return Change(item, price, quantity, deleted=wanted.get("deleted", False), metadata=metadata)


def _require_served(item: Json, served: set[str], index: int) -> None:
    unserved = sorted(set(item) - served)
    if unserved:
        name = f"items[{index}][{unserved[0]}]"
        raise StripeError(501, "api_error", f"The local Stripe does not act on {name}.", None, name)


def method(world: World, customer: Json, params: Json) -> Json | None:
    """The payment method asked for, which must be the customer's."""
    wanted = params.get("default_payment_method")
    if not wanted:
        return None
    found = world.find("payment_method", wanted, "default_payment_method")
    if found["customer"] != customer["id"]:
        raise invalid(
            f"The customer does not have a payment method with the ID {wanted}. The payment method must be attached to "
            "the customer.",
            "resource_missing",
            "default_payment_method",
        )
    return found


def trial_end(world: World, params: Json) -> int | None:
    """When the trial of a new subscription ends; None where it has none."""
    if "trial_end" in params and "trial_period_days" in params:
        raise invalid("You may only specify one of these parameters: trial_end, trial_period_days.")
    if params.get("trial_period_days"):
        return int(world.now() + params["trial_period_days"] * calendar.DAY)
    return _moment(world, params.get("trial_end"))


def _moment(world: World, given: str | int | None) -> int | None:
    if given is None or given in ("now", ""):
        return None
    moment = int(given)
    if moment <= world.now():
        raise invalid("Timestamp must be in the future.", None, "trial_end")
    return moment


def days_until_due(params: Json) -> int | None:
    """How long a customer has to pay an invoice that is sent; Stripe wants to know it exactly then."""
    sent = params.get("collection_method") == "send_invoice"
    days: int | None = params.get("days_until_due")
    if sent and days is None:
        raise invalid("If `collection_method` is `send_invoice`, `days_until_due` must be set.", None, "days_until_due")
    if not sent and days is not None:
        raise invalid("`days_until_due` is for `collection_method=send_invoice` only.", None, "days_until_due")
    return days


def require_changeable(subscription: Json, params: Json) -> None:
    """Refuse what cannot be changed on a subscription that is over or that a schedule manages."""
    if subscription["status"] in lifecycle.OVER and set(params) - {"metadata", "cancellation_details"}:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    named = next((name for name in ("cancel_at", "cancel_at_period_end") if name in params), None)
    if subscription["schedule"] is not None and named is not None:
        raise invalid(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any "
            "cancelation behavior directly is not allowed. Please update the schedule instead.",
            None,
            named,
        )
    if params.get("payment_behavior") == "pending_if_incomplete":
        raise StripeError(501, "api_error", "The local Stripe keeps no pending updates.", None, "payment_behavior")
    if params.get("billing_cycle_anchor", "now") not in ("now", "unchanged"):
        raise invalid("Invalid billing_cycle_anchor: must be one of now or unchanged", None, "billing_cycle_anchor")


def set_collection(subscription: Json, params: Json) -> None:
    """Change how invoices are paid, and whether they are collected at all for now."""
    if "collection_method" in params:
        subscription.update(collection_method=params["collection_method"], days_until_due=days_until_due(params))
    elif "days_until_due" in params:
        subscription["days_until_due"] = params["days_until_due"]
    if "pause_collection" in params:
        given = params["pause_collection"]
        subscription["pause_collection"] = (
            {"behavior": given["behavior"], "resumes_at": given.get("resumes_at")} if isinstance(given, dict) else None
        )
    if "trial_settings" in params:
        subscription["trial_settings"] = params["trial_settings"]


def set_trial(world: World, subscription: Json, params: Json) -> None:
    """Begin, lengthen or end a trial."""
    if "trial_end" not in params:
        return
    until = _moment(world, params["trial_end"])
    if until is not None:
        subscriptions.try_out(world, subscription, until)
    elif subscription["status"] == "trialing":
        subscription.update(status="active", trial_end=world.now())
        changes.restart(subscription, world.now())


def set_end(world: World, subscription: Json, params: Json) -> None:
    """Set the subscription's end, with its period or on a day, or take it back."""
    if "cancel_at" in params and params.get("cancel_at_period_end"):
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    if "cancel_at" in params:
        given = params["cancel_at"]
        if given in ("min_period_end", "max_period_end"):
            given = lifecycle.period_of(subscription)[1]
        if given and given <= world.now():
            raise invalid("`cancel_at` must be in the future.", None, "cancel_at")
        lifecycle.end_at(subscription, given or None, now=world.now())
    elif "cancel_at_period_end" in params:
        lifecycle.cancel_at_period_end(world, subscription, wanted=params["cancel_at_period_end"])


def set_discounts(world: World, customer: Json, subscription: Json, params: Json) -> None:
    """Put other discounts on; those that are named by `discount` stay, an empty string takes all off."""
    if "discounts" not in params:
        return
    wanted = params["discounts"] or []
    kept = [each["discount"] for each in wanted if each.get("discount") in subscription["discounts"]]
    asked_for = [each for each in wanted if "discount" not in each]
    made = discounts.redeem(world, asked_for, customer, subscription=subscription)
    subscription["discounts"] = [*kept, *(discount["id"] for discount in made)]
