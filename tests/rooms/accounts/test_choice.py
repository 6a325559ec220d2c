"""Which of a customer's subscriptions counts, and what becomes of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aerostack_billing.accounts.choice import Choice, choose, standing_of
from aerostack_billing.payments.models import (
    Invoice,
    PlanSubscription,
    Subscription,
    Subscriptions,
    SubscriptionStatus,
)

OLD = PlanSubscription(
    subscription_id="sub_old",
    customer_id="cus_1",
    status="active",
    created_at=1_000,
    period_start=1_000,
    period_end=2_000,
    cancel_at_period_end=False,
    cancel_at=None,
    schedule_id=None,
    collection_rests=False,
    latest_invoice=None,
    tier="pro",
    interval="monthly",
    item_id="si_1",
)
OPEN = Invoice("in_1", "void", None, None, 1_000, None, None, False, 4_900, ())


def later(seconds: int, subscription_id: str, status: SubscriptionStatus = "active") -> PlanSubscription:
    return replace(OLD, created_at=OLD.created_at + seconds, subscription_id=subscription_id, status=status)


def chosen(*newest_first: PlanSubscription, recorded: str | None = None, sold: str = "sub_old sub_new") -> Choice:
    return choose(Subscriptions(newest_first), recorded=recorded, sold=sold.split())


NEW = later(5, "sub_new")


@pytest.mark.parametrize("newer_id", ["sub_a", "sub_z"])
@pytest.mark.parametrize("seconds", [0, 5])
def test_the_first_bought_counts_also_of_two_in_one_second(seconds: int, newer_id: str) -> None:
    newer = later(seconds, newer_id)
    assert chosen(newer, OLD, sold=f"sub_old {newer_id}") == Choice(current=OLD, surplus=(newer,))


def test_the_one_that_was_the_plan_before_stays_it() -> None:
    assert chosen(NEW, OLD, recorded="sub_new") == Choice(current=NEW, surplus=(OLD,))


def test_one_that_is_paid_outranks_one_that_owes_also_the_plan_of_before() -> None:
    owing = replace(OLD, status="past_due")
    assert chosen(NEW, owing, recorded="sub_old") == Choice(current=NEW, surplus=(owing,))


def test_what_a_person_made_outranks_what_checkout_sold_which_ends_with_its_period() -> None:
    assert chosen(NEW, OLD, recorded="sub_old", sold="sub_old") == Choice(current=NEW, outranked=(OLD,))


def test_nothing_that_a_person_made_is_ended_by_machine() -> None:
    assert chosen(NEW, OLD, sold="sub_old").surplus == ()
    assert chosen(NEW, OLD, sold="") == Choice(current=OLD, for_review=("sub_new",))
    owing = replace(NEW, status="past_due")
    assert chosen(owing, OLD, sold="sub_old") == Choice(current=OLD, for_review=("sub_new",))


@pytest.mark.parametrize("status", ["incomplete", "paused", "unpaid", "past_due"])
def test_what_was_left_unpaid_is_ended_once_another_is_paid(status: SubscriptionStatus) -> None:
    first = replace(OLD, status=status)
    assert chosen(NEW, first) == Choice(current=NEW, surplus=(first,))
    assert chosen(NEW, first, sold="sub_new").surplus == ()


def test_nothing_is_ended_while_what_counts_is_not_paid_itself() -> None:
    owing, begun = replace(OLD, status="past_due"), replace(NEW, status="incomplete")
    assert chosen(begun, owing) == Choice(current=owing)


def test_what_is_being_undone_never_counts_again() -> None:
    assert choose(Subscriptions((NEW, OLD)), undoing={"sub_old": 1}).current == NEW
    assert choose(Subscriptions((OLD,)), undoing={"sub_old": 1}) == Choice()


@pytest.mark.parametrize("status", ["active", "trialing", "past_due"])
def test_a_plan_stays_while_stripe_still_tries(status: SubscriptionStatus) -> None:
    trying = replace(OLD, status=status)
    assert chosen(trying).current == trying


def test_the_newest_of_the_unpaid_says_what_is_owed() -> None:
    newest = later(9, "sub_newest", "unpaid")
    assert chosen(newest, replace(OLD, status="unpaid")) == Choice(unpaid=newest)


def test_what_is_no_plan_and_what_cannot_be_read_are_for_a_person() -> None:
    foreign = Subscription(**{name: getattr(OLD, name) for name in Subscription.__dataclass_fields__})
    listed = Subscriptions((replace(foreign, subscription_id="sub_foreign"), OLD), ("sub_odd",))
    assert choose(listed) == Choice(current=OLD, for_review=("sub_foreign", "sub_odd"))


def test_nobody_has_nothing() -> None:
    assert choose(Subscriptions()) == Choice()


def test_a_collection_that_rests_owes_from_the_first_period_that_is_not_paid() -> None:
    resting = replace(OLD, collection_rests=True)
    assert standing_of(replace(resting, latest_invoice=replace(OPEN, status="paid"))) == "paid"
    assert standing_of(replace(resting, latest_invoice=OPEN)) == "owing"
    assert standing_of(replace(OLD, latest_invoice=OPEN)) == "paid"
