"""Schedules that staff attach: phases, and what becomes of the subscription after the last."""

from __future__ import annotations

import pytest
import stripe

from tests.local_stripe.harness import DAY, Stack
from tests.local_stripe.test_staff_subscriptions import card_holder, made, paid


def attached(stack: Stack, subscription: str, **changed: object) -> stripe.SubscriptionSchedule:
    schedule = stack.v1.subscription_schedules.create({"from_subscription": subscription})
    return stack.v1.subscription_schedules.update(schedule.id, changed) if changed else schedule


def test_a_schedule_that_cancels_sets_the_end_and_a_release_takes_it_back(stack: Stack) -> None:
    subscription = made(stack, card_holder(stack), stack.price("pro_monthly"))
    schedule = attached(stack, subscription.id, end_behavior="cancel")
    ends = subscription["items"].data[0].current_period_end
    managed = stack.v1.subscriptions.retrieve(subscription.id)
    assert (managed.schedule, managed.cancel_at) == (schedule.id, ends)
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        stack.v1.subscriptions.update(subscription.id, {"cancel_at": ""})
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        attached(stack, subscription.id)
    assert stack.v1.subscription_schedules.release(schedule.id).status == "released"
    released = stack.v1.subscriptions.retrieve(subscription.id)
    assert (released.schedule, released.cancel_at) == (None, None)
    again = attached(stack, subscription.id, end_behavior="cancel")
    stack.v1.subscription_schedules.release(again.id, {"preserve_cancel_date": True})
    assert stack.v1.subscriptions.retrieve(subscription.id).cancel_at == ends


@pytest.mark.parametrize(
    ("end_behavior", "status", "schedule_status"),
    [("cancel", "canceled", "completed"), ("release", "active", "released")],
)
def test_after_the_last_phase_the_subscription_ends_or_goes_on(
    stack: Stack, end_behavior: str, status: str, schedule_status: str
) -> None:
    subscription = made(stack, card_holder(stack), stack.price("pro_monthly"))
    schedule = attached(stack, subscription.id, end_behavior=end_behavior)
    stack.advance(days=32)
    assert stack.v1.subscriptions.retrieve(subscription.id).status == status
    assert stack.v1.subscription_schedules.retrieve(schedule.id).status == schedule_status
    assert f"subscription_schedule.{schedule_status}" in stack.event_types()


def test_a_phase_that_ends_within_a_period_is_billed_by_proration(stack: Stack) -> None:
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price("starter_monthly"))
    start = subscription["items"].data[0].current_period_start
    half = (subscription["items"].data[0].current_period_end - start) // 2
    phases = [
        {"items": [{"price": stack.price("starter_monthly")}], "start_date": start, "end_date": start + half},
        {
            "items": [{"price": stack.price("pro_monthly")}, {"price": stack.price("business_monthly")}],
            "proration_behavior": "always_invoice",
            "duration": {"interval": "year", "interval_count": 1},
        },
    ]
    schedule = attached(stack, subscription.id, phases=phases)
    stack.advance(seconds=half)
    assert paid(stack, customer) == [1900, (4900 + 14900 - 1900) // 2]
    assert len(stack.v1.subscriptions.retrieve(subscription.id)["items"].data) == 2
    running = stack.v1.subscription_schedules.retrieve(schedule.id)
    assert running.current_phase is not None
    assert running.current_phase.start_date == start + half


def test_a_schedule_begins_a_subscription_on_its_day(stack: Stack) -> None:
    customer = card_holder(stack)
    asked = {
        "customer": customer,
        "start_date": int(stack.clock.now + 10 * DAY),
        "end_behavior": "cancel",
        "phases": [
            {
                "items": [{"price": stack.price("pro_monthly"), "quantity": 3}],
                "duration": {"interval": "month", "interval_count": 2},
            }
        ],
    }
    schedule = stack.v1.subscription_schedules.create(asked)
    assert (schedule.status, schedule.subscription) == ("not_started", None)
    stack.advance(days=10)
    begun = stack.v1.subscription_schedules.retrieve(schedule.id)
    subscription = stack.v1.subscriptions.retrieve(str(begun.subscription))
    assert (begun.status, subscription.status, paid(stack, customer)) == ("active", "active", [14700])
    stack.advance(days=70)
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert paid(stack, customer) == [14700, 14700]
    waiting = stack.v1.subscription_schedules.create({**asked, "start_date": int(stack.clock.now + DAY)})
    assert stack.v1.subscription_schedules.cancel(waiting.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="cannot update"):
        stack.v1.subscription_schedules.update(waiting.id, {"end_behavior": "release"})
