from __future__ import annotations

import datetime as dt

import pytest
import stripe

from local.stripe.rules.calendar import period_end
from tests.local_stripe.harness import DAY, Stack


def unix(year: int, month: int, day: int) -> int:
    return int(dt.datetime(year, month, day, 12, tzinfo=dt.UTC).timestamp())


def failing(stack: Stack, card: str = "4000000000000341") -> tuple[stripe.Customer, stripe.Subscription]:
    """A subscription whose card will not pay the next period."""
    customer, subscription = stack.subscribed()
    stack.post(stack.portal(customer.id).url, action="update_card", card=card)
    return customer, subscription


def test_months_are_counted_from_the_anchor() -> None:
    anchor = unix(2026, 1, 31)
    ends = [anchor]
    for _ in range(4):
        ends.append(period_end(anchor, ends[-1], "month", 1))
    assert ends[1:] == [unix(2026, 2, 28), unix(2026, 3, 31), unix(2026, 4, 30), unix(2026, 5, 31)]


def test_a_leap_day_renews_in_every_year() -> None:
    anchor = unix(2028, 2, 29)
    assert period_end(anchor, anchor, "year", 1) == unix(2029, 2, 28)
    assert period_end(anchor, unix(2031, 2, 28), "year", 1) == unix(2032, 2, 29)


def test_a_subscription_renews_and_is_charged(stack: Stack) -> None:
    customer, subscription = stack.subscribed()
    since = stack.position()
    stack.advance(days=31)
    assert stack.event_types(since) == [
        "customer.subscription.updated",
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    item = stack.subscription(customer.id)["items"].data[0]
    assert item.current_period_start == subscription["items"].data[0].current_period_end
    assert item.current_period_end == unix(2026, 3, 15)
    invoice = stack.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (invoice.billing_reason, invoice.amount_paid) == ("subscription_cycle", 4900)
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == subscription.id


def test_a_year_of_months_is_twelve_charges_more(stack: Stack) -> None:
    customer, _ = stack.subscribed()
    stack.advance(days=365)
    assert len(stack.v1.charges.list({"customer": customer.id, "limit": 100}).data) == 13


def test_a_clock_that_leaps_catches_up(stack: Stack) -> None:
    customer, _ = stack.subscribed()
    stack.clock.now += 100 * DAY
    stack.stripe.run_due()
    item = stack.subscription(customer.id)["items"].data[0]
    assert item.current_period_start < stack.clock.now < item.current_period_end
    assert len(stack.v1.charges.list({"customer": customer.id}).data) == 4


def test_a_failed_renewal_is_past_due_and_tried_again(stack: Stack) -> None:
    customer, subscription = failing(stack)
    since = stack.position()
    stack.advance(days=31)
    assert stack.event_types(since)[-4:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    after = stack.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert after.status == "past_due"
    invoice = after.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert (invoice.status, invoice.attempt_count, invoice.attempted) == ("open", 1, True)
    assert invoice.next_payment_attempt == stack.clock.now + 3 * DAY
    attempts = []
    for days in (3, 5, 7):
        stack.advance(days=days - 1)
        attempts.append(stack.event_types().count("invoice.payment_failed"))
        stack.advance(days=1)
        attempts.append(stack.event_types().count("invoice.payment_failed"))
    assert attempts == [1, 2, 2, 3, 3, 4]
    ended = stack.subscription(customer.id)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"
    assert stack.event_types()[-1] == "customer.subscription.deleted"
    since = stack.position()
    stack.advance(days=60)
    assert stack.event_types(since) == []


def test_the_last_retry_may_leave_the_subscription_unpaid(stack: Stack) -> None:
    customer, _ = failing(stack)
    assert stack.door("/settings", {"dunning_ends_in": "unpaid"}).status_code == 200
    stack.advance(days=31 + 15)
    assert stack.subscription(customer.id).status == "unpaid"
    stack.post(stack.portal(customer.id).url, action="update_card", card="4242424242424242")
    assert stack.subscription(customer.id).status == "active"


def test_another_card_pays_what_is_owed_at_once(stack: Stack) -> None:
    customer, _ = failing(stack)
    stack.advance(days=32)
    assert stack.subscription(customer.id).status == "past_due"
    since = stack.position()
    stack.post(stack.portal(customer.id).url, action="update_card", card="4242424242424242")
    assert "invoice.paid" in stack.event_types(since)
    assert stack.subscription(customer.id).status == "active"
    stack.advance(days=10)
    assert "invoice.payment_failed" not in stack.event_types(since)


def test_an_attempt_of_the_customer_uses_up_no_retry(stack: Stack) -> None:
    customer, _ = failing(stack)
    stack.advance(days=32)
    for _ in range(5):
        stack.post(stack.portal(customer.id).url, action="update_card", card="4000000000000341")
    invoice = stack.v1.invoices.list({"customer": customer.id}).data[0]
    assert invoice.attempt_count == 1
    assert stack.subscription(customer.id).status == "past_due"


def test_three_d_secure_at_renewal_waits_for_the_customer(stack: Stack) -> None:
    customer, _ = failing(stack, "4000002760003184")
    since = stack.position()
    stack.advance(days=31)
    assert "invoice.payment_action_required" in stack.event_types(since)
    assert "invoice.payment_failed" not in stack.event_types(since)
    assert stack.subscription(customer.id).status == "past_due"
    intent = stack.v1.payment_intents.list({"customer": customer.id}).data[0]
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    url = intent.next_action.redirect_to_url.url
    assert "$49.00" in stack.get(url).text
    assert stack.post(url, authenticate="complete").status_code == 200
    assert stack.subscription(customer.id).status == "active"
    assert "Paid" in stack.get(url).text


def test_three_d_secure_may_fail_at_renewal(stack: Stack) -> None:
    customer, _ = failing(stack, "4000002760003184")
    stack.advance(days=31)
    url = stack.v1.invoices.list({"customer": customer.id}).data[0].hosted_invoice_url
    since = stack.position()
    assert stack.post(url, authenticate="fail").status_code == 402
    assert stack.event_types(since) == ["payment_intent.payment_failed", "invoice.payment_failed"]
    assert stack.subscription(customer.id).status == "past_due"
    assert "Card number" in stack.get(url).text


def test_a_card_that_was_set_up_renews_without_its_payer(stack: Stack) -> None:
    customer, _ = stack.subscribed(card="4000002500003155", authenticate="complete")
    stack.advance(days=31)
    assert stack.subscription(customer.id).status == "active"


def test_an_incomplete_subscription_lapses_after_23_hours(stack: Stack) -> None:
    customer, first = stack.subscribed()
    stack.post(stack.portal(customer.id).url, action="update_card", card="4000000000000341")
    subscription = stack.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": stack.price("starter_monthly")}]}
    )
    assert subscription.status == "incomplete"
    stack.advance(hours=22)
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "incomplete"
    since = stack.position()
    stack.advance(hours=1)
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "incomplete_expired"
    assert stack.event_types(since) == ["payment_intent.canceled", "invoice.voided", "customer.subscription.updated"]
    assert stack.v1.subscriptions.retrieve(first.id).status == "active"


def test_an_incomplete_subscription_runs_once_its_first_invoice_is_paid(stack: Stack) -> None:
    customer, _ = stack.subscribed()
    subscription = stack.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": stack.price("starter_monthly")}],
            "payment_behavior": "default_incomplete",
            "default_payment_method": stack.v1.payment_methods.list({"customer": customer.id}).data[0].id,
        }
    )
    assert subscription.status == "incomplete"
    invoice = stack.v1.invoices.pay(str(subscription.latest_invoice))
    assert invoice.status == "paid"
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "active"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        stack.v1.invoices.pay(str(subscription.latest_invoice))


