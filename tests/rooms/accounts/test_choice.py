"""Which of a customer's subscriptions counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aerostack_billing.accounts.sync import Choice, choose
from aerostack_billing.payments.models import Subscription, SubscriptionStatus

OLD = Subscription(
    subscription_id="sub_old",
    customer_id="cus_1",
    status="active",
    tier="pro",
    interval="monthly",
    item_id="si_1",
    created_at=1_000,
    period_start=1_000,
    period_end=2_000,
    cancel_at_period_end=False,
    cancel_at=None,
    schedule_id=None,
    latest_invoice=None,
)


def later(seconds: int, subscription_id: str, status: SubscriptionStatus = "active") -> Subscription:
    return replace(OLD, created_at=OLD.created_at + seconds, subscription_id=subscription_id, status=status)


@pytest.mark.parametrize("newer_id", ["sub_a", "sub_z"])
@pytest.mark.parametrize("seconds", [0, 5])
def test_the_first_paid_counts_also_of_two_in_one_second(seconds: int, newer_id: str) -> None:
    newer = later(seconds, newer_id)
    assert choose([newer, OLD]) == Choice(current=OLD, surplus=(newer,), unpaid=None)


@pytest.mark.parametrize("status", ["canceled", "incomplete", "incomplete_expired", "paused", "unpaid"])
def test_what_is_not_paid_counts_for_nothing(status: SubscriptionStatus) -> None:
    first, paid = replace(OLD, status=status), later(5, "sub_paid")
    assert choose([paid, first]).current == paid
    assert choose([paid, first]).surplus == ()


@pytest.mark.parametrize("status", ["unpaid", "paused"])
def test_what_sleeps_is_left_over_once_another_is_paid(status: SubscriptionStatus) -> None:
    asleep, paid = replace(OLD, status=status), later(5, "sub_paid")
    assert choose([paid, asleep]).left_over == (asleep,)
    assert choose([asleep]).left_over == ()


@pytest.mark.parametrize("status", ["active", "trialing", "past_due"])
def test_a_plan_stays_while_stripe_still_tries(status: SubscriptionStatus) -> None:
    trying = replace(OLD, status=status)
    assert choose([trying]).current == trying


def test_the_newest_of_the_unpaid_says_what_is_owed() -> None:
    newest = later(9, "sub_newest", "unpaid")
    assert choose([newest, replace(OLD, status="unpaid")]) == Choice(current=None, surplus=(), unpaid=newest)


def test_nobody_has_nothing() -> None:
    assert choose([]) == Choice(current=None, surplus=(), unpaid=None)
