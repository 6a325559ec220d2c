"""Bank debits: days under way, in payment and in subscription mode, and off-session."""

from __future__ import annotations

import pytest
import stripe

from tests.local_stripe.harness import Stack


def subscribed_by_debit(stack: Stack, account: str = "us_bank_account") -> tuple[str, str]:
    """The customer and the session of a subscription that is paid by bank debit."""
    customer = stack.customer().id
    session = stack.session(customer)
    assert stack.post(session.url, card=account).status_code == 303
    return customer, session.id


@pytest.mark.parametrize(
    ("account", "status", "answer"),
    [
        ("us_bank_account", "active", "checkout.session.async_payment_succeeded"),
        ("us_bank_account_failed", "incomplete_expired", "checkout.session.async_payment_failed"),
    ],
)
def test_a_subscription_waits_for_its_bank_debit(stack: Stack, account: str, status: str, answer: str) -> None:
    customer, session = subscribed_by_debit(stack, account)
    complete = stack.v1.checkout.sessions.retrieve(session)
    assert (complete.status, complete.payment_status) == ("complete", "unpaid")
    assert stack.subscription(customer).status == "incomplete"
    assert stack.v1.payment_intents.list({"customer": customer}).data[0].status == "processing"
    assert stack.v1.invoices.retrieve(str(complete.invoice)).status == "open"
    stack.advance(days=3)
    assert stack.subscription(customer).status == "incomplete"
    stack.advance(days=1)
    assert stack.subscription(customer).status == status
    assert answer in stack.event_types()


def test_a_subscription_may_run_while_its_debit_is_under_way(stack: Stack) -> None:
    stack.door("/settings", {"debits_activate": True})
    customer, session = subscribed_by_debit(stack, "us_bank_account_failed")
    assert stack.subscription(customer).status == "active"
    assert stack.door(f"/sessions/{session}/settle", {"works": False}).status_code == 200
    assert stack.subscription(customer).status == "past_due"
    assert stack.door(f"/sessions/{session}/settle", {"works": False}).status_code == 400


def test_a_renewal_by_bank_debit_takes_days_too(stack: Stack) -> None:
    customer, _ = subscribed_by_debit(stack)
    stack.advance(days=32)
    newest = stack.v1.invoices.list({"customer": customer}).data[0]
    assert (newest.status, stack.subscription(customer).status) == ("open", "active")
    stack.advance(days=4)
    assert stack.v1.invoices.retrieve(newest.id).status == "paid"


def test_a_saved_bank_account_is_debited_without_its_payer(stack: Stack) -> None:
    customer = stack.customer().id
    session = stack.deposit(customer, payment_intent_data={"setup_future_usage": "off_session"})
    stack.post(session.url, card="us_bank_account")
    stack.advance(days=5)
    method = stack.v1.payment_methods.list({"customer": customer, "type": "us_bank_account"}).data[0].id
    intent = stack.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "customer": customer,
            "payment_method": method,
            "confirm": True,
            "off_session": True,
        }
    )
    assert intent.status == "processing"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.payment_intents.cancel(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    stack.advance(days=4)
    assert stack.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_session_may_begin_with_a_trial(stack: Stack) -> None:
    customer = stack.customer().id
    session = stack.session(customer, subscription_data={"trial_period_days": 14})
    assert session.amount_total == 0
    stack.post(session.url)
    assert stack.v1.checkout.sessions.retrieve(session.id).payment_status == "no_payment_required"
    assert stack.subscription(customer).status == "trialing"
    stack.advance(days=14)
    assert stack.subscription(customer).status == "active"
    assert stack.v1.charges.list({"customer": customer}).data[0].amount == 4900
