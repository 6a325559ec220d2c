"""Automatic tax: added to what Checkout pages and the invoices of their subscriptions cost, by the payer's country."""

from __future__ import annotations

import pytest
import stripe

from tests.local_stripe.harness import Stack

URLS = {"success_url": "https://example.com/ok", "cancel_url": "https://example.com/no"}


def page(stack: Stack, customer: str, **more: object) -> stripe.checkout.Session:
    """A page of $10, with tax on top."""
    item = {"currency": "usd", "unit_amount": 1_000, "tax_behavior": "exclusive", "product_data": {"name": "Ten"}}
    asked = {
        "mode": "payment",
        "customer": customer,
        "line_items": [{"quantity": 1, "price_data": item}],
        "automatic_tax": {"enabled": True},
        "invoice_creation": {"enabled": True},
        **URLS,
        **more,
    }
    return stack.v1.checkout.sessions.create(asked)  # type: ignore[arg-type]


def pay(stack: Stack, session: stripe.checkout.Session, **form: str) -> stripe.checkout.Session:
    assert stack.post(str(session.url), card="4242424242424242", **form).status_code == 303
    return stack.v1.checkout.sessions.retrieve(session.id)


def test_a_customer_without_an_address_needs_one_or_a_page_that_may_keep_it(stack: Stack) -> None:
    customer = stack.v1.customers.create({}).id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        page(stack, customer)
    assert refused.value.code == "customer_tax_location_invalid"
    open_page = page(stack, customer, customer_update={"address": "auto"})
    assert open_page.automatic_tax.status == "requires_location_inputs"
    assert open_page.amount_total == 1_000


def test_tax_is_added_by_the_country_chosen_and_the_address_is_kept(stack: Stack) -> None:
    customer = stack.v1.customers.create({}).id
    session = pay(stack, page(stack, customer, customer_update={"address": "auto"}), country="DE")
    assert (session.amount_subtotal, session.total_details.amount_tax, session.amount_total) == (1_000, 190, 1_190)
    assert session.automatic_tax.status == "complete"
    assert stack.v1.payment_intents.retrieve(str(session.payment_intent)).amount_received == 1_190
    invoice = stack.v1.invoices.retrieve(str(session.invoice))
    assert (invoice.subtotal, invoice.total, invoice.total_excluding_tax) == (1_000, 1_190, 1_000)
    assert [tax.amount for tax in invoice.total_taxes or []] == [190]
    known = page(stack, customer)
    assert (known.total_details.amount_tax, known.amount_total) == (190, 1_190)


def test_a_declined_card_and_another_country_are_charged_by_the_last_one(stack: Stack) -> None:
    customer = stack.v1.customers.create({}).id
    session = page(stack, customer, customer_update={"address": "auto"})
    assert stack.post(str(session.url), card="4000000000000002", country="DE").status_code == 402
    paid = pay(stack, session, country="US")
    assert (paid.amount_total, paid.total_details.amount_tax) == (1_000, 0)
    assert stack.v1.payment_intents.retrieve(str(paid.payment_intent)).amount_received == 1_000


def test_a_subscription_s_invoices_carry_tax_and_so_does_what_is_previewed(stack: Stack) -> None:
    customer = stack.v1.customers.create({"address": {"country": "FR"}}).id
    price = stack.price("pro_monthly")
    asked = {
        "mode": "subscription",
        "customer": customer,
        "line_items": [{"price": price, "quantity": 1}],
        "automatic_tax": {"enabled": True},
        **URLS,
    }
    session = pay(stack, stack.v1.checkout.sessions.create(asked))  # type: ignore[arg-type]
    assert (session.amount_total, session.total_details.amount_tax) == (5_880, 980)
    stack.advance(days=32)
    totals = [invoice.total for invoice in stack.v1.invoices.list({"customer": customer}).data]
    assert totals == [5_880, 5_880]
    preview = stack.v1.invoices.create_preview(
        {
            "customer": customer,
            "automatic_tax": {"enabled": True},
            "subscription_details": {"items": [{"price": price, "quantity": 1}]},
        }
    )
    assert (preview.total, [tax.amount for tax in preview.total_taxes or []]) == (5_880, [980])


def test_without_automatic_tax_nothing_is_added(stack: Stack) -> None:
    customer = stack.v1.customers.create({"address": {"country": "DE"}}).id
    session = pay(stack, page(stack, customer, automatic_tax={"enabled": False}), country="DE")
    assert (session.amount_total, session.automatic_tax.enabled) == (1_000, False)
