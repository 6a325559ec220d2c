"""/v1/invoices and /v1/invoice_payments"""

from __future__ import annotations

from local.stripe.errors import StripeError, invalid
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import cards, collection, customers
from local.stripe.rules.cards import Verdict
from local.stripe.world import World


@route("invoices.retrieve", "GET", "/v1/invoices/{invoice}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("invoice", call.id)


@route("invoices.list", "GET", "/v1/invoices", PAGING + "collection_method customer status subscription")
def listed(world: World, call: Call) -> Json:
    customers.require_known(world, call.params)
    kept = (
        invoice
        for invoice in world.all("invoice").values()
        if all(
            call.params.get(field, invoice[field]) == invoice[field]
            for field in ("collection_method", "customer", "status")
        )
        and call.params.get("subscription", _subscription(invoice)) == _subscription(invoice)
    )
    return page(kept, call.params, "/v1/invoices")


def _subscription(invoice: Json) -> str:
    found: str = invoice["parent"]["subscription_details"]["subscription"]
    return found


@route("invoices.pay", "POST", "/v1/invoices/{invoice}/pay", "off_session")
def pay(world: World, call: Call) -> Json:
    """Try to pay an open invoice now with the subscription's card."""
    invoice = world.find("invoice", call.id)
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] != "open":
        raise invalid(f"This invoice can no longer be paid: its status is {invoice['status']}.")
    subscription = world.find("subscription", _subscription(invoice))
    method = collection.method_for(world, subscription)
    verdict = collection.collect(world, subscription, invoice, scheduled=False)
    if verdict is Verdict.APPROVED:
        return invoice
    if method is None:
        raise invalid("There is no `default_payment_method` set on this Customer or Invoice.", "resource_missing")
    if verdict is Verdict.DECLINED:
        raise cards.refusal(cards.card_of(method))
    raise StripeError(
        402,
        "card_error",
        "This payment requires additional user action before it can be completed successfully.",
        "invoice_payment_intent_requires_action",
    )


@route("invoice_payments.list", "GET", "/v1/invoice_payments", PAGING + "invoice payment status")
def list_payments(world: World, call: Call) -> Json:
    intent = call.params.get("payment", {}).get("payment_intent")
    kept = (
        payment
        for payment in world.all("invoice_payment").values()
        if all(call.params.get(field, payment[field]) == payment[field] for field in ("invoice", "status"))
        and (intent is None or payment["payment"]["payment_intent"] == intent)
    )
    return page(kept, call.params, "/v1/invoice_payments")


@route("invoice_payments.retrieve", "GET", "/v1/invoice_payments/{invoice_payment}")
def retrieve_payment(world: World, call: Call) -> Json:
    return world.find("invoice_payment", call.id)
