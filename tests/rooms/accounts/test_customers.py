"""Whose customer one is stands in our own table; a customer is created once and replaced when Stripe has it no more."""

from __future__ import annotations

import pytest

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.once import RENEW_AFTER_SECONDS, Intent
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import NoActiveSubscription, NoStripeCustomer, PaymentsFailed, PaymentsUnavailable
from tests.rooms.conftest import Time
from tests.rooms.worlds.deposits import open_deposit
from tests.rooms.worlds.plans import buy, deliver, open_page
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import lines


def test_edited_metadata_change_nothing_of_whose_customer_one_is(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    buy(parts, world, account, "pro")
    customer = parts.accounts.store.get(account).customer_id
    assert customer is not None
    world.create(f"customers/{customer}", **{"metadata[account_id]": "acct_of_somebody_else"})
    parts.accounts.subscriptions.cancel(account)
    event = next(event for event in world.events()[::-1] if event["type"] == "customer.subscription.updated")
    assert deliver(parts, event).account_id == account


def test_an_owner_is_kept_of_a_customer_that_was_recorded_before_owners_were(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    customer = parts.payments.gateway.create_customer(account, f"old-{account}")
    client, table = parts.dynamo._client, parts.settings.accounts_table
    client.put_item(TableName=table, Item={"account_id": {"S": account}, "customer_id": {"S": customer}})
    assert parts.accounts.customers.account_of(customer) == account
    assert parts.accounts.customers.adopt(customer) == account
    assert parts.accounts.store.owner_of(customer) == account


def test_a_customer_whose_metadata_differ_in_case_is_not_the_accounts(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    parts.payments.gateway.create_customer(account.upper(), f"other-{account}")
    assert parts.payments.gateway.find_customer(account, clock.seconds()) is None
    own = parts.payments.gateway.create_customer(account, f"own-{account}")
    world.door("settings", {"search_lags": False})
    assert parts.payments.gateway.find_customer(account, clock.seconds()) == own


def test_a_creation_that_stripe_failed_is_made_under_a_new_key_within_minutes(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    world.door("faults", {"on": "customers.create", "kind": "500_before"})
    with pytest.raises(PaymentsFailed):
        open_page(parts, account, "pro")
    with pytest.raises(PaymentsUnavailable):
        open_page(parts, account, "pro")
    time_stands.forward(RENEW_AFTER_SECONDS)
    open_page(parts, account, "pro")
    assert len(world.api("customers?limit=100")["data"]) == 1


def test_a_customer_that_was_created_by_a_call_that_failed_is_found_once_the_search_knows_of_it(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    world.door("faults", {"on": "customers.create", "kind": "500_after"})
    with pytest.raises(PaymentsFailed):
        open_page(parts, account, "pro")
    time_stands.forward(60)
    open_page(parts, account, "pro")
    assert len(world.api("customers?limit=100")["data"]) == 1


def test_an_intent_is_renewed_once_and_only_from_the_one_that_is_stored(parts: Runtime, account: str) -> None:
    store = parts.accounts.store
    first = store.intend_customer(account)
    assert store.intend_customer(account) == first
    store.customer_missed(account, Intent("another", 1))
    assert store.intend_customer(account).missed_at is None
    store.customer_missed(account, first)
    assert store.intend_customer(account).missed_at == clock.seconds()
    second = store.renew_customer(account, first)
    assert second.intent_id != first.intent_id
    assert store.renew_customer(account, first) == second == store.intend_customer(account)


# A customer that was deleted at Stripe


def test_a_deleted_customers_account_is_free_and_buys_anew_under_a_new_one(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    first = buy(parts, world, account, "pro")
    deleted = parts.accounts.store.get(account).customer_id
    world.delete(f"customers/{deleted}")
    for event in world.events():
        if event["type"].startswith("customer."):
            assert deliver(parts, event).result in {"processed", "ignored"}
    assert parts.accounts.store.get(account).plan == PlanState()
    assert parts.accounts.store.get(account).customer_id is None
    again = buy(parts, world, account, "pro")
    assert (again.tier, again.subscription_id) != ("pro", first.subscription_id)
    assert parts.accounts.store.get(account).customer_id not in {None, deleted}


def test_without_any_event_of_it_every_page_has_a_way_on_after_a_customer_was_deleted(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    buy(parts, world, account, "pro")
    world.delete(f"customers/{parts.accounts.store.get(account).customer_id}")
    with pytest.raises(NoStripeCustomer):
        parts.accounts.subscriptions.portal(account, "https://app.aerostack.dev/")
    with pytest.raises(NoActiveSubscription):
        parts.accounts.subscriptions.cancel(account)
    assert open_deposit(parts, account)
    assert buy(parts, world, account, "starter").tier == "starter"


def test_a_refund_of_a_deposit_whose_customer_was_deleted_still_settles(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    world.pay(open_deposit(parts, account))
    payment = world.api("payment_intents?limit=1")["data"][0]["id"]
    parts.wallet.settlement.settle(payment)
    world.delete(f"customers/{parts.accounts.store.get(account).customer_id}")
    deliver(parts, next(event for event in world.events()[::-1] if event["type"] == "customer.deleted"))
    world.door("refunds", {"payment_intent": payment, "amount": 500})
    refunded = next(event for event in world.events()[::-1] if event["type"] == "charge.refunded")
    assert deliver(parts, refunded).result == "processed"
    assert lines(parts, account) == [("deposit", 2_500), ("refund", -500)]
