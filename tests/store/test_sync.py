"""An account is what Stripe says, whatever was delivered, lost, doubled or reordered; money is never taken twice."""

from __future__ import annotations

import contextlib
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from aerostack_billing.accounts.models import CheckoutRequest, PlanState
from aerostack_billing.errors import (
    AlreadyOnPlan,
    IdempotencyKeyReused,
    NoActiveSubscription,
    NothingToResume,
    PaymentsUnavailable,
    RequestInProgress,
    SessionNotFound,
    SessionNotPaid,
)
from aerostack_billing.payments.wire import UnknownPrice
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.runtime import Runtime
from aerostack_billing.webhooks.models import Event, Outcome
from tests.store.conftest import Time, use_stripe
from tests.store.stripe_world import StripeWorld
from tests.store.test_counters import consume

LINKS = {"success_url": "https://app.aerostack.dev/done", "cancel_url": "https://app.aerostack.dev/back"}


def open_page(parts: Runtime, account: str, tier: Tier, interval: Interval = "monthly", key: str | None = None) -> str:
    request = CheckoutRequest(tier=tier, billing_interval=interval, idempotency_key=key, **LINKS)
    return parts.checkout.open(account, request).url


def verify(parts: Runtime, account: str, session_id: str) -> PlanState:
    """Come back from the page; the plan that is stored then."""
    parts.returns.verify(account, session_id)
    return parts.accounts.get(account).plan


def buy(parts: Runtime, world: StripeWorld, account: str, tier: Tier, interval: Interval = "monthly") -> PlanState:
    session = world.pay(open_page(parts, account, tier, interval))
    return verify(parts, account, session)


def deliver(parts: Runtime, event: dict[str, Any]) -> Outcome:
    return parts.webhooks.process(Event.model_validate(event))


def deliver_until_taken(parts: Runtime, event: dict[str, Any]) -> Outcome:
    """Deliver as Stripe does: again, when the answer was that it could not be processed now."""
    for _ in range(20):
        with contextlib.suppress(RequestInProgress):
            return deliver(parts, event)
    pytest.fail("the event was never taken")


def pass_days(world: StripeWorld, time_stands: Time, days: float) -> None:
    """Let the days pass in Stripe, each thing at its time."""
    end = time_stands.at + days * 86_400
    while (due := world.stripe.next_due()) is not None and due <= end:
        time_stands.at = max(due, time_stands.at)
        world.stripe.run_due()
    time_stands.at = end
    world.stripe.run_due()


# Buying


def test_paying_makes_the_plan_at_once_on_return(parts: Runtime, world: StripeWorld, account: str) -> None:
    plan = buy(parts, world, account, "pro", "yearly")
    assert (plan.tier, plan.interval, plan.status) == ("pro", "yearly", "active")
    assert plan.period_start is not None
    assert plan.period_end is not None
    assert plan.period_end - plan.period_start == 365 * 86_400
    assert parts.accounts.get(account).plan == plan


def test_two_simultaneous_checkouts_make_one_customer(parts: Runtime, world: StripeWorld, account: str) -> None:
    # With retries, as deployed: Stripe answers 409 to a key whose first call is under way.
    use_stripe(parts, world.base, network_retries=2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: open_page(parts, account, "pro"), range(8)))
    customers = world.api("customers?limit=100")["data"]
    assert [c["id"] for c in customers] == [parts.accounts.get(account).customer_id]


