"""Subscriptions that staff make and change by the API, as they would in the dashboard."""

from __future__ import annotations

import pytest
import stripe

from local.stripe.objects import Json
from tests.local_stripe.harness import DAY, Stack


def foreign_price(stack: Stack, cents: int = 900_000, interval: str = "year", **more: object) -> str:
    """A price that is to no plan of the stack's."""
    asked: Json = {
        "currency": "usd",
        "unit_amount": cents,
        "recurring": {"interval": interval},
        "product_data": {"name": "Enterprise"},
        **more,
    }
    return stack.v1.prices.create(asked).id


def card_holder(stack: Stack, card: str = "4242424242424242") -> str:
    """A customer with a card on file."""
    customer = stack.customer().id
    method = stack.v1.payment_methods.create(
        {"type": "card", "card": {"number": card, "exp_month": 1, "exp_year": 2040, "cvc": "1"}}
    )
    stack.v1.payment_methods.attach(method.id, {"customer": customer})
    stack.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
    return customer


def made(stack: Stack, customer: str, *prices: str, **more: object) -> stripe.Subscription:
    return stack.v1.subscriptions.create({"customer": customer, "items": [{"price": p} for p in prices], **more})


def paid(stack: Stack, customer: str) -> list[int]:
    """What each invoice of the customer took, oldest first."""
    return [i.amount_paid for i in reversed(stack.v1.invoices.list({"customer": customer, "limit": 100}).data)]


def test_several_items_of_any_interval_are_billed_together(stack: Stack) -> None:
    customer = card_holder(stack)
    weekly = [foreign_price(stack, cents, "week") for cents in (700, 300)]
    subscription = made(stack, customer, *weekly, metadata={"by": "sales"})
    assert (subscription.status, len(subscription["items"].data)) == ("active", 2)
    stack.advance(days=7)
    assert paid(stack, customer) == [1000, 1000]
    with pytest.raises(stripe.InvalidRequestError, match="same `recurring"):
        made(stack, customer, weekly[0], foreign_price(stack))
    with pytest.raises(stripe.InvalidRequestError, match="type=one_time"):
        made(stack, customer, stack.v1.prices.create({"currency": "usd", "unit_amount": 5, "product": "prod_pro"}).id)


def test_items_are_added_changed_and_taken_off_with_prorations(stack: Stack) -> None:
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price("pro_monthly"))
    start = subscription["items"].data[0].current_period_start
    half = (subscription["items"].data[0].current_period_end - start) / 2
    stack.advance(seconds=half)
    seats = foreign_price(stack, 1000, "month")
    item = stack.v1.subscription_items.create({"subscription": subscription.id, "price": seats, "quantity": 2})
    assert item.current_period_end == subscription["items"].data[0].current_period_end
    stack.advance(seconds=half)
    assert paid(stack, customer) == [4900, 4900 + 2000 + 1000]
    stack.v1.subscription_items.update(item.id, {"quantity": 1, "proration_behavior": "none"})
    stack.advance(days=31)
    assert paid(stack, customer)[-1] == 4900 + 1000
    assert stack.v1.subscription_items.delete(item.id).deleted is True
    assert len(stack.v1.subscription_items.list({"subscription": subscription.id}).data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="at least one active plan"):
        stack.v1.subscription_items.delete(subscription["items"].data[0].id)
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.subscription_items.retrieve(item.id)


def test_an_end_on_any_date_bills_the_last_part_only(stack: Stack) -> None:
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price("pro_monthly"))
    ends = stack.clock.now + 46 * DAY
    marked = stack.v1.subscriptions.update(subscription.id, {"cancel_at": int(ends)})
    assert (marked.cancel_at, marked.cancel_at_period_end) == (ends, False)
    stack.advance(days=31)
    renewed = stack.v1.subscriptions.retrieve(subscription.id)
    assert renewed["items"].data[0].current_period_end == ends
    assert 4900 * 14 // 28 <= paid(stack, customer)[-1] <= 4900 * 16 // 28
    stack.advance(days=15)
    ended = stack.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", ends)
    assert len(paid(stack, customer)) == 2


