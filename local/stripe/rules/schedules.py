"""Changes of plan that wait for the period's end: subscription schedules of two phases."""

from __future__ import annotations

from local.stripe.objects import Json, public
from local.stripe.rules import calendar, lifecycle
from local.stripe.world import World


def plan_change(world: World, subscription: Json, price: Json, quantity: int) -> Json:
    """Let the subscription take the price when its period ends, in place of a change that already waits."""
    present = lifecycle.schedule_of(world, subscription)
    if present is not None:
        lifecycle.release(world, subscription, present)
    start, end = lifecycle.period_of(subscription)
    item = subscription["items"]["data"][0]
    interval, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
    schedule = world.make(
        "subscription_schedule",
        customer=subscription["customer"],
        subscription=subscription["id"],
        status="active",
        end_behavior="release",
        current_phase={"start_date": start, "end_date": end},
        phases=[
            _phase(item["price"]["id"], item["quantity"], start, end),
            _phase(price["id"], quantity, end, calendar.period_end(end, end, interval, count)),
        ],
    )
    schedule["default_settings"].update(collection_method="charge_automatically")
    world.tell("subscription_schedule.created", schedule)
    with world.updating("customer.subscription.updated", subscription):
        subscription["schedule"] = schedule["id"]
    return schedule


def _phase(price: str, quantity: int, start: int, end: int) -> Json:
    item: Json = {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "price": price,
        "quantity": quantity,
        "tax_rates": [],
    }
    phase: Json = dict.fromkeys(
        (
            "application_fee_percent",
            "billing_cycle_anchor",
            "billing_thresholds",
            "collection_method",
            "default_payment_method",
            "description",
            "invoice_settings",
            "on_behalf_of",
            "transfer_data",
            "trial_end",
        )
    )
    phase.update(
        add_invoice_items=[],
        currency="usd",
        default_tax_rates=[],
        discounts=[],
        end_date=end,
        items=[item],
        metadata={},
        proration_behavior="none",
        start_date=start,
    )
    return phase


def next_phase(schedule: Json) -> Json | None:
    """The phase that follows the current one, or None where the schedule ends with it."""
    ended = schedule["current_phase"]["end_date"]
    return next((phase for phase in schedule["phases"] if phase["start_date"] >= ended), None)


def enter(world: World, subscription: Json, schedule: Json, phase: Json) -> None:
    """Put the phase's price on the subscription; its period is for the caller to move and to tell."""
    with world.updating("subscription_schedule.updated", schedule):
        schedule["current_phase"] = {"start_date": phase["start_date"], "end_date": phase["end_date"]}
    wanted = phase["items"][0]
    item = subscription["items"]["data"][0]
    before, after = item["price"], public(world.find("price", wanted["price"]))
    item.update(price=after, quantity=wanted["quantity"])
    if before["recurring"]["interval"] != after["recurring"]["interval"]:
        # Another interval counts its months from here.
        subscription["billing_cycle_anchor"] = phase["start_date"]


def is_over(schedule: Json, moment: int) -> bool:
    """Whether the schedule's current phase has ended by then."""
    return schedule["status"] == "active" and bool(schedule["current_phase"]["end_date"] <= moment)
