"""What staff and payers do with invoices: pay them, elsewhere or on their page, void them, give them up."""

from __future__ import annotations

import pytest
import requests
import stripe

from tests.local_stripe.harness import Stack
from tests.local_stripe.test_staff_subscriptions import card_holder, made, paid


def unpaid(stack: Stack) -> tuple[str, stripe.Subscription, stripe.Invoice]:
    """A subscription whose renewal was declined: the customer, it, and its open invoice."""
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price("pro_monthly"))
    method = stack.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4000000000000341", "exp_month": 1, "exp_year": 2040, "cvc": "1"}}
    )
    stack.v1.payment_methods.attach(method.id, {"customer": customer})
    stack.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})
    stack.advance(days=31)
    invoice = stack.v1.invoices.list({"customer": customer}).data[0]
    assert (invoice.status, stack.v1.subscriptions.retrieve(subscription.id).status) == ("open", "past_due")
    return customer, subscription, invoice


def test_an_invoice_is_paid_on_its_hosted_page_by_any_card(stack: Stack) -> None:
    _, subscription, invoice = unpaid(stack)
    url = invoice.hosted_invoice_url
    assert "$49.00" in stack.get(url).text
    declined = stack.post(url, card="4000000000000002")
    assert (declined.status_code, "declined" in declined.text) == (402, True)
    assert stack.post(url, card="123").status_code == 402
    challenged = stack.post(url, card="4000002760003184")
    assert "3-D Secure" in challenged.text
    assert stack.post(url, authenticate="complete").status_code == 200
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "active"
    since = stack.position()
    assert stack.post(url, card="4242424242424242").status_code == 200
    assert stack.event_types(since) == []
    assert stack.get(f"{stack.base}/invoice/in_none").status_code == 404


def test_an_invoice_paid_out_of_band_takes_no_money_here(stack: Stack) -> None:
    customer, subscription, invoice = unpaid(stack)
    since = stack.position()
    settled = stack.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert (settled.status, settled.amount_paid_off_stripe, settled.amount_remaining) == ("paid", 4900, 0)
    assert stack.event_types(since) == ["payment_intent.canceled", "invoice.paid", "customer.subscription.updated"]
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert len(stack.v1.charges.list({"customer": customer}).data) == 2


def test_a_voided_invoice_frees_its_subscription_and_is_paid_by_nobody(stack: Stack) -> None:
    _, subscription, invoice = unpaid(stack)
    since = stack.position()
    assert stack.v1.invoices.void_invoice(invoice.id).status == "void"
    assert stack.event_types(since) == ["payment_intent.canceled", "invoice.voided", "customer.subscription.updated"]
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert stack.get(invoice.hosted_invoice_url).status_code == 410
    for act in (stack.v1.invoices.pay, stack.v1.invoices.void_invoice, stack.v1.invoices.mark_uncollectible):
        with pytest.raises(stripe.InvalidRequestError):
            act(invoice.id)
    since = stack.position()
    stack.advance(days=20)
    assert stack.event_types(since) == []


def test_an_uncollectible_invoice_is_not_retried_and_may_still_be_paid(stack: Stack) -> None:
    _, subscription, invoice = unpaid(stack)
    assert stack.v1.invoices.mark_uncollectible(invoice.id).status == "uncollectible"
    since = stack.position()
    stack.advance(days=20)
    assert stack.event_types(since) == []
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    assert stack.post(invoice.hosted_invoice_url).status_code == 303
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_an_invoice_is_paid_by_the_method_that_staff_choose(stack: Stack) -> None:
    customer, _, invoice = unpaid(stack)
    good = stack.v1.customers.retrieve(customer).invoice_settings
    assert good is not None
    assert stack.v1.invoices.update(invoice.id, {"metadata": {"a": "b"}}).to_dict()["metadata"] == {"a": "b"}
    assert stack.v1.invoices.pay(invoice.id, {"payment_method": str(good.default_payment_method)}).status == "paid"


def test_credit_pays_before_the_card_and_comes_back_from_a_voided_invoice(stack: Stack) -> None:
    customer = card_holder(stack)
    given = stack.v1.customers.balance_transactions.create(customer, {"amount": -1000, "currency": "usd"})
    assert (given.ending_balance, given.type) == (-1000, "adjustment")
    subscription = made(stack, customer, stack.price("pro_monthly"), payment_behavior="default_incomplete")
    invoice = stack.v1.invoices.retrieve(str(subscription.latest_invoice))
    assert (invoice.amount_due, invoice.starting_balance, invoice.ending_balance) == (3900, -1000, 0)
    stack.v1.invoices.void_invoice(invoice.id)
    assert stack.v1.subscriptions.retrieve(subscription.id).status == "incomplete_expired"
    assert stack.v1.customers.retrieve(customer).balance == -1000
    stack.v1.customers.update(customer, {"balance": -9000})
    made(stack, customer, stack.price("pro_monthly"))
    assert paid(stack, customer)[-1] == 0
    lines = stack.v1.customers.balance_transactions.list(customer).data
    assert [(line.type, line.amount) for line in lines] == [
        ("applied_to_invoice", 4900),
        ("adjustment", -8000),
        ("unapplied_from_invoice", -1000),
        ("applied_to_invoice", 1000),
        ("adjustment", -1000),
    ]
    with pytest.raises(stripe.InvalidRequestError, match="takes no amount in eur"):
        stack.v1.customers.balance_transactions.create(customer, {"amount": -1, "currency": "eur"})


