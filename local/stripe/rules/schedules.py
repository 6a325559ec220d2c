"""Subscription schedules: phases one after another, and what becomes of the subscription after the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.stripe.errors import StripeError, invalid
from local.stripe.objects import Json
from local.stripe.rules import calendar, changes, lifecycle
from local.stripe.rules.changes import Bought, Change
from local.stripe.world import World


@dataclass(frozen=True)
class Wanted:
    """A phase as it was asked for: prices with quantities, and until when (unix seconds)."""

    items: tuple[tuple[Json, int], ...]
    start: int
    end: int
    proration: str = "create_prorations"
    trial_end: int | None = None


def plan_change(world: World, subscription: Json, price: Json, quantity: int) -> Json:
    """Let the subscription take the price when its period ends, in place of a change that already waits."""
    present = lifecycle.schedule_of(world, subscription)
    if present is not None:
        lifecycle.release(world, subscription, present)
    start, end = lifecycle.period_of(subscription)
    item = subscription["items"]["data"][0]
    after = calendar.period_end(end, end, *changes.interval(price))
    phases = [
        Wanted(((item["price"], item["quantity"]),), start, end, "none"),
        Wanted(((price, quantity),), end, after, "none"),
    ]
    return attach(world, subscription, phases, "release", {})


def attach(world: World, subscription: Json, phases: Sequence[Wanted], end_behavior: str, metadata: Json) -> Json:
    """A schedule that manages a subscription that runs."""
    schedule = _made(world, subscription["customer"], phases, end_behavior, metadata)
    schedule.update(subscription=subscription["id"], status="active", current_phase=_current(schedule["phases"][0]))
    world.tell("subscription_schedule.created", schedule)
    with world.updating("customer.subscription.updated", subscription):
        subscription["schedule"] = schedule["id"]
        keep_end(subscription, schedule)
    return schedule


def plan(world: World, customer: Json, phases: Sequence[Wanted], end_behavior: str, metadata: Json) -> Json:
    """A schedule whose subscription begins with its first phase."""
    schedule = _made(world, customer["id"], phases, end_behavior, metadata)
    world.tell("subscription_schedule.created", schedule)
    return schedule


def started(world: World, schedule: Json, subscription: Json) -> None:
    """The schedule's subscription has begun."""
    with world.updating("subscription_schedule.updated", schedule):
        schedule.update(subscription=subscription["id"], status="active", current_phase=_current(schedule["phases"][0]))
    with world.updating("customer.subscription.updated", subscription):
        subscription["schedule"] = schedule["id"]
        keep_end(subscription, schedule)


def change(world: World, schedule: Json, phases: Sequence[Wanted] | None, end_behavior: str | None) -> None:
    """Put other phases, or another end, on a schedule. The phase that runs takes effect at once."""
    if schedule["status"] not in lifecycle.SCHEDULED:
        raise invalid(f"You cannot update a subscription schedule that is `{schedule['status']}`.")
    with world.updating("subscription_schedule.updated", schedule):
        if phases is not None:
            schedule["phases"] = [_phase(wanted) for wanted in phases]
        schedule["end_behavior"] = end_behavior or schedule["end_behavior"]
    if schedule["subscription"] is None:
        return
    subscription = world.find("subscription", schedule["subscription"])
    with world.updating("customer.subscription.updated", subscription):
        keep_end(subscription, schedule)
    running = next(
        (phase for phase in schedule["phases"] if phase["start_date"] <= world.now() < phase["end_date"]), None
    )
    if running is not None:
        if subscription["status"] == "trialing" and running["trial_end"] is None:
            raise StripeError(501, "api_error", "The local Stripe ends no trial by a schedule.", None, "phases")
        switch(world, subscription, schedule, running)


def _made(world: World, customer: str, phases: Sequence[Wanted], end_behavior: str, metadata: Json) -> Json:
    schedule = world.make(
        "subscription_schedule",
        customer=customer,
        end_behavior=end_behavior,
        metadata=metadata,
        phases=[_phase(wanted) for wanted in phases],
        status="not_started",
    )
    schedule["default_settings"].update(collection_method="charge_automatically")
    return schedule


