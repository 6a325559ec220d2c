"""What Stripe does by itself as time goes on: renewals, retries, ends, lapses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from local.stripe.objects import Json
from local.stripe.rules import (
    checkout,
    collection,
    debits,
    disputes,
    lifecycle,
    planned,
    refunds,
    schedules,
    subscriptions,
)
from local.stripe.world import World

INCOMPLETE_LAPSES_AFTER_SECONDS = 23 * 3600

Task = tuple[int, Callable[[], object]]


def next_due(world: World) -> int | None:
    """The unix time of the next thing to do; None where nothing is planned."""
    return min((when for when, _ in _tasks(world)), default=None)


def run_due(world: World) -> None:
    """Do all that is due by now, in order of time, and what comes of it. The caller holds the lock."""
    while True:
        due = [task for task in _tasks(world) if task[0] <= world.now()]
        if not due:
            return
        min(due, key=lambda task: task[0])[1]()


def _tasks(world: World) -> Iterator[Task]:
    for subscription in list(world.all("subscription").values()):
        yield from _of_subscription(world, subscription)
    for invoice in list(world.all("invoice").values()):
        yield from _of_invoice(world, invoice)
    for schedule in list(world.all("subscription_schedule").values()):
        yield from _of_schedule(world, schedule)
    for session in list(world.all("checkout.session").values()):
        if session["status"] == "open":
            yield session["expires_at"], functools.partial(checkout.expire, world, session)
    yield from _of_banks(world)


def _of_banks(world: World) -> Iterator[Task]:
    for intent in list(world.all("payment_intent").values()):
        if "_settles_at" in intent:
            yield intent["_settles_at"], functools.partial(debits.settle, world, intent, works=intent["_works"])
    for made in list(world.all("refund").values()):
        if "_settles_at" in made:
            yield made["_settles_at"], functools.partial(refunds.settle, world, made, made["_settles_as"])
    for dispute in list(world.all("dispute").values()):
        if "_decides_at" in dispute:
            yield dispute["_decides_at"], functools.partial(disputes.decide, world, dispute)


def _of_subscription(world: World, subscription: Json) -> Iterator[Task]:
    status = subscription["status"]
    if status in lifecycle.OVER:
        return
    if status == "incomplete":
        if not subscription.get("_debited"):
            when = subscription["created"] + INCOMPLETE_LAPSES_AFTER_SECONDS
            yield when, functools.partial(subscriptions.expire_incomplete, world, subscription)
        return
    ends, period_end = subscription["cancel_at"], lifecycle.period_of(subscription)[1]
    when = period_end if ends is None else min(ends, period_end)
    yield when, functools.partial(subscriptions.end_of_period, world, subscription)
    if status == "trialing" and subscription.get("_warned_of") != subscription["trial_end"]:
        warned = max(subscription["trial_end"] - subscriptions.TRIAL_WILL_END_SECONDS, subscription["trial_start"])
        yield warned, functools.partial(subscriptions.warn_of_trial_end, world, subscription)
    paused = subscription["pause_collection"]
    if paused is not None and paused["resumes_at"] is not None:
        yield paused["resumes_at"], functools.partial(subscriptions.resume_collection, world, subscription)


def _of_invoice(world: World, invoice: Json) -> Iterator[Task]:
    if invoice["status"] != "open":
        return
    if invoice["next_payment_attempt"] is not None:
        yield invoice["next_payment_attempt"], functools.partial(collection.collect, world, invoice)
    if invoice["due_date"] is not None and not invoice.get("_overdue"):
        yield invoice["due_date"], functools.partial(collection.fall_due, world, invoice)


def _of_schedule(world: World, schedule: Json) -> Iterator[Task]:
    if schedule["status"] == "not_started":
        when = schedule["phases"][0]["start_date"]
        yield when, functools.partial(planned.begin, world, schedule)
    elif schedule["status"] == "active":
        subscription = world.find("subscription", schedule["subscription"])
        ends = schedule["current_phase"]["end_date"]
        # Where both end at once, the renewal enters the next phase.
        if ends < lifecycle.period_of(subscription)[1]:
            yield ends, functools.partial(schedules.phase_ended, world, subscription, schedule)
