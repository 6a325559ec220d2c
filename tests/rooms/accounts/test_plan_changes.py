"""Plans that change: cancelled, resumed, dearer now and cheaper later, and what becomes of who does not pay."""

from __future__ import annotations

import pytest

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import NoActiveSubscription, NothingToResume
from tests.rooms.conftest import Time
from tests.rooms.worlds.plans import LINKS, buy, deliver, open_page, pass_days
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.usage import consume

# Cancelling and resuming


def test_cancelling_keeps_the_plan_until_the_period_ends_then_free(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "starter")
    parts.accounts.subscriptions.cancel(account)
    parts.accounts.subscriptions.cancel(account)
    plan = parts.accounts.store.get(account).plan
    assert (plan.tier, plan.cancel_at_period_end) == ("starter", True)
    pass_days(world, time_stands, 32)
    for event in world.events():
        deliver(parts, event)
    assert parts.accounts.store.get(account).plan == PlanState()


def test_resuming_takes_the_cancellation_back(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "starter")
    parts.accounts.subscriptions.cancel(account)
    assert parts.accounts.subscriptions.resume(account).plan.cancel_at_period_end is False
    with pytest.raises(NothingToResume):
        parts.accounts.subscriptions.resume(account)


def test_nothing_can_be_cancelled_or_resumed_on_free(parts: Runtime, world: StripeWorld, account: str) -> None:
    with pytest.raises(NoActiveSubscription):
        parts.accounts.subscriptions.cancel(account)
    with pytest.raises(NothingToResume):
        parts.accounts.subscriptions.resume(account)


# Changing the plan


def test_a_dearer_plan_is_confirmed_on_stripes_page_and_starts_at_once(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    buy(parts, world, account, "starter")
    status, location = world.submit(open_page(parts, account, "business"), action="confirm")
    assert (status, location) == (303, LINKS["success_url"])
    assert parts.accounts.sync.make_true(account).account.plan.tier == "business"
    assert [s["status"] for s in world.api("subscriptions?status=all")["data"]] == ["active"]


def test_a_cheaper_plan_waits_for_the_periods_end_and_can_be_taken_back(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "pro")
    world.submit(open_page(parts, account, "starter"), action="confirm")
    plan = parts.accounts.sync.make_true(account).account.plan
    assert plan.tier == "pro"
    assert plan.pending_change is not None
    assert (plan.pending_change.tier, plan.pending_change.effective_at) == ("starter", plan.period_end)
    assert parts.accounts.subscriptions.resume(account).plan.pending_change is None
    world.submit(open_page(parts, account, "starter"), action="confirm")
    pass_days(world, time_stands, 32)
    assert parts.accounts.sync.make_true(account).account.plan.tier == "starter"


def test_a_dearer_plan_replaces_a_cheaper_one_that_waits(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    world.submit(open_page(parts, account, "starter"), action="confirm")
    world.submit(open_page(parts, account, "business"), action="confirm")
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.pending_change) == ("business", None)


def test_cancelling_drops_a_cheaper_plan_that_waits(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "pro")
    world.submit(open_page(parts, account, "starter"), action="confirm")
    parts.accounts.subscriptions.cancel(account)
    plan = parts.accounts.store.get(account).plan
    assert (plan.cancel_at_period_end, plan.pending_change) == (True, None)
    pass_days(world, time_stands, 32)
    assert parts.accounts.sync.make_true(account).account.plan == PlanState()


def test_the_same_tier_at_the_other_interval_is_a_change(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    world.submit(open_page(parts, account, "pro", "yearly"), action="confirm")
    assert parts.accounts.sync.make_true(account).account.plan.interval == "yearly"


# Dunning


def test_past_due_keeps_the_plan_and_shows_the_issue_then_falls_to_free(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "pro")
    portal = parts.accounts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000000000000341")
    pass_days(world, time_stands, 32)
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.status) == ("pro", "past_due")
    assert plan.payment_issue is not None
    assert plan.payment_issue.reason == "past_due"
    pass_days(world, time_stands, 28)
    assert parts.accounts.sync.make_true(account).account.plan.tier == "free"


def test_a_new_card_heals_past_due(parts: Runtime, world: StripeWorld, account: str, time_stands: Time) -> None:
    buy(parts, world, account, "pro")
    portal = parts.accounts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000000000000341")
    pass_days(world, time_stands, 32)
    world.submit(portal, action="update_card", card="4242424242424242")
    pass_days(world, time_stands, 8)
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.status, plan.payment_issue) == ("pro", "active", None)


def test_a_renewal_that_asks_for_3d_secure_is_action_required_and_cancels_nothing(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "pro")
    portal = parts.accounts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000002760003184", authenticate="complete")
    pass_days(world, time_stands, 32)
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.status) == ("pro", "past_due")
    assert plan.payment_issue is not None
    assert plan.payment_issue.reason == "action_required"


def test_a_plan_change_touches_no_counter_but_its_ceiling(parts: Runtime, world: StripeWorld, account: str) -> None:
    consume(parts, account, 55_000)
    buy(parts, world, account, "pro")
    answer = consume(parts, account)
    assert (answer["used"], answer["hard_limit"]) == (55_001, 2_400_000)