def test_a_customer_whose_creation_was_lost_is_not_made_again(parts: Runtime, world: StripeWorld, account: str) -> None:
    world.door("faults", {"on": "customers.create", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        open_page(parts, account, "pro")
    open_page(parts, account, "pro")
    assert len(world.api("customers?limit=100")["data"]) == 1


def test_a_customer_lost_longer_than_stripe_keeps_keys_is_found_by_its_metadata(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    world.door("faults", {"on": "customers.create", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        open_page(parts, account, "pro")
    time_stands.forward(30 * 3600)
    open_page(parts, account, "pro")
    assert len(world.api("customers?limit=100")["data"]) == 1


def test_a_key_opens_one_page_and_another_body_under_it_is_refused(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    first = open_page(parts, account, "pro", key="k")
    assert open_page(parts, account, "pro", key="k") == first
    with pytest.raises(IdempotencyKeyReused):
        open_page(parts, account, "business", key="k")
    assert len(world.api("checkout/sessions?limit=100")["data"]) == 1


def test_a_key_that_expired_opens_a_new_page_as_the_old_one_has_lapsed(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    first = open_page(parts, account, "pro", key="k")
    pass_days(world, time_stands, 1.1)
    second = open_page(parts, account, "pro", key="k")
    assert second != first
    assert verify(parts, account, world.pay(second)).tier == "pro"


def test_a_page_whose_answer_was_lost_is_the_same_page_on_retry(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    world.door("faults", {"on": "checkout.sessions.create", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        open_page(parts, account, "pro", key="k")
    open_page(parts, account, "pro", key="k")
    assert len(world.api("checkout/sessions?limit=100")["data"]) == 1


def test_another_accounts_session_is_not_found(parts: Runtime, world: StripeWorld, account: str) -> None:
    session = world.pay(open_page(parts, account, "pro"))
    with pytest.raises(SessionNotFound):
        verify(parts, f"{account}x", session)
    assert parts.accounts.get(f"{account}x").version == 0


@pytest.mark.parametrize("session_id", ["", "cs_test_nothing", "../customers", "cs_test_a/b", "sub_1", "x" * 5_000])
def test_a_session_id_that_is_none_is_not_found(
    parts: Runtime, world: StripeWorld, account: str, session_id: str
) -> None:
    with pytest.raises(SessionNotFound):
        verify(parts, account, session_id)


def test_an_unpaid_session_changes_nothing(parts: Runtime, world: StripeWorld, account: str) -> None:
    session_id = open_page(parts, account, "pro").rpartition("/")[2]
    with pytest.raises(SessionNotPaid):
        verify(parts, account, session_id)
    assert parts.accounts.get(account).plan == PlanState()


def test_the_plan_that_is_held_is_not_sold_again(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    with pytest.raises(AlreadyOnPlan):
        open_page(parts, account, "pro")


def test_two_pages_opened_before_paying_and_both_paid_leave_one_subscription(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    first, second = open_page(parts, account, "pro"), open_page(parts, account, "business")
    world.pay(first)
    time_stands.forward(5)
    session = world.pay(second)
    plan = verify(parts, account, session)
    assert plan.tier == "pro"
    assert sorted(s["status"] for s in world.api("subscriptions?status=all")["data"]) == ["active", "canceled"]
    refunds = world.api("refunds")["data"]
    assert [refund["amount"] for refund in refunds] == [14_900]


@pytest.mark.parametrize("call", ["refunds.create", "subscriptions.cancel"])
@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after"])
def test_a_surplus_subscription_is_refunded_once_wherever_it_is_broken_off(
    parts: Runtime, world: StripeWorld, account: str, call: str, kind: str
) -> None:
    pages = [open_page(parts, account, "pro"), open_page(parts, account, "pro")]
    session = [world.pay(page) for page in pages][1]
    world.door("faults", {"on": call, "kind": kind})
    with pytest.raises(PaymentsUnavailable):
        verify(parts, account, session)
    verify(parts, account, session)
    assert [refund["amount"] for refund in world.api("refunds")["data"]] == [4_900]


def test_the_surplus_is_undone_once_when_all_deliveries_come_at_the_same_moment(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    for page in [open_page(parts, account, "pro"), open_page(parts, account, "pro")]:
        world.pay(page)
    use_stripe(parts, world.base, network_retries=2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda event: deliver_until_taken(parts, event), world.events()))
    assert [refund["amount"] for refund in world.api("refunds")["data"]] == [4_900]
    assert parts.accounts.get(account).plan.tier == "pro"


# Deliveries


def test_every_order_of_the_five_subscription_events_of_an_upgrade_ends_the_same(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    buy(parts, world, account, "starter")
    world.submit(open_page(parts, account, "pro"), action="confirm")
    wanted = (
        "checkout.session.completed",
        "customer.subscription.created",
        "invoice.paid",
        "customer.subscription.updated",
    )
    events = [event for event in world.events() if event["type"] in wanted][:5]
    assert len(events) == 5
    fresh = replace(parts.accounts.get(account), plan=PlanState(), version=0)
    ends = set()
    for number, order in enumerate(itertools.permutations(events)):
        put_account(parts, fresh.account_id, fresh.customer_id)
        for event in order:
            assert deliver(parts, {**event, "id": f"{event['id']}_{number}"}).result == "processed"
        ends.add(parts.accounts.get(account).plan)
    assert {end.tier for end in ends} == {"pro"}
    assert len(ends) == 1


def put_account(parts: Runtime, account: str, customer_id: str | None) -> None:
    """The account as it was before any delivery: a customer, no plan."""
    client = parts.dynamo._client
    item = {"account_id": {"S": account}, "customer_id": {"S": customer_id or ""}}
    client.put_item(TableName=parts.settings.accounts_table, Item=item)  # type: ignore[arg-type]


def test_a_delivery_takes_effect_once(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    event = world.events()[-1]
    put_account(parts, account, parts.accounts.get(account).customer_id)
    assert [deliver(parts, event).result for _ in range(3)] == ["processed", "duplicate", "duplicate"]
    assert parts.accounts.get(account).version == 1


def test_16_copies_at_the_same_moment_take_effect_once(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    event = world.events()[-1]
    put_account(parts, account, parts.accounts.get(account).customer_id)
    with ThreadPoolExecutor(16) as pool:
        results = sorted(outcome.result for outcome in pool.map(lambda _: deliver(parts, event), range(16)))
    assert results == ["duplicate"] * 15 + ["processed"]
    assert parts.accounts.get(account).version == 1


def test_an_event_whose_processing_failed_is_not_recorded_and_succeeds_when_sent_again(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    world.pay(open_page(parts, account, "pro"))
    event = next(e for e in world.events() if e["type"] == "customer.subscription.created")
    world.door("faults", {"on": "subscriptions.list", "kind": "500_before"})
    with pytest.raises(Exception, match="payment provider"):
        deliver(parts, event)
    assert parts.accounts.get(account).plan.tier == "free"
    assert deliver(parts, event).result == "processed"
    assert parts.accounts.get(account).plan.tier == "pro"


def test_an_event_of_a_strangers_customer_is_ignored(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    event = json.loads(json.dumps(world.events()[-1]))
    for customer in ("cus_stranger", None):
        event["id"], event["type"] = f"evt_{customer}", "customer.subscription.updated"
        event["data"]["object"]["customer"] = customer
        assert deliver(parts, event).result == "ignored"


def test_a_customer_that_only_claims_the_account_in_its_metadata_is_ignored(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    buy(parts, world, account, "pro")
    other = parts.payments.create_customer(account, "another key")
    event = {"id": "evt_claims", "type": "invoice.paid", "created": 1, "data": {"object": {"customer": other}}}
    assert deliver(parts, event).result == "ignored"


@pytest.mark.parametrize("data", [{"customer": 7}, {"customer": {"id": None}}, {"customer": ["cus_1"]}])
def test_a_malformed_object_of_a_handled_type_is_dead_and_not_sent_again(
    parts: Runtime, world: StripeWorld, account: str, data: dict[str, object]
) -> None:
    event = {"id": f"evt_{account}", "type": "invoice.paid", "created": 1, "data": {"object": data}}
    assert [deliver(parts, event).result for _ in range(2)] == ["dead", "duplicate"]


def test_an_unknown_type_is_recorded_as_ignored(parts: Runtime, world: StripeWorld, account: str) -> None:
    event = {"id": f"evt_{account}", "type": "mandate.updated", "created": 1, "data": {"object": {}}}
    assert [deliver(parts, event).result for _ in range(2)] == ["ignored", "duplicate"]


# Subscriptions that were made by hand


def subscribe(parts: Runtime, world: StripeWorld, account: str, **price: str) -> dict[str, Any]:
    """Make a subscription at a price of its own for the account's customer, as sales would."""
    customer = parts.customers.ensure(parts.accounts.get(account))
    product = world.create("products", name="Agreed")["id"]
    made = world.create("prices", currency="usd", unit_amount="99900", product=product, **price)
    number = {"card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2040"}
    card = world.create("payment_methods", type="card", **number)["id"]
    world.create(f"payment_methods/{card}/attach", customer=customer)
    items = {"items[0][price]": made["id"]}
    return world.create("subscriptions", customer=customer, default_payment_method=card, **items)


ENTERPRISE = {"recurring[interval]": "year", "metadata[tier]": "enterprise"}


def test_enterprise_is_a_subscription_at_a_price_agreed_with_sales(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    subscribe(parts, world, account, **ENTERPRISE)
    plan = parts.sync.make_true(account).account.plan
    assert (plan.tier, plan.interval, plan.status) == ("enterprise", "yearly", "active")
    assert consume(parts, account, 10**9)["limit"] is None


@pytest.mark.parametrize(
    "price",
    [
        {"recurring[interval]": "month"},
        {"recurring[interval]": "week", "metadata[tier]": "pro"},
        {"recurring[interval]": "month", "recurring[interval_count]": "3", "metadata[tier]": "pro"},
        {"recurring[interval]": "month", "metadata[tier]": "free"},
    ],
    ids=["no tier", "by the week", "by the quarter", "free"],
)
def test_a_price_that_is_no_plan_gives_none_until_it_is_over(
    parts: Runtime, world: StripeWorld, account: str, price: dict[str, str]
) -> None:
    foreign = subscribe(parts, world, account, **price)
    with pytest.raises(UnknownPrice):
        open_page(parts, account, "pro")
    event = {"id": f"evt_{account}", "type": "invoice.paid", "created": 1, "data": {"object": foreign}}
    assert deliver(parts, event).result == "dead"
    assert parts.accounts.get(account).plan == PlanState()
    parts.payments.cancel_now(foreign["id"])
    assert buy(parts, world, account, "pro").tier == "pro"


def test_who_buys_anew_after_a_plan_ended_unpaid_is_not_brought_back_to_it(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    world.door("settings", {"dunning_ends_in": "unpaid"})
    buy(parts, world, account, "pro")
    portal = parts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000000000000341")
    pass_days(world, time_stands, 60)
    assert parts.sync.make_true(account).account.plan.status == "unpaid"
    assert buy(parts, world, account, "starter").tier == "starter"
    assert [s["status"] for s in world.api("subscriptions?status=all")["data"]] == ["active", "canceled"]
    charged = world.api("charges?limit=100")["data"]
    assert [charge["amount_refunded"] for charge in charged] == [0] * len(charged)


# Cancelling and resuming


def test_cancelling_keeps_the_plan_until_the_period_ends_then_free(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "starter")
    parts.subscriptions.cancel(account)
    parts.subscriptions.cancel(account)
    plan = parts.accounts.get(account).plan
    assert (plan.tier, plan.cancel_at_period_end) == ("starter", True)
    pass_days(world, time_stands, 32)
    for event in world.events():
        deliver(parts, event)
    assert parts.accounts.get(account).plan == PlanState()


def test_resuming_takes_the_cancellation_back(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "starter")
    parts.subscriptions.cancel(account)
    assert parts.subscriptions.resume(account).plan.cancel_at_period_end is False
    with pytest.raises(NothingToResume):
        parts.subscriptions.resume(account)


def test_nothing_can_be_cancelled_or_resumed_on_free(parts: Runtime, world: StripeWorld, account: str) -> None:
    with pytest.raises(NoActiveSubscription):
        parts.subscriptions.cancel(account)
    with pytest.raises(NothingToResume):
        parts.subscriptions.resume(account)


# Changing the plan


def test_a_dearer_plan_is_confirmed_on_stripes_page_and_starts_at_once(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    buy(parts, world, account, "starter")
    status, location = world.submit(open_page(parts, account, "business"), action="confirm")
    assert (status, location) == (303, LINKS["success_url"])
    assert parts.sync.make_true(account).account.plan.tier == "business"
    assert [s["status"] for s in world.api("subscriptions?status=all")["data"]] == ["active"]


def test_a_cheaper_plan_waits_for_the_periods_end_and_can_be_taken_back(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "pro")
    world.submit(open_page(parts, account, "starter"), action="confirm")
    plan = parts.sync.make_true(account).account.plan
    assert plan.tier == "pro"
    assert plan.pending_change is not None
    assert (plan.pending_change.tier, plan.pending_change.effective_at) == ("starter", plan.period_end)
    assert parts.subscriptions.resume(account).plan.pending_change is None
    world.submit(open_page(parts, account, "starter"), action="confirm")
    pass_days(world, time_stands, 32)
    assert parts.sync.make_true(account).account.plan.tier == "starter"


def test_a_dearer_plan_replaces_a_cheaper_one_that_waits(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    world.submit(open_page(parts, account, "starter"), action="confirm")
    world.submit(open_page(parts, account, "business"), action="confirm")
    plan = parts.sync.make_true(account).account.plan
    assert (plan.tier, plan.pending_change) == ("business", None)


def test_cancelling_drops_a_cheaper_plan_that_waits(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "pro")
    world.submit(open_page(parts, account, "starter"), action="confirm")
    parts.subscriptions.cancel(account)
    plan = parts.accounts.get(account).plan
    assert (plan.cancel_at_period_end, plan.pending_change) == (True, None)
    pass_days(world, time_stands, 32)
    assert parts.sync.make_true(account).account.plan == PlanState()


def test_the_same_tier_at_the_other_interval_is_a_change(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    world.submit(open_page(parts, account, "pro", "yearly"), action="confirm")
    assert parts.sync.make_true(account).account.plan.interval == "yearly"


# Dunning


def test_past_due_keeps_the_plan_and_shows_the_issue_then_falls_to_free(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "pro")
    portal = parts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000000000000341")
    pass_days(world, time_stands, 32)
    plan = parts.sync.make_true(account).account.plan
    assert (plan.tier, plan.status) == ("pro", "past_due")
    assert plan.payment_issue is not None
    assert plan.payment_issue.reason == "past_due"
    pass_days(world, time_stands, 28)
    assert parts.sync.make_true(account).account.plan.tier == "free"


def test_a_new_card_heals_past_due(parts: Runtime, world: StripeWorld, account: str, time_stands: Time) -> None:
    buy(parts, world, account, "pro")
    portal = parts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000000000000341")
    pass_days(world, time_stands, 32)
    world.submit(portal, action="update_card", card="4242424242424242")
    pass_days(world, time_stands, 8)
    plan = parts.sync.make_true(account).account.plan
    assert (plan.tier, plan.status, plan.payment_issue) == ("pro", "active", None)


def test_a_renewal_that_asks_for_3d_secure_is_action_required_and_cancels_nothing(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "pro")
    portal = parts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000002760003184", authenticate="complete")
    pass_days(world, time_stands, 32)
    plan = parts.sync.make_true(account).account.plan
    assert (plan.tier, plan.status) == ("pro", "past_due")
    assert plan.payment_issue is not None
    assert plan.payment_issue.reason == "action_required"


def test_a_plan_change_touches_no_counter_but_its_ceiling(parts: Runtime, world: StripeWorld, account: str) -> None:
    consume(parts, account, 55_000)
    buy(parts, world, account, "pro")
    answer = consume(parts, account)
    assert (answer["used"], answer["hard_limit"]) == (55_001, 2_400_000)
