from __future__ import annotations

import urllib.parse

import pytest
import stripe

from local.stripe.objects import Json
from tests.local_stripe.harness import Stack


def saved(stack: Stack, number: str = "4242424242424242") -> tuple[str, str]:
    """A customer and the payment method of a card attached to it."""
    customer = stack.customer()
    method = stack.v1.payment_methods.create(
        {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}}
    )
    stack.v1.payment_methods.attach(method.id, {"customer": customer.id})
    return customer.id, method.id


def kept(stack: Stack, number: str) -> tuple[str, str]:
    """A customer whose portal kept the card, as auto-reload finds it."""
    customer = stack.customer()
    assert stack.post(stack.portal(customer.id).url, action="update_card", card=number).status_code == 303
    return customer.id, stack.v1.payment_methods.list({"customer": customer.id}).data[0].id


def asked(customer: str, method: str, **more: object) -> Json:
    return {
        "amount": 2000,
        "currency": "usd",
        "customer": customer,
        "payment_method": method,
        "off_session": True,
        "confirm": True,
        "metadata": {"account_id": "acct_1"},
        **more,
    }


def test_a_saved_card_is_charged_without_its_payer(stack: Stack) -> None:
    since = stack.position()
    customer, method = saved(stack)
    intent = stack.v1.payment_intents.create(asked(customer, method, expand=["latest_charge"]))
    assert (intent.status, intent.amount_received, intent.metadata["account_id"]) == ("succeeded", 2000, "acct_1")
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.metadata["account_id"] == "acct_1"
    assert stack.event_types(since)[2:] == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_a_decline_is_402_with_the_intent_in_it(stack: Stack) -> None:
    customer, method = kept(stack, "4000000000000341")
    with pytest.raises(stripe.CardError) as refused:
        stack.v1.payment_intents.create(asked(customer, method))
    error = refused.value.error
    assert error is not None
    assert (refused.value.http_status, error.code, error.decline_code) == (402, "card_declined", "generic_decline")
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_method is not None
    assert error.payment_method.id == method
    intent = stack.v1.payment_intents.retrieve(error.payment_intent.id)
    assert intent.last_payment_error is not None
    assert (intent.last_payment_error.decline_code, intent.payment_method) == ("generic_decline", None)
    assert stack.v1.charges.retrieve(str(error.charge)).status == "failed"
    assert stack.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_a_decline_is_replayed_under_its_key(stack: Stack) -> None:
    customer, method = kept(stack, "4000000000000341")
    for _ in range(3):
        with pytest.raises(stripe.CardError):
            stack.v1.payment_intents.create(asked(customer, method), {"idempotency_key": "attempt-1"})
    assert len(stack.v1.charges.list({"customer": customer}).data) == 1


def test_a_lost_answer_charges_once(stack: Stack) -> None:
    customer, method = saved(stack)
    stack.door("/faults", {"on": "payment_intents.create", "kind": "timeout_after"})
    with pytest.raises(stripe.APIConnectionError):
        stack.v1.payment_intents.create(asked(customer, method), {"idempotency_key": "attempt-1"})
    intent = stack.v1.payment_intents.create(asked(customer, method), {"idempotency_key": "attempt-1"})
    assert [charge.payment_intent for charge in stack.v1.charges.list({"customer": customer}).data] == [intent.id]


def test_three_d_secure_waits_at_the_action_page(stack: Stack) -> None:
    customer, method = kept(stack, "4000002760003184")
    intent = stack.v1.payment_intents.create(asked(customer, method))
    assert intent.status == "requires_action"
    assert stack.event_types()[-1] == "payment_intent.requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    url = intent.next_action.redirect_to_url.url
    assert url == f"{stack.base}/action/{intent.id}"
    assert "$20.00" in stack.get(url).text
    assert stack.post(url).status_code == 200
    assert stack.post(url, authenticate="complete").status_code == 200
    assert stack.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert stack.event_types()[-2:] == ["charge.succeeded", "payment_intent.succeeded"]
    assert stack.post(url, authenticate="complete").status_code == 200
    assert len(stack.v1.charges.list({"customer": customer}).data) == 1


