"""/v1/subscription_schedules"""

from __future__ import annotations

from local.stripe.errors import StripeError, invalid
from local.stripe.merging import assign, merged_metadata
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.resources import subscription_terms as terms
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import calendar, changes, customers, lifecycle, planned, schedules, subscriptions
from local.stripe.rules.schedules import Wanted
from local.stripe.world import World

_SERVED = {"duration", "end_date", "items", "proration_behavior", "start_date", "trial_end"}


@route(
    "subscription_schedules.create",
    "POST",
    "/v1/subscription_schedules",
    "customer end_behavior from_subscription metadata phases start_date",
)
def create(world: World, call: Call) -> Json:
    """Around a subscription that runs, or for one that begins with the first phase."""
    params = call.params
    metadata = merged_metadata({}, params.get("metadata", {}))
    end_behavior = params.get("end_behavior", "release")
    if "from_subscription" in params:
        if set(params) - {"from_subscription"}:
            raise invalid("You cannot set other parameters together with `from_subscription`: update it afterwards.")
        return _around(world, world.find("subscription", params["from_subscription"], "from_subscription"))
    if "customer" not in params or not params.get("phases"):
        raise invalid("Missing required param: phases.", "parameter_missing", "phases")
    customer = world.find("customer", params["customer"], "customer")
    start = params.get("start_date", "now")
    phases = _phases(world, params["phases"], world.now() if start == "now" else int(start))
    subscriptions.require_currency(world, customer, phases[0].items[0][0]["currency"])
    schedule = schedules.plan(world, customer, phases, end_behavior, metadata)
    if phases[0].start <= world.now():
        planned.begin(world, schedule)
    return schedule


def _around(world: World, subscription: Json) -> Json:
    if subscription["status"] in lifecycle.OVER:
        raise invalid(f"You cannot migrate a subscription that is {subscription['status']}.", None, "from_subscription")
    if subscription["schedule"] is not None:
        raise invalid(
            f"You cannot migrate a subscription that is already attached to a schedule: {subscription['schedule']}.",
            None,
            "from_subscription",
        )
    items = tuple(
        (world.find("price", item["price"]["id"]), item["quantity"]) for item in subscription["items"]["data"]
    )
    start, end = lifecycle.period_of(subscription)
    end_behavior = "release" if subscription["cancel_at"] is None else "cancel"
    phase = Wanted(items, start, subscription["cancel_at"] or end)
    return schedules.attach(world, subscription, [phase], end_behavior, {})


def _phases(world: World, asked: list[Json], begins: int) -> list[Wanted]:
    found: list[Wanted] = []
    for index, phase in enumerate(asked):
        unserved = sorted(set(phase) - _SERVED)
        if unserved:
            name = f"phases[{index}][{unserved[0]}]"
            raise StripeError(501, "api_error", f"The local Stripe does not act on {name}.", None, name)
        start = found[-1].end if found else _moment(phase.get("start_date"), begins, world.now())
        items = tuple(
            (
                terms.price_for(world, item.get("price", ""), f"phases[{index}][items][{at}][price]"),
                item.get("quantity", 1),
            )
            for at, item in enumerate(phase["items"])
        )
        changes.require_together([price for price, _ in items])
        end = _end(phase, start, items[0][0], world.now())
        if end <= start:
            raise invalid("A phase must end after it starts.", None, f"phases[{index}][end_date]")
        how = phase.get("proration_behavior", "create_prorations")
        found.append(Wanted(items, start, end, how, phase.get("trial_end")))
    return found


def _moment(given: str | int | None, fallback: int, now: int) -> int:
    return fallback if given is None else now if given == "now" else int(given)


def _end(phase: Json, start: int, price: Json, now: int) -> int:
    if "end_date" in phase:
        return _moment(phase["end_date"], now, now)
    lasts = phase.get("duration", {})
    interval, count = lasts.get("interval"), lasts.get("interval_count", 1)
    return calendar.period_end(start, start, *((interval, count) if interval else changes.interval(price)))


@route("subscription_schedules.retrieve", "GET", "/v1/subscription_schedules/{schedule}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("subscription_schedule", call.id, "schedule")


@route("subscription_schedules.update", "POST", "/v1/subscription_schedules/{schedule}", "end_behavior metadata phases")
def update(world: World, call: Call) -> Json:
    schedule, params = world.find("subscription_schedule", call.id, "schedule"), call.params
    current = schedule["current_phase"] or schedule["phases"][0]
    phases = _phases(world, params["phases"], current["start_date"]) if "phases" in params else None
    schedules.change(world, schedule, phases, params.get("end_behavior"))
    assign(schedule, params, "")
    return schedule


@route("subscription_schedules.list", "GET", "/v1/subscription_schedules", PAGING + "customer scheduled")
def listed(world: World, call: Call) -> Json:
    customers.require_known(world, call.params)
    kept = (
        schedule
        for schedule in world.all("subscription_schedule").values()
        if call.params.get("customer", schedule["customer"]) == schedule["customer"]
        and (not call.params.get("scheduled") or schedule["status"] == "not_started")
    )
    return page(kept, call.params, "/v1/subscription_schedules")


@route(
    "subscription_schedules.release", "POST", "/v1/subscription_schedules/{schedule}/release", "preserve_cancel_date"
)
def release(world: World, call: Call) -> Json:
    schedule = world.find("subscription_schedule", call.id, "schedule")
    if schedule["status"] in lifecycle.SCHEDULED and schedule["subscription"] is not None:
        subscription = world.find("subscription", schedule["subscription"])
        preserve = call.params.get("preserve_cancel_date", False)
        lifecycle.release(world, subscription, schedule, preserve_end=preserve)
    else:
        lifecycle.close_schedule(world, schedule, "released")
    return schedule


@route("subscription_schedules.cancel", "POST", "/v1/subscription_schedules/{schedule}/cancel")
def cancel(world: World, call: Call) -> Json:
    """Canceling a schedule cancels its subscription at once, as Stripe does."""
    schedule = world.find("subscription_schedule", call.id, "schedule")
    if schedule["status"] in lifecycle.SCHEDULED and schedule["subscription"] is not None:
        lifecycle.end(world, world.find("subscription", schedule["subscription"]), "cancellation_requested")
    else:
        lifecycle.close_schedule(world, schedule, "canceled")
    return schedule