def test_an_end_is_taken_back(stack: Stack) -> None:
    subscription = made(
        stack, card_holder(stack), stack.price("pro_monthly"), cancel_at=int(stack.clock.now + 400 * DAY)
    )
    assert subscription.cancel_at == stack.clock.now + 400 * DAY
    back = stack.v1.subscriptions.update(subscription.id, {"cancel_at": ""})
    assert (back.cancel_at, back.canceled_at) == (None, None)
    with pytest.raises(stripe.InvalidRequestError, match="in the future"):
        stack.v1.subscriptions.update(subscription.id, {"cancel_at": 5})
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        stack.v1.subscriptions.update(
            subscription.id, {"cancel_at": int(stack.clock.now + DAY), "cancel_at_period_end": True}
        )


def test_a_trial_costs_nothing_and_then_the_price(stack: Stack) -> None:
    customer = card_holder(stack)
    since = stack.position()
    subscription = made(stack, customer, stack.price("pro_monthly"), trial_period_days=14)
    assert (subscription.status, subscription.trial_end) == ("trialing", stack.clock.now + 14 * DAY)
    stack.advance(days=11)
    assert stack.event_types(since).count("customer.subscription.trial_will_end") == 1
    stack.advance(days=3)
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert paid(stack, customer) == [0, 4900]
    again = stack.v1.subscriptions.update(subscription.id, {"trial_end": int(stack.clock.now + 5 * DAY)})
    assert again.status == "trialing"
    assert stack.v1.subscriptions.update(subscription.id, {"trial_end": "now"}).status == "active"
    assert paid(stack, customer) == [0, 4900, 4900]


@pytest.mark.parametrize(
    ("chosen", "status", "answer"),
    [("cancel", "canceled", "customer.subscription.deleted"), ("pause", "paused", "customer.subscription.paused")],
)
def test_a_trial_that_ends_without_a_card_does_as_it_was_told(
    stack: Stack, chosen: str, status: str, answer: str
) -> None:
    settings = {"end_behavior": {"missing_payment_method": chosen}}
    customer = stack.customer().id
    subscription = made(stack, customer, stack.price("pro_monthly"), trial_period_days=1, trial_settings=settings)
    stack.advance(days=1)
    assert stack.v1.subscriptions.retrieve(subscription.id).status == status
    assert answer in stack.event_types()
    if status == "paused":
        since = stack.position()
        stack.advance(days=70)
        assert stack.event_types(since) == []
        assert stack.v1.subscriptions.resume(subscription.id, {"billing_cycle_anchor": "now"}).status == "past_due"
        assert "customer.subscription.resumed" in stack.event_types(since)


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
def test_paused_collection_bills_nobody_until_it_is_resumed(stack: Stack, behavior: str, status: str) -> None:
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price("pro_monthly"))
    pause = {"behavior": behavior, "resumes_at": int(stack.clock.now + 40 * DAY)}
    paused = stack.v1.subscriptions.update(subscription.id, {"pause_collection": pause})
    assert paused.status == "active"
    stack.advance(days=32)
    assert [i.status for i in stack.v1.invoices.list({"customer": customer}).data] == [status, "paid"]
    stack.advance(days=10)
    assert stack.v1.subscriptions.retrieve(subscription.id).pause_collection is None
    stack.advance(days=30)
    assert paid(stack, customer) == [4900, 0, 4900]


def test_invoices_may_be_sent_and_fall_due(stack: Stack) -> None:
    customer = stack.customer().id
    terms: Json = {"collection_method": "send_invoice", "days_until_due": 10}
    since = stack.position()
    subscription = made(stack, customer, foreign_price(stack), **terms)
    assert (subscription.status, "invoice.sent" in stack.event_types(since)) == ("active", True)
    stack.advance(days=11)
    assert stack.event_types(since)[-2:] == ["invoice.overdue", "customer.subscription.updated"]
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    invoice = stack.v1.invoices.list({"customer": customer}).data[0]
    assert stack.post(invoice.hosted_invoice_url, card="4242424242424242").status_code == 303
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "active"
    with pytest.raises(stripe.InvalidRequestError, match="days_until_due"):
        made(stack, customer, foreign_price(stack), collection_method="send_invoice")