def test_the_action_page_leads_back(stack: Stack) -> None:
    customer, method = kept(stack, "4000002760003184")
    intent = stack.v1.payment_intents.create(asked(customer, method, return_url="https://shop.test/back?a=b"))
    assert intent.next_action is not None
    done = stack.post(intent.next_action.redirect_to_url.url, authenticate="complete")
    assert done.status_code == 303
    back = urllib.parse.urlsplit(done.headers["Location"])
    assert urllib.parse.parse_qs(back.query) == {
        "a": ["b"],
        "payment_intent": [intent.id],
        "redirect_status": ["succeeded"],
    }


def test_failed_authentication_leaves_the_intent_without_a_card(stack: Stack) -> None:
    customer, method = kept(stack, "4000002760003184")
    intent = stack.v1.payment_intents.create(asked(customer, method))
    url = f"{stack.base}/action/{intent.id}"
    assert stack.post(url, authenticate="fail").status_code == 402
    after = stack.v1.payment_intents.retrieve(intent.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == "payment_intent_authentication_failure"
    assert stack.event_types()[-1] == "payment_intent.payment_failed"


@pytest.mark.parametrize("by", ["parameter", "setting"])
def test_three_d_secure_may_be_a_decline_that_is_confirmed_with_the_payer(stack: Stack, by: str) -> None:
    customer, method = kept(stack, "4000002760003184")
    more: Json = {"error_on_requires_action": True} if by == "parameter" else {}
    if by == "setting":
        assert stack.door("/settings", {"off_session_authentication": "decline"}).status_code == 200
    with pytest.raises(stripe.CardError) as refused:
        stack.v1.payment_intents.create(asked(customer, method, **more))
    assert refused.value.code == "authentication_required"
    assert refused.value.error is not None
    intent = refused.value.error.payment_intent
    assert intent is not None
    assert intent.status == "requires_payment_method"
    again = stack.v1.payment_intents.confirm(
        intent.id, {"payment_method": method, "return_url": "https://shop.test/back"}
    )
    assert again.status == "requires_action"
    assert stack.post(f"{stack.base}/action/{intent.id}", authenticate="complete").status_code == 303
    assert stack.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_card_kept_with_three_d_secure_is_charged_without_its_payer(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.deposit(customer.id, payment_intent_data={"setup_future_usage": "off_session"})
    assert stack.post(session.url, card="4000002500003155", authenticate="complete").status_code == 303
    method = stack.v1.payment_methods.list({"customer": customer.id}).data[0].id
    assert stack.v1.payment_intents.create(asked(customer.id, method)).status == "succeeded"


def test_a_card_kept_without_it_asks(stack: Stack) -> None:
    customer, method = saved(stack, "4000002500003155")
    assert stack.v1.payment_intents.create(asked(customer, method)).status == "requires_action"


def test_an_intent_goes_step_by_step(stack: Stack) -> None:
    customer, method = saved(stack)
    intent = stack.v1.payment_intents.create({"amount": 700, "currency": "usd", "customer": customer})
    assert intent.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        stack.v1.payment_intents.confirm(intent.id)
    changed = stack.v1.payment_intents.update(
        intent.id, {"amount": 800, "payment_method": method, "metadata": {"a": "b"}, "description": "Reload"}
    )
    assert (changed.status, changed.amount, changed.description) == ("requires_confirmation", 800, "Reload")
    assert stack.v1.payment_intents.confirm(intent.id).amount_received == 800
    for act in (
        stack.v1.payment_intents.confirm,
        stack.v1.payment_intents.cancel,
        lambda i: stack.v1.payment_intents.update(i, {"amount": 900}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            act(intent.id)
        assert refused.value.code == "payment_intent_unexpected_state"


def test_a_canceled_intent_is_over(stack: Stack) -> None:
    customer, method = kept(stack, "4000002760003184")
    intent = stack.v1.payment_intents.create(asked(customer, method))
    canceled = stack.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert stack.event_types()[-1] == "payment_intent.canceled"
    assert stack.post(f"{stack.base}/action/{intent.id}", authenticate="complete").status_code == 410
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.payment_intents.confirm(intent.id, {"payment_method": method})


def test_the_intent_of_a_session_is_answered_at_its_action_page_too(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.deposit(customer.id)
    stack.post(session.url, card="4000002760003184")
    intent = stack.v1.payment_intents.list({"customer": customer.id}).data[0]
    with pytest.raises(stripe.InvalidRequestError, match="belongs to"):
        stack.v1.payment_intents.cancel(intent.id)
    assert stack.post(f"{stack.base}/action/{intent.id}", authenticate="complete").status_code == 303
    assert stack.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": 49}, "amount_too_small"),
        ({"amount": -5}, "amount_too_small"),
        ({"amount": 100_000_000}, "amount_too_large"),
        ({"currency": "xyz"}, None),
        ({"customer": "cus_none"}, "resource_missing"),
        ({"payment_method": "pm_none"}, "resource_missing"),
        ({"confirm": False}, None),
        ({"off_session": "maybe"}, None),
    ],
)
def test_a_crooked_intent_is_refused(stack: Stack, change: Json, code: str | None) -> None:
    customer, method = saved(stack)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.payment_intents.create({**asked(customer, method), **change})
    assert refused.value.code == code
    assert stack.v1.charges.list({"customer": customer}).data == []


def test_another_customers_card_is_refused(stack: Stack) -> None:
    _, method = saved(stack)
    other = stack.customer("acct_2")
    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        stack.v1.payment_intents.create(asked(other.id, method))
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.payment_methods.attach(method, {"customer": other.id})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
        stack.v1.customers.update(other.id, {"invoice_settings": {"default_payment_method": method}})


def test_a_default_is_set_and_goes_with_the_card(stack: Stack) -> None:
    customer, method = saved(stack)
    changed = stack.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
    assert changed.invoice_settings is not None
    assert changed.invoice_settings.default_payment_method == method
    gone = stack.v1.payment_methods.detach(method)
    assert gone.customer is None
    event = stack.v1.events.list({"type": "payment_method.detached"}).data[0]
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes.to_dict() == {"customer": customer}
    after = stack.v1.customers.retrieve(customer)
    assert after.invoice_settings is not None
    assert after.invoice_settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.payment_methods.detach(method)
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.payment_methods.attach(method, {"customer": customer})
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.payment_intents.create(asked(customer, method))


def test_a_card_that_declines_cannot_be_attached(stack: Stack) -> None:
    with pytest.raises(stripe.CardError):
        saved(stack, "4000000000000002")


def test_a_method_is_changed(stack: Stack) -> None:
    _, method = saved(stack)
    changed = stack.v1.payment_methods.update(
        method, {"billing_details": {"name": "Ada"}, "card": {"exp_year": 2050}, "metadata": {"a": "b"}}
    )
    assert changed.card is not None
    assert (changed.billing_details.name, changed.card.exp_year) == ("Ada", 2050)
    assert stack.event_types()[-1] == "payment_method.updated"


def test_the_bank_replaces_a_card(stack: Stack) -> None:
    _, method = kept(stack, "4000000000000341")
    before = stack.v1.payment_methods.retrieve(method)
    assert stack.door(f"/payment_methods/{method}/renew", {"card": "4242424242424242"}).status_code == 200
    after = stack.v1.payment_methods.retrieve(method)
    assert before.card is not None
    assert after.card is not None
    assert after.card.last4 == "4242"
    assert after.card.fingerprint != before.card.fingerprint
    assert stack.event_types()[-1] == "payment_method.automatically_updated"
