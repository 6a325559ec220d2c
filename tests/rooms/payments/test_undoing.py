"""A subscription that is undone is over, cannot be paid any more, and what was paid for nothing is given back, once."""

from __future__ import annotations

from aerostack_billing.assembly.runtime import Runtime
from tests.rooms.conftest import Time
from tests.rooms.worlds.plans import buy, open_page, pass_days, verify
from tests.rooms.worlds.stripe import StripeWorld


def test_what_was_paid_from_credit_becomes_credit_again_once(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    pages = [open_page(parts, account, "pro"), open_page(parts, account, "pro")]
    world.pay(pages[0])
    customer = parts.accounts.store.get(account).customer_id
    world.create(f"customers/{customer}/balance_transactions", amount="-10000", currency="usd")
    session = world.pay(pages[1])
    surplus = world.api("subscriptions?status=active&limit=1")["data"][0]["id"]
    assert world.api(f"customers/{customer}")["balance"] == -5_100
    verify(parts, account, session)
    for _ in range(2):
        assert world.api(f"customers/{customer}")["balance"] == -10_000
        assert world.api("refunds")["data"] == []
        # Also when Stripe has long forgotten the key.
        time_stands.forward(30 * 3600)
        parts.payments.undoing.undo(surplus, 0)


def test_an_open_invoice_is_made_unpayable_and_what_was_used_is_not_given_back(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    plan = buy(parts, world, account, "pro")
    portal = parts.accounts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000000000000341")
    pass_days(world, time_stands, 32)
    now = int(time_stands.at)
    for _ in range(2):
        undone = parts.payments.undoing.undo(str(plan.subscription_id), now)
        assert (undone.waits, undone.not_returned) == (False, [])
    assert sorted(invoice["status"] for invoice in world.api("invoices")["data"]) == ["paid", "void"]
    assert world.api("refunds")["data"] == []


def test_a_payment_that_the_bank_still_works_on_is_waited_for_and_then_given_back(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    plan = buy(parts, world, account, "pro")
    portal = parts.accounts.subscriptions.portal(account, "https://app.aerostack.dev/")
    world.submit(portal, action="update_card", card="4000000000000341")
    pass_days(world, time_stands, 32)
    intent = next(made for made in world.stripe.world.all("payment_intent").values() if made["status"] != "succeeded")
    before, intent["status"] = intent["status"], "processing"
    assert parts.payments.undoing.undo(str(plan.subscription_id), 0).waits is True
    assert [invoice["status"] for invoice in world.api("invoices")["data"]] == ["open", "paid"]
    intent["status"] = before
    assert parts.payments.undoing.undo(str(plan.subscription_id), 0).waits is False
    assert [refund["amount"] for refund in world.api("refunds")["data"]] == [4_900]
