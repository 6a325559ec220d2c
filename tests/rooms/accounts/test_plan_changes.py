"""Plans that change: cancelled, resumed, dearer now and cheaper later, and what becomes of who does not pay."""

from __future__ import annotations

import contextlib

import pytest

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.values.errors import (
    InvoiceOpen,
    NoActiveSubscription,
    NothingToResume,
    PaymentsFailed,
    PaymentsUnavailable,
)
from tests.rooms.conftest import Time
from tests.rooms.worlds.plans import LINKS, Heard, buy, deliver, open_page, pass_days, subscribe
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


def test_a_dearer_plan_begins_a_new_period_at_full_price_less_the_unused_part(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    before = buy(parts, world, account, "starter")
    assert before.period_start is not None
    assert before.period_end is not None
    time_stands.at = before.period_end - 3_600
    world.submit(open_page(parts, account, "business"), action="confirm")
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.period_start) == ("business", int(time_stands.at))
    unused = 1_900 * 3_600 / (before.period_end - before.period_start)
    charged = world.api("charges?limit=1")["data"][0]["amount"]
    assert abs(charged - (14_900 - unused)) <= 1


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


def past_due(parts: Runtime, world: StripeWorld, account: str, time_stands: Time) -> PlanState:
    """Let the renewal of a plan be declined."""
    buy(parts, world, account, "pro")
    portal = parts.accounts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000000000000341")
    pass_days(world, time_stands, 32)
    return parts.accounts.sync.make_true(account).account.plan


def test_who_owes_for_too_long_keeps_the_plan_with_frees_limits_and_time_alone_says_so(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    plan = past_due(parts, world, account, time_stands)
    assert plan.grace_ends_at is not None
    assert (plan.tier, plan.limits_tier) == ("pro", "pro")
    assert account not in parts.accounts.store.due_for_review()
    time_stands.at = plan.grace_ends_at
    assert account in parts.accounts.store.due_for_review()
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.status, plan.limits_tier) == ("pro", "past_due", "free")
    assert consume(parts, account)["limit"] == 50_000
    assert account not in parts.accounts.store.due_for_review()
    portal = parts.accounts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4242424242424242")
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.status, plan.limits_tier, plan.grace_ends_at) == ("active", "pro", None)
    assert consume(parts, account)["limit"] == 2_000_000