def keep_end(subscription: Json, schedule: Json) -> None:
    """A schedule that cancels sets the subscription's end. The update is for the caller to tell."""
    if schedule["end_behavior"] == "cancel":
        lifecycle.end_at(subscription, schedule["phases"][-1]["end_date"], now=schedule["created"])
        schedule["_set_end"] = True
    elif schedule.pop("_set_end", False):
        lifecycle.end_at(subscription, None, now=schedule["created"])


def _current(phase: Json) -> Json:
    return {"start_date": phase["start_date"], "end_date": phase["end_date"]}


def _phase(wanted: Wanted) -> Json:
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
        currency=wanted.items[0][0]["currency"],
        default_tax_rates=[],
        discounts=[],
        end_date=wanted.end,
        items=[_item(price["id"], quantity) for price, quantity in wanted.items],
        metadata={},
        proration_behavior=wanted.proration,
        start_date=wanted.start,
        trial_end=wanted.trial_end,
    )
    return phase


def _item(price: str, quantity: int) -> Json:
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "price": price,
        "quantity": quantity,
        "tax_rates": [],
    }


def next_phase(schedule: Json) -> Json | None:
    """The phase that follows the current one, or None where the schedule ends with it."""
    ended = schedule["current_phase"]["end_date"]
    return next((phase for phase in schedule["phases"] if phase["start_date"] >= ended), None)


def enter(world: World, subscription: Json, schedule: Json, phase: Json) -> None:
    """Put the phase's prices on the subscription; its period is for the caller to move and to tell."""
    before = changes.interval(subscription["items"]["data"][0]["price"])
    with world.updating("subscription_schedule.updated", schedule):
        schedule["current_phase"] = _current(phase)
    changes.apply(subscription, changes_to(world, subscription, phase), world.now(), begins=False)
    if before != changes.interval(subscription["items"]["data"][0]["price"]):
        # Another interval counts its months from here.
        subscription["billing_cycle_anchor"] = phase["start_date"]


def switch(world: World, subscription: Json, schedule: Json, phase: Json) -> None:
    """Enter a phase in the middle of the subscription's period, and bill it as the phase says."""
    asked = changes_to(world, subscription, phase)
    asked_for = [change for change in asked if not change.changes_nothing]
    cost = changes.cost(subscription, asked_for, world.now(), phase["proration_behavior"])
    with world.updating("subscription_schedule.updated", schedule):
        schedule["current_phase"] = _current(phase)
    with world.updating("customer.subscription.updated", subscription):
        changes.apply(subscription, asked_for, world.now(), begins=cost.restarts)
    at_once = cost.restarts or phase["proration_behavior"] == "always_invoice"
    changes.bill(world, subscription, cost.lines, at_once=at_once, authenticated=False)


def changes_to(world: World, subscription: Json, phase: Json) -> list[Change]:
    """What makes the subscription's items those of the phase."""
    items, wanted = list(subscription["items"]["data"]), phase["items"]
    asked = []
    for index, each in enumerate(wanted):
        bought = Bought(world.find("price", each["price"]), each["quantity"])
        if index < len(items):
            asked.append(Change(items[index], bought.price, bought.quantity))
        else:
            asked.append(changes.addition(world, subscription, bought))
    return asked + [Change(item, item["price"], item["quantity"], deleted=True) for item in items[len(wanted) :]]


def is_over(schedule: Json, moment: int) -> bool:
    """Whether the schedule's current phase has ended by then."""
    return schedule["status"] == "active" and bool(schedule["current_phase"]["end_date"] <= moment)


def phase_ended(world: World, subscription: Json, schedule: Json) -> None:
    """A phase has ended within the subscription's period."""
    phase = next_phase(schedule)
    if phase is None:
        finish(world, subscription, schedule)
    else:
        switch(world, subscription, schedule, phase)


def finish(world: World, subscription: Json, schedule: Json) -> None:
    """The last phase is over: the subscription goes on by itself, or ends."""
    if schedule["end_behavior"] == "release":
        lifecycle.release(world, subscription, schedule)
        return
    schedule.update(status="completed", completed_at=world.now(), current_phase=None)
    world.tell("subscription_schedule.completed", schedule)
    subscription["schedule"] = None
    lifecycle.end(world, subscription, None)
