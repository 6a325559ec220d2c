"""What staff delete at Stripe: customers and connected accounts, and what is answered for them afterwards."""

from __future__ import annotations

import pytest
import stripe

from tests.local_stripe.harness import Stack
from tests.local_stripe.test_connect import onboarded


def test_a_deleted_customer_is_told_with_all_that_ends_with_it(stack: Stack) -> None:
    customer, subscription = stack.subscribed()
    method = str(stack.subscription(customer.id).default_payment_method)
    since = stack.position()
    assert stack.v1.customers.delete(customer.id).to_dict() == {
        "id": customer.id,
        "object": "customer",
        "deleted": True,
    }
    assert stack.event_types(since) == ["customer.subscription.deleted", "payment_method.detached", "customer.deleted"]
    answer = stack.events(since)[-1]["data"]["object"]
    assert (answer["id"], answer["metadata"]) == (customer.id, {"account_id": "acct_1"})
    assert stack.v1.customers.retrieve(customer.id).to_dict()["deleted"] is True
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert stack.v1.payment_methods.retrieve(method).customer is None
    stack.advance(days=40)
    assert len(stack.v1.invoices.list({"customer": customer.id}).data) == 1


def test_nothing_new_is_made_for_a_deleted_customer(stack: Stack) -> None:
    customer = stack.customer()
    waiting = stack.deposit(customer.id)
    stack.v1.customers.delete(customer.id)
    makers = [
        lambda: stack.v1.customers.update(customer.id, {"name": "Ada"}),
        lambda: stack.v1.customers.delete(customer.id),
        lambda: stack.session(customer.id),
        lambda: stack.portal(customer.id),
        lambda: stack.v1.payment_methods.list({"customer": customer.id}),
        lambda: stack.v1.subscriptions.create({"customer": customer.id, "items": [{"price": "price_pro_monthly"}]}),
        lambda: stack.v1.payment_intents.create({"amount": 500, "currency": "usd", "customer": customer.id}),
    ]
    for make in makers:
        with pytest.raises(stripe.InvalidRequestError, match="No such customer") as refused:
            make()
        assert refused.value.code == "resource_missing"
    assert stack.post(waiting.url).status_code == 404
    assert stack.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        stack.v1.subscriptions.list({"customer": "cus_none"})


def test_what_a_deleted_customer_paid_can_be_refunded(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.deposit(customer.id)
    stack.post(session.url)
    stack.v1.customers.delete(customer.id)
    intent = str(stack.v1.checkout.sessions.retrieve(session.id).payment_intent)
    assert stack.v1.refunds.create({"payment_intent": intent}).status == "succeeded"
    shown = stack.v1.payment_intents.retrieve(intent, {"expand": ["customer"]})
    assert shown.to_dict()["customer"]["deleted"] is True


def test_pages_of_a_deleted_customer_say_so(stack: Stack) -> None:
    customer, _ = stack.subscribed()
    page = stack.portal(customer.id).url
    stack.v1.customers.delete(customer.id)
    assert stack.get(page).status_code == 404
    assert stack.post(page, action="resume").status_code == 404


def test_a_bank_debit_settles_although_its_customer_was_deleted(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.deposit(customer.id, payment_intent_data={"setup_future_usage": "off_session"})
    stack.post(session.url, card="us_bank_account")
    stack.v1.customers.delete(customer.id)
    stack.advance(days=5)
    assert stack.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_search_lags_a_minute_and_ignores_case(stack: Stack) -> None:
    customer = stack.v1.customers.create({"email": "Ada@Example.com", "metadata": {"account_id": "Acct_1"}})
    query = {"query": "metadata['account_id']:'acct_1' AND email:'ada@example.COM'"}
    assert stack.v1.customers.search(query).data == []
    stack.advance(seconds=60)
    assert [found.id for found in stack.v1.customers.search(query).data] == [customer.id]
    stack.v1.customers.update(customer.id, {"email": "bob@example.com"})
    assert [found.email for found in stack.v1.customers.search(query).data] == ["bob@example.com"]
    stack.advance(seconds=60)
    assert stack.v1.customers.search(query).data == []
    assert len(stack.v1.customers.search({"query": "metadata['plan']:null"}).data) == 1


@pytest.mark.parametrize("way", ["delete", "deauthorize"])
def test_an_account_that_is_gone_is_refused_with_403(stack: Stack, way: str) -> None:
    account = onboarded(stack)
    made = stack.v1.transfers.create({"amount": 500, "currency": "usd", "destination": account})
    since = stack.position()
    if way == "delete":
        assert stack.v1.accounts.delete(account).to_dict()["deleted"] is True
    else:
        assert stack.door(f"/accounts/{account}", {"deauthorized": True}).status_code == 200
    event = stack.events(since)[0]
    assert (event["type"], event["account"]) == ("account.application.deauthorized", account)
    link = {
        "account": account,
        "type": "account_onboarding",
        "refresh_url": "https://a.test",
        "return_url": "https://a.test",
    }
    for call in (
        lambda: stack.v1.accounts.retrieve(account),
        lambda: stack.v1.accounts.update(account, {"metadata": {"a": "b"}}),
        lambda: stack.v1.account_links.create(link),
    ):
        with pytest.raises(stripe.PermissionError) as refused:
            call()
        assert (refused.value.http_status, refused.value.json_body["error"]["code"]) == (403, "account_invalid")
    with pytest.raises(stripe.InvalidRequestError) as refused_transfer:
        stack.v1.transfers.create({"amount": 500, "currency": "usd", "destination": account})
    assert (refused_transfer.value.code, refused_transfer.value.param) == ("resource_missing", "destination")
    assert stack.v1.transfers.retrieve(made.id).amount == 500


def test_a_rejected_account_is_never_paid_again(stack: Stack) -> None:
    account = onboarded(stack)
    since = stack.position()
    rejected = stack.v1.accounts.reject(account, {"reason": "fraud"})
    assert rejected.requirements is not None
    assert (rejected.payouts_enabled, rejected.requirements.disabled_reason) == (False, "rejected.fraud")
    assert stack.event_types(since) == ["account.updated"]
    stack.door(f"/accounts/{account}", {"restricted": False})
    assert stack.v1.accounts.retrieve(account).payouts_enabled is False
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.transfers.create({"amount": 500, "currency": "usd", "destination": account})
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.accounts.reject(account, {"reason": "boredom"})