def test_who_left_an_invoice_open_pays_it_before_buying_again(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    past_due(parts, world, account, time_stands)
    with pytest.raises(InvoiceOpen) as refused:
        open_page(parts, account, "business")
    assert refused.value.details["url"]
    pass_days(world, time_stands, 28)
    assert parts.accounts.sync.make_true(account).account.plan.tier == "free"
    with pytest.raises(InvoiceOpen):
        open_page(parts, account, "pro")


# An end on a date, and payments that come back


def test_an_end_in_a_year_is_shown_and_is_not_the_end_of_the_period(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    plan = buy(parts, world, account, "pro")
    in_a_year = (plan.period_end or 0) + 370 * 86_400
    world.create(f"subscriptions/{plan.subscription_id}", cancel_at=str(in_a_year))
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.cancel_at_period_end, plan.cancel_at) == (False, in_a_year)
    parts.accounts.subscriptions.cancel(account)
    plan = parts.accounts.store.get(account).plan
    assert plan.cancel_at_period_end is True
    assert world.api(f"subscriptions/{plan.subscription_id}")["cancel_at_period_end"] is True
    assert parts.accounts.subscriptions.resume(account).plan.cancel_at_period_end is False


@pytest.mark.parametrize("cause", ["refunded in full", "dispute lost"])
def test_a_payment_of_the_current_period_that_came_back_ends_the_plan(
    parts: Runtime, world: StripeWorld, account: str, heard: Heard, cause: str
) -> None:
    buy(parts, world, account, "pro")
    payment = world.api("payment_intents?limit=1")["data"][0]["id"]
    if cause == "dispute lost":
        world.door("disputes", {"payment_intent": payment, "status": "needs_response"})
        hear_all(parts, world)
        assert parts.accounts.store.get(account).plan.tier == "pro"
        world.door("disputes", {"payment_intent": payment, "status": "lost"})
    else:
        world.door("refunds", {"payment_intent": payment, "amount": 100})
        hear_all(parts, world)
        assert parts.accounts.store.get(account).plan.tier == "pro"
        world.door("refunds", {"payment_intent": payment})
    hear_all(parts, world)
    assert parts.accounts.store.get(account).plan == PlanState()
    assert [s["status"] for s in world.api("subscriptions?status=all")["data"]] == ["canceled"]
    assert (account, "payment_returned", payment) in heard.findings


def hear_all(parts: Runtime, world: StripeWorld) -> None:
    """Deliver all that was not delivered yet."""
    for event in world.events():
        deliver(parts, event)


def test_a_plan_that_a_person_made_is_not_ended_by_a_refund(
    parts: Runtime, world: StripeWorld, account: str, heard: Heard
) -> None:
    made = subscribe(parts, world, account, **{"recurring[interval]": "year", "metadata[tier]": "enterprise"})
    payment = world.api("payment_intents?limit=1")["data"][0]["id"]
    parts.accounts.sync.make_true(account)
    world.door("refunds", {"payment_intent": payment})
    hear_all(parts, world)
    assert parts.accounts.store.get(account).plan.tier == "enterprise"
    assert world.api(f"subscriptions/{made['id']}")["status"] == "active"
    assert (account, "payment_returned", payment) in heard.findings


def test_a_plan_whose_payment_came_back_while_another_outranked_it_is_none_afterwards(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    buy(parts, world, account, "pro")
    payment = world.api("payment_intents?limit=1")["data"][0]["id"]
    agreed = subscribe(parts, world, account, **{"recurring[interval]": "month", "metadata[tier]": "enterprise"})
    hear_all(parts, world)
    assert parts.accounts.store.get(account).plan.tier == "enterprise"
    world.door("refunds", {"payment_intent": payment})
    hear_all(parts, world)
    world.delete(f"subscriptions/{agreed['id']}")
    hear_all(parts, world)
    assert parts.accounts.store.get(account).plan == PlanState()


def test_a_price_that_was_replaced_and_archived_is_bought_by_the_new_one_at_once(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    open_page(parts, account, "pro")
    old = world.api("prices?lookup_keys[]=pro_monthly")["data"][0]
    recurring = {"recurring[interval]": "month", "metadata[tier]": "pro"}
    moved = {"lookup_key": "pro_monthly", "transfer_lookup_key": "true"}
    new = world.create("prices", currency="usd", unit_amount="5900", product=old["product"], **recurring, **moved)
    world.create(f"prices/{old['id']}", active="false")
    session = world.pay(open_page(parts, account, "pro", key="k"))
    items = world.api(f"checkout/sessions/{session}/line_items")["data"]
    assert [item["price"]["id"] for item in items] == [new["id"]]


@pytest.mark.parametrize(("held", "lower"), [("business", "starter"), ("pro", "starter"), ("business", "pro")])
@pytest.mark.parametrize("interval", ["monthly", "yearly"])
@pytest.mark.parametrize("wanted", ["monthly", "yearly"])
def test_a_lower_tier_waits_for_the_periods_end_whatever_the_intervals(
    parts: Runtime,
    world: StripeWorld,
    account: str,
    time_stands: Time,
    held: Tier,
    lower: Tier,
    interval: Interval,
    wanted: Interval,
) -> None:
    before = buy(parts, world, account, held, interval)
    time_stands.forward(86_400)
    charges = len(world.api("charges")["data"])
    page = open_page(parts, account, lower, wanted)
    assert world.submit(page, action="confirm") == (303, LINKS["success_url"])
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.period_end, len(world.api("charges")["data"])) == (held, before.period_end, charges)
    assert plan.pending_change is not None
    assert (plan.pending_change.tier, plan.pending_change.interval) == (lower, wanted)
    assert plan.pending_change.effective_at == plan.period_end
    pass_days(world, time_stands, 31 if interval == "monthly" else 366)
    after = parts.accounts.sync.make_true(account).account.plan
    assert (after.tier, after.interval, after.pending_change) == (lower, wanted, None)


def test_a_lower_tier_at_a_longer_interval_is_taken_back_and_asked_for_again(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "business")
    for key in ("a", "b"):
        open_page(parts, account, "starter", "yearly", key=key)
        assert parts.accounts.sync.make_true(account).account.plan.pending_change is not None
        assert parts.accounts.subscriptions.resume(account).plan.pending_change is None
    pass_days(world, time_stands, 31)
    assert parts.accounts.sync.make_true(account).account.plan.tier == "business"


@pytest.mark.parametrize("call", ["subscription_schedules.create", "subscription_schedules.update"])
@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "500_before"])
def test_a_lower_tier_that_breaks_off_on_its_way_succeeds_when_it_is_asked_for_again(
    parts: Runtime, world: StripeWorld, account: str, call: str, kind: str
) -> None:
    buy(parts, world, account, "business")
    world.door("faults", {"on": call, "kind": kind})
    with contextlib.suppress(PaymentsFailed, PaymentsUnavailable):
        open_page(parts, account, "starter", "yearly", key="k")
    open_page(parts, account, "starter", "yearly", key="k")
    pending = parts.accounts.sync.make_true(account).account.plan.pending_change
    assert pending is not None
    assert (pending.tier, pending.interval) == ("starter", "yearly")
