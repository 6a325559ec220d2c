"""An account is what Stripe says, whatever was delivered, lost, doubled or reordered; money is never taken twice."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.accounts.store import VersionConflict
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import InvoiceOpen, NoActiveSubscription
from tests.rooms.conftest import Time
from tests.rooms.worlds.plans import Heard, buy, deliver, open_page, pass_days, subscribe
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.usage import consume

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
    fresh = replace(parts.accounts.store.get(account), plan=PlanState(), version=0)
    ends = set()
    for number, order in enumerate(itertools.permutations(events)):
        put_account(parts, fresh.account_id, fresh.customer_id)
        for event in order:
            assert deliver(parts, {**event, "id": f"{event['id']}_{number}"}).result == "processed"
        ends.add(parts.accounts.store.get(account).plan)
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
    put_account(parts, account, parts.accounts.store.get(account).customer_id)
    assert [deliver(parts, event).result for _ in range(3)] == ["processed", "duplicate", "duplicate"]
    assert parts.accounts.store.get(account).version == 1


def test_16_copies_at_the_same_moment_take_effect_once(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    event = world.events()[-1]
    put_account(parts, account, parts.accounts.store.get(account).customer_id)
    with ThreadPoolExecutor(16) as pool:
        results = sorted(outcome.result for outcome in pool.map(lambda _: deliver(parts, event), range(16)))
    assert results == ["duplicate"] * 15 + ["processed"]
    assert parts.accounts.store.get(account).version == 1


def test_an_event_whose_processing_failed_is_not_recorded_and_succeeds_when_sent_again(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    world.pay(open_page(parts, account, "pro"))
    event = next(e for e in world.events() if e["type"] == "customer.subscription.created")
    world.door("faults", {"on": "subscriptions.list", "kind": "500_before"})
    with pytest.raises(Exception, match="payment provider"):
        deliver(parts, event)
    assert parts.accounts.store.get(account).plan.tier == "free"
    assert deliver(parts, event).result == "processed"
    assert parts.accounts.store.get(account).plan.tier == "pro"


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
    other = parts.payments.gateway.create_customer(account, "another key")
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


def test_of_two_that_write_a_new_accounts_plan_the_second_is_refused(parts: Runtime, account: str) -> None:
    read = parts.accounts.store.get(account)
    parts.accounts.store.write_plan(read, PlanState(tier="pro"), [], None)
    with pytest.raises(VersionConflict):
        parts.accounts.store.write_plan(read, PlanState(tier="starter"), [], None)
    assert parts.accounts.store.get(account).plan.tier == "pro"


# Subscriptions that were made manually


ENTERPRISE = {"recurring[interval]": "year", "metadata[tier]": "enterprise"}


def test_enterprise_is_a_subscription_at_a_price_agreed_with_sales(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    subscribe(parts, world, account, **ENTERPRISE)
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.interval, plan.status) == ("enterprise", "yearly", "active")
    assert consume(parts, account, 10**9)["limit"] is None


@pytest.mark.parametrize(
    ("recurring", "interval"),
    [(("week", "1"), "monthly"), (("month", "3"), "monthly"), (("month", "24"), "yearly"), (("day", "365"), "yearly")],
)
def test_a_plan_that_sales_agreed_is_one_whatever_it_is_billed_by(
    parts: Runtime, world: StripeWorld, account: str, recurring: tuple[str, str], interval: str
) -> None:
    interval_, count = recurring
    price = {"recurring[interval]": interval_, "recurring[interval_count]": count, "metadata[tier]": "enterprise"}
    subscribe(parts, world, account, **price)
    plan = parts.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.interval) == ("enterprise", interval)


FOREIGN = [{"recurring[interval]": "month"}, {"recurring[interval]": "month", "metadata[tier]": "free"}]


@pytest.mark.parametrize("price", FOREIGN, ids=["no tier", "free"])
def test_a_subscription_that_is_no_plan_spoils_nothing_that_is(
    parts: Runtime, world: StripeWorld, account: str, heard: Heard, price: dict[str, str]
) -> None:
    foreign = subscribe(parts, world, account, **price)
    event = {"id": f"evt_{account}", "type": "invoice.paid", "created": 1, "data": {"object": foreign}}
    assert deliver(parts, event).result == "processed"
    assert parts.accounts.store.get(account).plan == PlanState()
    assert buy(parts, world, account, "pro").tier == "pro"
    parts.accounts.subscriptions.cancel(account)
    assert parts.accounts.subscriptions.resume(account).plan.tier == "pro"
    assert world.api(f"subscriptions/{foreign['id']}")["status"] == "active"
    assert heard.findings == [(account, "not_a_plan_or_competing", foreign["id"])]


def test_only_what_our_checkout_sold_is_cancelled_where_no_price_is_understood(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    foreign = subscribe(parts, world, account, **FOREIGN[0])
    with pytest.raises(NoActiveSubscription):
        parts.accounts.subscriptions.cancel(account)
    parts.payments.undoing.cancel_now(foreign["id"])
    plan = buy(parts, world, account, "pro")
    item = world.api(f"subscriptions/{plan.subscription_id}")["items"]["data"][0]["id"]
    unknown = {"items[0][id]": item, "items[0][price]": foreign["items"]["data"][0]["price"]["id"]}
    world.create(f"subscriptions/{plan.subscription_id}", **unknown)
    parts.accounts.subscriptions.cancel(account)
    assert world.api(f"subscriptions/{plan.subscription_id}")["cancel_at_period_end"] is True
    parts.accounts.subscriptions.resume(account)
    assert world.api(f"subscriptions/{plan.subscription_id}")["cancel_at_period_end"] is False


def test_enterprise_that_sales_made_beside_a_plan_outranks_it_and_is_left_alone(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    starter = buy(parts, world, account, "starter")
    agreed = subscribe(parts, world, account, **ENTERPRISE)
    for _ in range(2):
        assert parts.accounts.sync.make_true(account).account.plan.tier == "enterprise"
    assert world.api(f"subscriptions/{agreed['id']}")["status"] == "active"
    assert world.api("refunds")["data"] == []
    kept = world.api(f"subscriptions/{starter.subscription_id}")
    assert (kept["status"], kept["cancel_at_period_end"]) == ("active", True)


@pytest.mark.parametrize("before", ["a cheaper plan was to come", "it was to end in a year"])
def test_what_is_outranked_ends_with_its_period_whatever_was_planned_for_it(
    parts: Runtime, world: StripeWorld, account: str, before: str
) -> None:
    pro = buy(parts, world, account, "pro").subscription_id
    if before == "a cheaper plan was to come":
        world.submit(open_page(parts, account, "starter"), action="confirm")
        assert parts.accounts.sync.make_true(account).account.plan.pending_change is not None
    else:
        world.create(f"subscriptions/{pro}", cancel_at=str(clock.seconds() + 400 * 86_400))
    subscribe(parts, world, account, **ENTERPRISE)
    assert parts.accounts.sync.make_true(account).account.plan.tier == "enterprise"
    assert world.api(f"subscriptions/{pro}")["cancel_at_period_end"] is True


def test_two_that_people_made_are_both_left_alone_and_reported(
    parts: Runtime, world: StripeWorld, account: str, heard: Heard
) -> None:
    first = subscribe(parts, world, account, **ENTERPRISE)
    assert parts.accounts.sync.make_true(account).account.plan.subscription_id == first["id"]
    second = subscribe(parts, world, account, **ENTERPRISE)
    assert parts.accounts.sync.make_true(account).account.plan.subscription_id == first["id"]
    assert [world.api(f"subscriptions/{made['id']}")["status"] for made in (first, second)] == ["active"] * 2
    assert heard.findings == [(account, "not_a_plan_or_competing", second["id"])]


def test_who_buys_anew_after_a_plan_ended_unpaid_is_not_brought_back_to_it(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    world.door("settings", {"dunning_ends_in": "unpaid"})
    buy(parts, world, account, "pro")
    portal = parts.accounts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000000000000341")
    pass_days(world, time_stands, 60)
    assert parts.accounts.sync.make_true(account).account.plan.status == "unpaid"
    with pytest.raises(InvoiceOpen):
        open_page(parts, account, "starter")
    # An operator gives up what is open.
    for invoice in world.api("invoices?status=open")["data"]:
        world.create(f"invoices/{invoice['id']}/mark_uncollectible")
    assert buy(parts, world, account, "starter").tier == "starter"
    assert [s["status"] for s in world.api("subscriptions?status=all")["data"]] == ["active", "canceled"]
    charged = world.api("charges?limit=100")["data"]
    assert [charge["amount_refunded"] for charge in charged] == [0] * len(charged)
