"""The end of a subscription, asked for or come about, and the schedules that hang on it."""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.objects import Json
from local.stripe.world import World

OVER = ("canceled", "incomplete_expired")
SCHEDULED = ("not_started", "active")


def end(world: World, subscription: Json, reason: str | None) -> None:
    """Cancel the subscription now. What it owes is not asked for any more."""
    if subscription["status"] in OVER:
        raise invalid(f"No such subscription: '{subscription['id']}'", "resource_missing", "id", status=404)
    schedule = schedule_of(world, subscription)
    if schedule is not None:
        close_schedule(world, schedule, "canceled")
    subscription.update(
        status="canceled",
        ended_at=world.now(),
        canceled_at=subscription["canceled_at"] or world.now(),
        schedule=None,
    )
    if reason is not None:
        subscription["cancellation_details"] = {"comment": None, "feedback": None, "reason": reason}
    for invoice in world.all("invoice").values():
        parent = invoice["parent"]
        owner = parent["subscription_details"]["subscription"] if parent is not None else None
        if invoice["status"] in ("open", "draft") and owner == subscription["id"]:
            invoice.update(auto_advance=False, next_payment_attempt=None)
    world.tell("customer.subscription.deleted", subscription)


def cancel_at_period_end(world: World, subscription: Json, *, wanted: bool) -> None:
    """Let the subscription end with its period, or take that back. Tells nothing: the caller's update does."""
    if wanted and not subscription["cancel_at_period_end"]:
        end_at(subscription, period_of(subscription)[1], now=world.now())
    elif not wanted:
        end_at(subscription, None, now=world.now())
    subscription["cancel_at_period_end"] = wanted


def end_at(subscription: Json, moment: int | None, *, now: int) -> None:
    """Let the subscription end at that moment (unix seconds), or never. Tells nothing: the caller's update does."""
    subscription.update(
        cancel_at=moment,
        cancel_at_period_end=False,
        canceled_at=None if moment is None else now,
        cancellation_details={
            "comment": None,
            "feedback": None,
            "reason": None if moment is None else "cancellation_requested",
        },
    )


def period_of(subscription: Json) -> tuple[int, int]:
    """The current period, which its items carry."""
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def schedule_of(world: World, subscription: Json) -> Json | None:
    """The schedule that manages the subscription, or None."""
    found = subscription["schedule"]
    return world.find("subscription_schedule", found) if found is not None else None


def release(world: World, subscription: Json, schedule: Json, *, preserve_end: bool = False) -> None:
    """Take the schedule off: the subscription goes on as it is, without the end that the schedule had set."""
    close_schedule(world, schedule, "released")
    with world.updating("customer.subscription.updated", subscription):
        subscription["schedule"] = None
        if schedule.pop("_set_end", False) and not preserve_end:
            end_at(subscription, None, now=world.now())


def close_schedule(world: World, schedule: Json, status: str) -> None:
    """Release or cancel a schedule; one that is over is refused."""
    if schedule["status"] not in SCHEDULED:
        raise invalid(
            f"You cannot {'release' if status == 'released' else 'cancel'} a subscription schedule that is currently "
            f"in the `{schedule['status']}` status."
        )
    schedule.update(status=status, current_phase=None)
    if status == "released":
        schedule.update(released_at=world.now(), released_subscription=schedule["subscription"], subscription=None)
    else:
        schedule["canceled_at"] = world.now()
    world.tell(f"subscription_schedule.{status}", schedule)
