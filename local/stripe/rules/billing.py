"""What Stripe does by itself as time goes on: renewals, retries, ends, lapses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from local.stripe.objects import Json
from local.stripe.rules import checkout, collection, disputes, lifecycle, refunds, subscriptions
from local.stripe.world import World

INCOMPLETE_LAPSES_AFTER_SECONDS = 23 * 3600

Task = tuple[int, Callable[[], None]]


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
        when = invoice["next_payment_attempt"]
        if when is not None and invoice["status"] == "open":
            yield when, functools.partial(_retry, world, invoice)
    for session in list(world.all("checkout.session").values()):
        if session["status"] == "open":
            yield session["expires_at"], functools.partial(checkout.expire, world, session)
        elif "_settles_at" in session:
            yield session["_settles_at"], functools.partial(_settle, world, session)
    yield from _of_banks(world)


def _of_banks(world: World) -> Iterator[Task]:
    for made in list(world.all("refund").values()):
        if "_settles_at" in made:
            yield made["_settles_at"], functools.partial(refunds.settle, world, made, made["_settles_as"])
    for dispute in list(world.all("dispute").values()):
        if "_decides_at" in dispute:
            yield dispute["_decides_at"], functools.partial(disputes.decide, world, dispute)


def _of_subscription(world: World, subscription: Json) -> Iterator[Task]:
    status = subscription["status"]
    if status == "incomplete":
        when = subscription["created"] + INCOMPLETE_LAPSES_AFTER_SECONDS
        yield when, functools.partial(subscriptions.expire_incomplete, world, subscription)
    elif status not in lifecycle.OVER:
        when = lifecycle.period_of(subscription)[1]
        yield when, functools.partial(subscriptions.end_of_period, world, subscription)


def _retry(world: World, invoice: Json) -> None:
    subscription = world.find("subscription", invoice["parent"]["subscription_details"]["subscription"])
    collection.collect(world, subscription, invoice)


def _settle(world: World, session: Json) -> None:
    checkout.settle_debit(world, session, works=session["_works"])
