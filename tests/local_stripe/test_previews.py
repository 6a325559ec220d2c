"""What an invoice would be, asked before anything is changed."""

from __future__ import annotations

import pytest
import stripe

from local.stripe.objects import Json
from tests.local_stripe.harness import Stack
from tests.local_stripe.test_staff_subscriptions import card_holder, made, paid


def preview(stack: Stack, subscription: str, **details: object) -> stripe.Invoice:
    asked: Json = {"subscription": subscription, "subscription_details": details}
    return stack.v1.invoices.create_preview(asked if details else {"subscription": subscription})


def halfway(stack: Stack, key: str = "starter_monthly") -> tuple[str, stripe.Subscription, str]:
    """A subscription in the middle of its period: the customer, it, and its item."""
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price(key))
    item = subscription["items"].data[0]
    stack.advance(seconds=(item.current_period_end - item.current_period_start) / 2)
    return customer, subscription, item.id


@pytest.mark.parametrize(
    ("details", "amounts"),
    [
        ({"proration_behavior": "always_invoice"}, [-950, 2450]),
        ({"proration_behavior": "always_invoice", "billing_cycle_anchor": "now"}, [-950, 4900]),
        ({"proration_behavior": "none", "billing_cycle_anchor": "now"}, [4900]),
        ({"proration_behavior": "create_prorations"}, [-950, 2450, 4900]),
        ({"proration_behavior": "none"}, [4900]),
    ],
)
def test_a_preview_is_what_the_change_then_costs(stack: Stack, details: Json, amounts: list[int]) -> None:
    customer, subscription, item = halfway(stack)
    change: Json = {"items": [{"id": item, "price": stack.price("pro_monthly")}], **details}
    before = stack.position()
    shown = preview(stack, subscription.id, **change)
    assert [line.amount for line in shown.lines.data] == amounts
    assert (shown.status, shown.billing_reason, shown.total, shown.amount_due) == (
        "draft",
        "upcoming",
        sum(amounts),
        sum(amounts),
    )
    assert shown.number is None
    assert stack.position() == before
    assert [i.id for i in stack.v1.invoices.list({"customer": customer}).data] == [str(subscription.latest_invoice)]
    stack.v1.subscriptions.update(subscription.id, change)
    at_once = shown.next_payment_attempt == stack.clock.now
    stack.advance(days=0 if at_once else 20)
    assert paid(stack, customer)[-1] == sum(amounts)


def test_the_next_renewal_is_previewed_with_what_waits_for_it(stack: Stack) -> None:
    customer, subscription, item = halfway(stack)
    end = subscription["items"].data[0].current_period_end
    shown = preview(stack, subscription.id)
    assert (shown.total, shown.next_payment_attempt, shown.lines.data[0].period.start) == (1900, end, end)
    stack.v1.subscriptions.update(subscription.id, {"items": [{"id": item, "price": stack.price("pro_monthly")}]})
    stack.v1.customers.update(customer, {"balance": -400})
    assert (preview(stack, subscription.id).total, preview(stack, subscription.id).amount_due) == (6400, 6000)
    stack.v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        preview(stack, subscription.id)
    assert refused.value.code == "invoice_upcoming_none"


def test_a_change_that_waits_is_in_the_preview_and_an_end_leaves_none(stack: Stack) -> None:
    _, subscription, _ = halfway(stack, "pro_monthly")
    stack.post(stack.change(subscription, "starter_monthly").url, action="confirm")
    assert preview(stack, subscription.id).total == 1900
    schedule = str(stack.v1.subscriptions.retrieve(subscription.id).schedule)
    assert stack.v1.invoices.create_preview({"schedule": schedule}).total == 1900
    stack.v1.subscription_schedules.release(schedule)
    stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError, match="No upcoming invoices"):
        preview(stack, subscription.id)
    unused = preview(stack, subscription.id, cancel_now=True, proration_behavior="always_invoice")
    assert (unused.total, unused.amount_due) == (-2450, 0)


def test_a_first_invoice_is_previewed_for_a_customer_without_a_subscription(stack: Stack) -> None:
    customer = card_holder(stack)
    items = [{"price": stack.price("pro_yearly")}]
    shown = stack.v1.invoices.create_preview({"customer": customer, "subscription_details": {"items": items}})
    assert (shown.total, shown.next_payment_attempt) == (44100, stack.clock.now)
    with pytest.raises(stripe.InvalidRequestError, match="No upcoming invoices"):
        stack.v1.invoices.create_preview({"customer": customer})
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.invoices.create_preview({})
