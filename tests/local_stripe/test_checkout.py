from __future__ import annotations

import pytest
import stripe

from tests.local_stripe.harness import DAY, Stack

APPROVED = ("4242424242424242", "5555 5555 5555 4444")
DECLINED = {
    "4000000000000002": "Your card was declined.",
    "4000000000009995": "Your card has insufficient funds.",
    "4000000000009987": "Your card was declined.",
    "4000000000009979": "Your card was declined.",
    "4000000000000069": "Your card has expired.",
    "4000000000000127": "security code is incorrect.",
    "4000000000000119": "An error occurred while processing your card.",
    "4000000000000341": "Your card was declined.",
    "1234123412341234": "Your card number is incorrect.",
}
CHALLENGED = ("4000002500003155", "4000002760003184")


def test_the_page_says_what_is_bought(stack: Stack) -> None:
    page = stack.get(stack.session(stack.customer().id, "business_yearly").url)
    assert page.status_code == 200
    for words in ("Business", "$1,341.00", "every year", 'name="card"', "Pay and subscribe", "Cancel"):
        assert words in page.text


@pytest.mark.parametrize("card", APPROVED)
def test_a_paid_subscription_runs(stack: Stack, card: str) -> None:
    customer = stack.customer()
    session = stack.session(
        customer.id,
        client_reference_id="acct_1",
        metadata={"account_id": "acct_1", "kind": "plan"},
        subscription_data={"metadata": {"account_id": "acct_1"}},
    )
    paid = stack.post(session.url, card=card)
    assert paid.status_code == 303
    assert paid.headers["Location"] == f"https://shop.test/ok?session_id={session.id}"
    done = stack.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice", "line_items"]})
    assert (done.status, done.payment_status, done.client_reference_id, done.url) == (
        "complete",
        "paid",
        "acct_1",
        None,
    )
    subscription = done.subscription
    assert isinstance(subscription, stripe.Subscription)
    assert subscription.status == "active"
    assert subscription.metadata.to_dict() == {"account_id": "acct_1"}
    item = subscription["items"].data[0]
    assert item.price.lookup_key == "pro_monthly"
    assert item.current_period_start == stack.clock.now
    assert item.current_period_end == stack.clock.now + 31 * DAY
    assert "current_period_end" not in subscription
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert (subscription.latest_invoice.status, subscription.latest_invoice.amount_paid) == ("paid", 4900)
    assert done.line_items is not None
    assert done.line_items.data[0].amount_total == 4900


def test_a_purchase_is_told_in_stripes_order(stack: Stack) -> None:
    since = stack.position()
    stack.subscribed()
    assert stack.event_types(since) == [
        "customer.created",
        "payment_method.attached",
        "customer.subscription.created",
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]
    update = stack.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert update.data.previous_attributes is not None
    assert update.data.previous_attributes.to_dict() == {"status": "incomplete"}


@pytest.mark.parametrize(("card", "reason"), DECLINED.items())
def test_a_declined_card_shows_the_page_again_with_the_reason(stack: Stack, card: str, reason: str) -> None:
    customer = stack.customer()
    session = stack.session(customer.id)
    page = stack.post(session.url, card=card)
    assert page.status_code == 402
    assert reason.replace("'", "&#39;") in page.text
    assert stack.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []
    assert stack.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert stack.post(session.url).status_code == 303


@pytest.mark.parametrize("card", CHALLENGED)
def test_three_d_secure_asks_first(stack: Stack, card: str) -> None:
    customer = stack.customer()
    session = stack.session(customer.id)
    page = stack.post(session.url, card=card)
    assert page.status_code == 200
    assert "3-D Secure" in page.text
    assert stack.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []
    assert stack.post(session.url, card=card, authenticate="complete").status_code == 303
    assert stack.subscription(customer.id).status == "active"


@pytest.mark.parametrize("card", CHALLENGED)
def test_card_and_authentication_may_come_in_one_post(stack: Stack, card: str) -> None:
    assert stack.subscribed(card=card, authenticate="complete")[1].status == "active"