def test_currencies_do_not_mix_on_one_customer(stack: Stack) -> None:
    customer = card_holder(stack)
    euros = foreign_price(stack, 5000, "month", currency="eur")
    dollars = made(stack, customer, stack.price("pro_monthly"))
    with pytest.raises(stripe.InvalidRequestError, match="cannot combine currencies"):
        made(stack, customer, euros)
    with pytest.raises(stripe.InvalidRequestError, match="cannot combine currencies"):
        stack.session(customer, line_items=[{"price": euros, "quantity": 1}])
    with pytest.raises(stripe.InvalidRequestError, match="expected currency"):
        made(stack, card_holder(stack), stack.price("pro_monthly"), euros)
    stack.v1.subscriptions.cancel(dollars.id)
    in_euros = made(stack, customer, euros)
    assert (in_euros.currency, in_euros.status) == ("eur", "active")
    assert stack.v1.payment_intents.list({"customer": customer}).data[0].currency == "eur"


def test_an_archived_price_stays_where_it_is_and_is_not_chosen_anew(stack: Stack) -> None:
    customer = card_holder(stack)
    pro, starter = stack.price("pro_monthly"), stack.price("starter_monthly")
    subscription = made(stack, customer, pro)
    stack.v1.prices.update(pro, {"active": False})
    item = subscription["items"].data[0].id
    stack.v1.subscriptions.update(subscription.id, {"items": [{"id": item, "quantity": 2}]})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        made(stack, customer, pro)
    stack.v1.prices.update(starter, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        stack.v1.subscriptions.update(subscription.id, {"items": [{"id": item, "price": starter}]})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        stack.session(customer, line_items=[{"price": pro, "quantity": 1}])


def test_a_lookup_key_moves_to_the_price_that_replaces_an_archived_one(stack: Stack) -> None:
    old = stack.price("pro_monthly")
    since = stack.position()
    new = foreign_price(stack, 5900, "month", lookup_key="pro_monthly", transfer_lookup_key=True)
    stack.v1.prices.update(old, {"active": False})
    assert stack.price("pro_monthly") == new
    assert stack.v1.prices.retrieve(old).lookup_key is None
    assert stack.event_types(since) == ["price.updated", "product.created", "price.created", "price.updated"]


def test_the_anchor_may_be_moved_to_now_at_full_price_less_the_unused_part(stack: Stack) -> None:
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price("starter_monthly"))
    item = subscription["items"].data[0]
    stack.advance(seconds=(item.current_period_end - item.current_period_start) / 2)
    changed = stack.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": item.id, "price": stack.price("pro_monthly")}], "billing_cycle_anchor": "now"},
    )
    assert paid(stack, customer) == [1900, 4900 - 950]
    assert changed.billing_cycle_anchor == changed["items"].data[0].current_period_start == stack.clock.now
    stack.v1.subscriptions.update(subscription.id, {"billing_cycle_anchor": "now", "proration_behavior": "none"})
    assert paid(stack, customer)[-1] == 4900


def test_a_cancellation_may_give_the_unused_part_back_as_credit(stack: Stack) -> None:
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price("pro_monthly"))
    item = subscription["items"].data[0]
    stack.advance(seconds=(item.current_period_end - item.current_period_start) / 2)
    stack.v1.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})
    assert stack.v1.customers.retrieve(customer).balance == -2450
    made(stack, customer, stack.price("pro_monthly"))
    assert paid(stack, customer)[-1] == 2450


def test_a_subscription_whose_newest_invoice_is_paid_runs_although_an_older_one_is_open(stack: Stack) -> None:
    customer = card_holder(stack, "4000000000000341")
    stack.door("/settings", {"dunning_ends_in": "past_due"})
    subscription = made(stack, customer, stack.price("pro_monthly"), payment_behavior="default_incomplete")
    first = stack.v1.invoices.retrieve(str(subscription.latest_invoice))
    stack.post(first.hosted_invoice_url)
    stack.advance(days=62)
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    newest, older = stack.v1.invoices.list({"customer": customer, "status": "open"}).data
    stack.post(newest.hosted_invoice_url)
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert stack.v1.invoices.retrieve(older.id).status == "open"
