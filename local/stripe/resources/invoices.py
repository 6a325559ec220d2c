"""/v1/invoices and /v1/invoice_payments"""

from __future__ import annotations

from local.stripe.errors import StripeError, invalid
from local.stripe.merging import assign
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import cards, collection, customers, intents, invoices
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


def _subscription(invoice: Json) -> str | None:
    parent = invoice["parent"]
    return parent["subscription_details"]["subscription"] if parent is not None else None


@route("invoices.update", "POST", "/v1/invoices/{invoice}", "auto_advance default_payment_method description metadata")
def update(world: World, call: Call) -> Json:
    invoice = world.find("invoice", call.id)
    if call.params.get("default_payment_method"):
        intents.usable_method(world, call.params["default_payment_method"], invoice["customer"])
    with world.updating("invoice.updated", invoice):
        assign(invoice, call.params, "auto_advance default_payment_method description")
    return invoice


@route("invoices.finalize", "POST", "/v1/invoices/{invoice}/finalize", "auto_advance")
def finalize(world: World, call: Call) -> Json:
    """A draft becomes open. It is collected where it advances by itself, which Stripe does within an hour."""
    invoice = world.find("invoice", call.id)
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    invoice["auto_advance"] = call.params.get("auto_advance", invoice["auto_advance"])
    invoices.finalize(world, invoice)
    collected = invoice["auto_advance"] and invoice["collection_method"] == "charge_automatically"
    if invoice["status"] == "open" and collected:
        collection.collect(world, invoice)
    return invoice


@route("invoices.send", "POST", "/v1/invoices/{invoice}/send")
def send(world: World, call: Call) -> Json:
    """The customer is told where to pay. A draft is finalized first."""
    invoice = world.find("invoice", call.id)
    if invoice["status"] == "draft":
        return invoices.finalize(world, invoice)
    world.tell("invoice.sent", invoice)
    return invoice


@route("invoices.pay", "POST", "/v1/invoices/{invoice}/pay", "off_session paid_out_of_band payment_method")
def pay(world: World, call: Call) -> Json:
    """Pay an open or uncollectible invoice now, by a payment method or, as staff say, out of band."""
    invoice = world.find("invoice", call.id)
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] == "draft":
        invoices.finalize(world, invoice)
    if invoice["status"] == "void":
        raise invalid(f"This invoice can no longer be paid: its status is {invoice['status']}.")
    if call.params.get("paid_out_of_band"):
        invoices.settle_out_of_band(world, invoice)
        collection.follow_invoices(world, invoices.subscription_of(world, invoice))
        return invoice
    chosen = call.params.get("payment_method")
    method = intents.usable_method(world, chosen, invoice["customer"]) if chosen else None
    _collect(world, invoice, method)
    return invoice


def _collect(world: World, invoice: Json, chosen: Json | None) -> None:
    """Raises Stripe's error where the invoice is not paid by it."""
    method = chosen or collection.method_of(world, invoice)
    verdict = collection.collect(world, invoice, method=method, scheduled=False)
    if verdict is Verdict.APPROVED:
        return
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


@route("invoices.void", "POST", "/v1/invoices/{invoice}/void")
def void(world: World, call: Call) -> Json:
    invoice = world.find("invoice", call.id)
    invoices.void(world, invoice)
    collection.follow_invoices(world, invoices.subscription_of(world, invoice))
    return invoice


@route("invoices.mark_uncollectible", "POST", "/v1/invoices/{invoice}/mark_uncollectible")
def mark_uncollectible(world: World, call: Call) -> Json:
    invoice = world.find("invoice", call.id)
    if invoice["status"] == "draft":
        invoices.finalize(world, invoice)
    invoices.mark_uncollectible(world, invoice)
    return invoice


@route("invoices.delete", "DELETE", "/v1/invoices/{invoice}")
def delete(world: World, call: Call) -> Json:
    """A draft that bills no subscription."""
    invoice = world.find("invoice", call.id)
    if invoice["status"] != "draft" or invoice["parent"] is not None:
        raise invalid("You can only delete draft invoices that belong to no subscription.")
    world.tell("invoice.deleted", invoice)
    del world.all("invoice")[invoice["id"]]
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


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