def test_an_answer_belongs_to_the_card_that_was_challenged(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.session(customer.id)
    stack.post(session.url, card="4000002760003184")
    stack.post(session.url, authenticate="complete")
    assert stack.v1.payment_methods.list({"customer": customer.id}).data[0].card.last4 == "3184"


def test_failed_authentication_buys_nothing(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.session(customer.id)
    stack.post(session.url, card="4000002760003184")
    page = stack.post(session.url, card="4000002760003184", authenticate="fail")
    assert page.status_code == 402
    assert "unable to authenticate" in page.text
    assert stack.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_card_may_decline_after_three_d_secure(stack: Stack) -> None:
    session = stack.session(stack.customer().id)
    assert stack.post(session.url, card="4000008260003178").status_code == 200
    page = stack.post(session.url, card="4000008260003178", authenticate="complete")
    assert page.status_code == 402
    assert "insufficient funds" in page.text


def test_paying_twice_charges_once(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.session(customer.id)
    first, second = stack.post(session.url), stack.post(session.url)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(stack.v1.charges.list({"customer": customer.id}).data) == 1
    assert "Already paid" in stack.get(session.url).text


def test_cancel_leads_back_and_leaves_the_session_open(stack: Stack) -> None:
    session = stack.session(stack.customer().id)
    left = stack.post(session.url, action="cancel")
    assert (left.status_code, left.headers["Location"]) == (303, "https://shop.test/no")
    assert stack.post(session.url).status_code == 303


def test_an_unknown_page_is_404(stack: Stack) -> None:
    assert stack.get(f"{stack.base}/pay/cs_test_nothing").status_code == 404
    assert stack.get(f"{stack.base}/portal/nothing").status_code == 404
    assert stack.get(f"{stack.base}/action/nothing").status_code == 404
    assert stack.get(f"{stack.base}/nothing").status_code == 404


def test_a_session_lapses_after_a_day(stack: Stack) -> None:
    session = stack.session(stack.customer().id)
    since = stack.position()
    stack.advance(hours=24)
    assert stack.event_types(since) == ["checkout.session.expired"]
    assert stack.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert stack.get(session.url).status_code == 410
    assert stack.post(session.url).status_code == 410


def test_a_session_can_be_expired_once(stack: Stack) -> None:
    session = stack.session(stack.customer().id)
    assert stack.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions"):
        stack.v1.checkout.sessions.expire(session.id)


def test_a_deposit_keeps_the_card_for_later(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.deposit(
        customer.id,
        metadata={"kind": "deposit"},
        payment_intent_data={"setup_future_usage": "off_session", "metadata": {"account_id": "acct_1"}},
    )
    assert "$25.00" in stack.get(session.url).text
    since = stack.position()
    assert stack.post(session.url).status_code == 303
    assert stack.event_types(since) == [
        "payment_intent.created",
        "payment_method.attached",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    done = stack.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    intent = done.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.status, intent.amount_received) == ("succeeded", 2500)
    assert intent.metadata["account_id"] == "acct_1"
    assert intent.customer == customer.id
    assert [m.id for m in stack.v1.payment_methods.list({"customer": customer.id}).data] == [intent.payment_method]


def test_a_declined_deposit_is_told_and_may_be_tried_again(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.deposit(customer.id)
    since = stack.position()
    assert stack.post(session.url, card="4000000000009995").status_code == 402
    assert stack.event_types(since) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    intent = stack.v1.payment_intents.list({"customer": customer.id}).data[0]
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == "insufficient_funds"
    assert stack.post(session.url).status_code == 303
    assert stack.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_deposit_with_three_d_secure_waits_in_its_payment_intent(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.deposit(customer.id)
    assert stack.post(session.url, card="4000002760003184").status_code == 200
    intent = stack.v1.payment_intents.list({"customer": customer.id}).data[0]
    assert intent.status == "requires_action"
    assert stack.post(session.url, authenticate="complete").status_code == 303
    assert stack.v1.payment_intents.retrieve(intent.id).status == "succeeded"


@pytest.mark.parametrize(
    ("card", "event", "status"),
    [
        ("us_bank_account", "checkout.session.async_payment_succeeded", "paid"),
        ("us_bank_account_failed", "checkout.session.async_payment_failed", "unpaid"),
    ],
)
def test_a_bank_debit_is_known_days_later(stack: Stack, card: str, event: str, status: str) -> None:
    session = stack.deposit(stack.customer().id)
    assert stack.post(session.url, card=card).status_code == 303
    done = stack.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert isinstance(done.payment_intent, stripe.PaymentIntent)
    assert (done.status, done.payment_status, done.payment_intent.status) == ("complete", "unpaid", "processing")
    stack.advance(days=3)
    assert event not in stack.event_types()
    stack.advance(days=2)
    assert event in stack.event_types()
    assert stack.v1.checkout.sessions.retrieve(session.id).payment_status == status


def test_a_bank_debit_can_be_settled_before_its_time_and_only_once(stack: Stack) -> None:
    session = stack.deposit(stack.customer().id)
    stack.post(session.url, card="us_bank_account")
    assert stack.post(session.url, settle="succeeded").status_code == 303
    assert stack.post(session.url, settle="succeeded").status_code == 400
    other = stack.deposit(stack.customer().id)
    stack.post(other.url, card="us_bank_account")
    assert stack.door(f"/sessions/{other.id}/settle", {"works": False}).status_code == 200
    assert stack.event_types()[-1] == "checkout.session.async_payment_failed"


def test_setup_keeps_a_card_without_a_payment(stack: Stack) -> None:
    customer = stack.customer()
    session = stack.v1.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "customer": customer.id, "success_url": "https://shop.test/ok"}
    )
    assert stack.post(session.url, card="4000002500003155").status_code == 200
    assert stack.post(session.url, authenticate="complete").status_code == 303
    done = stack.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent.payment_method"]})
    assert isinstance(done.setup_intent, stripe.SetupIntent)
    assert isinstance(done.setup_intent.payment_method, stripe.PaymentMethod)
    assert done.setup_intent.payment_method.customer == customer.id


def test_a_session_without_customer_makes_one_for_a_subscription(stack: Stack) -> None:
    session = stack.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer_email": "new@example.com",
            "line_items": [{"price": stack.price("starter_monthly"), "quantity": 2}],
            "success_url": "https://shop.test/ok",
        }
    )
    stack.post(session.url)
    done = stack.v1.checkout.sessions.retrieve(session.id, {"expand": ["customer"]})
    assert isinstance(done.customer, stripe.Customer)
    assert done.customer.email == "new@example.com"
    assert done.amount_total == 3800


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"mode": "payment"}, None),
        ({"line_items": []}, "line_items"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"line_items": [{"price": "price_pro_monthly", "quantity": 0}]}, "line_items"),
        ({"customer": "cus_none"}, "customer"),
        ({"expires_at": 1}, "expires_at"),
        ({"payment_intent_data": {"metadata": {"a": "b"}}}, "payment_intent_data"),
    ],
)
def test_a_crooked_session_is_refused(stack: Stack, change: dict[str, object], param: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": stack.customer().id,
                "line_items": [{"price": stack.price("pro_monthly"), "quantity": 1}],
                "success_url": "https://shop.test/ok",
                **change,
            }
        )
    assert refused.value.param == param


def test_sessions_are_listed_by_customer(stack: Stack) -> None:
    one, two = stack.customer("acct_1"), stack.customer("acct_2")
    first, second = stack.session(one.id), stack.session(one.id)
    stack.session(two.id)
    assert [s.id for s in stack.v1.checkout.sessions.list({"customer": one.id}).data] == [second.id, first.id]
    items = stack.v1.checkout.sessions.line_items.list(first.id)
    assert items.data[0].price is not None
    assert items.data[0].price.lookup_key == "pro_monthly"


def test_a_tax_id_is_asked_of_a_known_customer_where_the_name_may_be_kept(stack: Stack) -> None:
    customer = stack.customer().id
    asked = {"tax_id_collection": {"enabled": True}}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.session(customer, **asked)
    assert refused.value.param == "customer_update[name]"
    shown = stack.session(customer, **asked, customer_update={"name": "auto"}).tax_id_collection
    assert shown is not None
    assert (shown.enabled, shown.required) == (True, "never")
    assert "tax_id_collection" not in stack.session(customer)
