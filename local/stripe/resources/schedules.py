"""/v1/subscription_schedules"""

from __future__ import annotations

from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import customers, lifecycle
from local.stripe.world import World


@route("subscription_schedules.retrieve", "GET", "/v1/subscription_schedules/{schedule}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("subscription_schedule", call.id, "schedule")


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


@route("subscription_schedules.release", "POST", "/v1/subscription_schedules/{schedule}/release")
def release(world: World, call: Call) -> Json:
    schedule = world.find("subscription_schedule", call.id, "schedule")
    if schedule["status"] in lifecycle.SCHEDULED:
        lifecycle.release(world, world.find("subscription", schedule["subscription"]), schedule)
    else:
        lifecycle.close_schedule(world, schedule, "released")
    return schedule


@route("subscription_schedules.cancel", "POST", "/v1/subscription_schedules/{schedule}/cancel")
def cancel(world: World, call: Call) -> Json:
    """Canceling a schedule cancels its subscription at once, as Stripe does."""
    schedule = world.find("subscription_schedule", call.id, "schedule")
    if schedule["status"] in lifecycle.SCHEDULED:
        lifecycle.end(world, world.find("subscription", schedule["subscription"]), "cancellation_requested")
    else:
        lifecycle.close_schedule(world, schedule, "canceled")
    return schedule