def test_a_draft_of_a_paused_subscription_may_be_finalized_sent_and_paid(stack: Stack) -> None:
    customer = card_holder(stack)
    subscription = made(stack, customer, stack.price("pro_monthly"))
    stack.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "keep_as_draft"}})
    stack.advance(days=62)
    first, second = stack.v1.invoices.list({"customer": customer, "status": "draft"}).data
    assert stack.get(f"{stack.base}/invoice/{first.id}").status_code == 404
    assert stack.v1.invoices.finalize_invoice(first.id).status == "open"
    assert stack.v1.invoices.send_invoice(first.id).status == "open"
    assert stack.v1.invoices.pay(first.id).status == "paid"
    assert stack.v1.invoices.finalize_invoice(second.id, {"auto_advance": True}).status == "paid"
    with pytest.raises(stripe.InvalidRequestError, match="already finalized"):
        stack.v1.invoices.finalize_invoice(second.id)
    with pytest.raises(stripe.InvalidRequestError, match="draft"):
        stack.v1.invoices.delete(second.id)


def test_staff_bill_a_customer_by_an_invoice_of_its_own(stack: Stack) -> None:
    customer = card_holder(stack)
    stack.v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "usd", "description": "Setup"})
    draft = stack.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    once = stack.v1.prices.create({"currency": "usd", "unit_amount": 300, "product": "prod_pro"}).id
    item = stack.v1.invoice_items.create({"customer": customer, "invoice": draft.id, "pricing": {"price": once}})
    with pytest.raises(stripe.InvalidRequestError, match="on an invoice"):
        stack.v1.invoice_items.delete(item.id)
    billed = stack.v1.invoices.pay(draft.id)
    assert (billed.status, billed.amount_paid, billed.parent, billed.billing_reason) == ("paid", 1000, None, "manual")
    assert [line.amount for line in billed.lines.data] == [700, 300]
    empty = stack.v1.invoices.create({"customer": customer})
    assert stack.v1.invoices.delete(empty.id).deleted is True
    declined = stack.v1.invoices.create({"customer": stack.customer().id})
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.invoice_items.create({"customer": customer, "invoice": declined.id, "amount": 5, "currency": "usd"})


def test_an_item_that_waits_is_on_the_next_invoice_of_a_subscription(stack: Stack) -> None:
    customer = card_holder(stack)
    made(stack, customer, stack.price("pro_monthly"))
    wrong = stack.v1.invoice_items.create({"customer": customer, "amount": 5, "currency": "usd"})
    assert stack.v1.invoice_items.delete(wrong.id).deleted is True
    stack.v1.invoice_items.create({"customer": customer, "amount": -900, "currency": "usd"})
    assert len(stack.v1.invoice_items.list({"customer": customer, "pending": True}).data) == 1
    stack.advance(days=62)
    assert paid(stack, customer) == [4900, 4000, 4900]


@pytest.mark.parametrize("card", ["4242424242424242", "us_bank_account"])
def test_a_deposit_leaves_an_invoice_where_asked_and_a_receipt(stack: Stack, card: str) -> None:
    customer = stack.customer().id
    stack.v1.customers.update(customer, {"balance": -500})
    creation = {"enabled": True, "invoice_data": {"description": "Deposit", "metadata": {"kind": "deposit"}}}
    session = stack.deposit(customer, invoice_creation=creation)
    stack.post(session.url, card=card)
    stack.advance(days=4)
    done = stack.v1.checkout.sessions.retrieve(session.id)
    invoice = stack.v1.invoices.retrieve(str(done.invoice))
    assert (invoice.status, invoice.amount_paid, invoice.description) == ("paid", 2500, "Deposit")
    payment = stack.v1.invoice_payments.list({"invoice": invoice.id}).data[0]
    assert payment.payment.payment_intent == done.payment_intent
    assert stack.v1.customers.retrieve(customer).balance == -500
    charge = stack.v1.charges.list({"customer": customer}).data[0]
    assert "$25.00 were paid" in stack.get(charge.receipt_url).text
    stack.v1.refunds.create({"charge": charge.id, "amount": 600})
    assert "$6.00" in stack.get(charge.receipt_url).text
    assert stack.get(f"{stack.base}/receipts/ch_none").status_code == 404


def test_an_invoice_s_pdf_opens_and_says_what_was_bought(stack: Stack) -> None:
    customer = card_holder(stack)
    made(stack, customer, stack.price("pro_monthly"))
    invoice = stack.v1.invoices.list({"customer": customer}).data[0]
    assert invoice.invoice_pdf is not None
    answer = requests.get(invoice.invoice_pdf, timeout=30)
    assert answer.headers["Content-Type"] == "application/pdf"
    content = answer.content
    for said in (str(invoice.number), str(invoice.lines.data[0].description).partition(" (")[0], "Total: $49.00"):
        assert said.encode("latin-1") in content
    table = int(content.rpartition(b"startxref\n")[2].split()[0])
    assert content[table:].startswith(b"xref")
    for number, entry in enumerate(content[table:].split(b"\n")[3:8], start=1):
        assert content[int(entry[:10]) :].startswith(b"%d 0 obj" % number)
    assert stack.get(f"{stack.base}/invoice/in_none/pdf").status_code == 404
