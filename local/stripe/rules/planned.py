"""Subscriptions that begin on the day that their schedule says."""

from __future__ import annotations

from local.stripe.objects import Json
from local.stripe.rules import collection, schedules, subscriptions
from local.stripe.rules.changes import Bought
from local.stripe.rules.subscriptions import Terms
from local.stripe.world import World


def begin(world: World, schedule: Json) -> Json:
    """Begin the subscription of the schedule's first phase, and ask for its first payment."""
    customer = world.find("customer", schedule["customer"], "customer")
    phase = schedule["phases"][0]
    wanted = [Bought(world.find("price", item["price"]), item["quantity"]) for item in phase["items"]]
    subscription = subscriptions.begin(world, customer, wanted, Terms(metadata=dict(schedule["metadata"])))
    schedules.started(world, schedule, subscription)
    collection.collect(world, world.find("invoice", subscription["latest_invoice"]))
    return subscription