def test_update_sets_and_takes_back_a_cancellation(stack: Stack) -> None:
    _, subscription = stack.subscribed()
    marked = stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    again = stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (marked.cancel_at_period_end, again.canceled_at) == (True, marked.canceled_at)
    back = stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False, "metadata": {"a": "b"}})
    assert (back.cancel_at_period_end, back.metadata["a"]) == (False, "b")


def test_cancel_ends_at_once(stack: Stack) -> None:
    customer, subscription = stack.subscribed()
    ended = stack.v1.subscriptions.cancel(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", stack.clock.now)
    assert stack.event_types()[-1] == "customer.subscription.deleted"
    assert stack.v1.subscriptions.list({"customer": customer.id}).data == []
    assert len(stack.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data) == 1
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.subscriptions.cancel(subscription.id)
    assert refused.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError, match="canceled subscription"):
        stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_update_changes_the_plan_and_bills_it_as_asked(stack: Stack) -> None:
    customer, subscription = stack.subscribed("starter_monthly")
    item = subscription["items"].data[0].id
    change = {"items": [{"id": item, "price": stack.price("pro_monthly")}]}
    stack.v1.subscriptions.update(subscription.id, {**change, "proration_behavior": "always_invoice"})
    assert stack.v1.invoices.list({"customer": customer.id}).data[0].amount_paid == 3000
    back = {"items": [{"id": item, "price": stack.price("starter_monthly")}]}
    stack.v1.subscriptions.update(subscription.id, {**back, "proration_behavior": "none"})
    assert len(stack.v1.invoices.list({"customer": customer.id}).data) == 2
    stack.v1.subscriptions.update(subscription.id, {**change, "proration_behavior": "create_prorations"})
    assert len(stack.v1.invoices.list({"customer": customer.id}).data) == 2
    stack.advance(days=31)
    assert stack.v1.invoices.list({"customer": customer.id}).data[0].amount_paid == 4900 + 3000


def test_an_update_that_declines_is_refused_where_asked(stack: Stack) -> None:
    customer, subscription = failing(stack)
    change = {
        "items": [{"id": subscription["items"].data[0].id, "price": stack.price("business_monthly")}],
        "proration_behavior": "always_invoice",
    }
    with pytest.raises(stripe.CardError) as refused:
        stack.v1.subscriptions.update(subscription.id, {**change, "payment_behavior": "error_if_incomplete"})
    assert refused.value.code == "card_declined"
    assert stack.subscription(customer.id).status == "active"
    assert stack.v1.subscriptions.update(subscription.id, change).status == "past_due"


def test_a_scheduled_subscription_refuses_a_cancellation_by_update(stack: Stack) -> None:
    customer, subscription = stack.subscribed()
    stack.post(stack.change(subscription, "starter_monthly").url, action="confirm")
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    schedule = stack.v1.subscription_schedules.release(str(stack.subscription(customer.id).schedule))
    assert schedule.status == "released"
    assert stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True}).cancel_at_period_end
    with pytest.raises(stripe.InvalidRequestError, match="cannot release"):
        stack.v1.subscription_schedules.release(schedule.id)


def test_canceling_a_schedule_cancels_its_subscription(stack: Stack) -> None:
    customer, subscription = stack.subscribed()
    stack.post(stack.change(subscription, "starter_monthly").url, action="confirm")
    schedule = stack.v1.subscription_schedules.cancel(str(stack.subscription(customer.id).schedule))
    assert schedule.status == "canceled"
    assert stack.subscription(customer.id).status == "canceled"
