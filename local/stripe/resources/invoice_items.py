"""/v1/invoiceitems"""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.merging import assign, merged_metadata
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.resources.catalog import currency_of
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import changes, invoice_items, invoices
from local.stripe.world import World


@route(
    "invoiceitems.create",
    "POST",
    "/v1/invoiceitems",
    "amount currency customer description invoice metadata pricing quantity",
)
def create(world: World, call: Call) -> Json:
    """An amount, or a price that is charged once; without an invoice it waits for the customer's next one."""
    params = call.params
    customer = world.find("customer", params.get("customer", ""), "customer")
    invoice = world.find("invoice", params["invoice"], "invoice") if "invoice" in params else None
    if invoice is not None and (invoice["status"] != "draft" or invoice["customer"] != customer["id"]):
        raise invalid("Items are added to drafts of the same customer only.", None, "invoice")
    price, quantity = _price(world, params), params.get("quantity", 1)
    currency = price["currency"] if price is not None else currency_of({"currency": "usd", **params})
    unit = price["unit_amount"] if price is not None else params["amount"]
    item = world.make(
        "invoiceitem",
        amount=unit * quantity,
        currency=currency,
        customer=customer["id"],
        date=world.now(),
        description=params.get("description") or (changes.named(price) if price is not None else None),
        metadata=merged_metadata({}, params.get("metadata", {})),
        net_amount=unit * quantity,
        parent=None,
        period={"start": world.now(), "end": world.now()},
        pricing=_pricing(price),
        quantity=quantity,
        quantity_decimal=str(quantity),
    )
    world.tell("invoiceitem.created", item)
    if invoice is not None:
        invoices.add_item(world, invoice, item)
    return item


def _pricing(price: Json | None) -> Json | None:
    if price is None:
        return None
    details = {"price": price["id"], "product": price["product"]}
    return {"type": "price_details", "price_details": details, "unit_amount_decimal": price["unit_amount_decimal"]}


def _price(world: World, params: Json) -> Json | None:
    wanted = params.get("pricing", {}).get("price")
    if (wanted is None) == ("amount" not in params):
        raise invalid("You must pass either `amount` or `pricing[price]`.", "parameter_missing", "amount")
    if wanted is None:
        return None
    price = world.find("price", wanted, "pricing[price]")
    if price["recurring"] is not None:
        raise invalid(
            "The price specified is set to `type=recurring`; only one-time prices fit.", None, "pricing[price]"
        )
    return price


@route("invoiceitems.retrieve", "GET", "/v1/invoiceitems/{invoiceitem}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("invoiceitem", call.id)


@route("invoiceitems.update", "POST", "/v1/invoiceitems/{invoiceitem}", "description metadata")
def update(world: World, call: Call) -> Json:
    item = world.find("invoiceitem", call.id)
    assign(item, call.params, "description")
    return item


@route("invoiceitems.delete", "DELETE", "/v1/invoiceitems/{invoiceitem}")
def delete(world: World, call: Call) -> Json:
    """One that waits for an invoice."""
    item = world.find("invoiceitem", call.id)
    if item["invoice"] is not None:
        raise invalid("This invoice item is on an invoice and can no longer be deleted.")
    world.tell("invoiceitem.deleted", item)
    del world.all("invoiceitem")[item["id"]]
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


@route("invoiceitems.list", "GET", "/v1/invoiceitems", PAGING + "customer invoice pending")
def listed(world: World, call: Call) -> Json:
    waits = call.params.get("pending")
    kept = (
        item
        for item in world.all("invoiceitem").values()
        if all(call.params.get(field, item[field]) == item[field] for field in ("customer", "invoice"))
        and (waits is None or (item["invoice"] is None) == waits)
    )
    return page(kept, call.params, "/v1/invoiceitems")


@route(
    "invoices.create",
    "POST",
    "/v1/invoices",
    "auto_advance collection_method currency customer days_until_due default_payment_method description metadata "
    "pending_invoice_items_behavior",
)
def create_invoice(world: World, call: Call) -> Json:
    """A draft that bills no subscription, with the customer's waiting items where they are to be included."""
    params = call.params
    customer = world.find("customer", params.get("customer", ""), "customer")
    currency = currency_of({"currency": customer["currency"] or "usd", **params})
    included = params.get("pending_invoice_items_behavior", "exclude") == "include"
    method = params.get("collection_method", "charge_automatically")
    if method == "send_invoice" and "days_until_due" not in params:
        raise invalid("If `collection_method` is `send_invoice`, `days_until_due` must be set.", None, "days_until_due")
    items = invoice_items.pending(world, customer, currency) if included else []
    metadata = merged_metadata({}, params.get("metadata", {}))
    terms = invoices.Terms("manual", method, params.get("days_until_due"), metadata, currency=currency)
    invoice = invoices.draft(world, customer, [invoice_items.line_of(world, item) for item in items], terms)
    for item in items:
        item["invoice"] = invoice["id"]
    assign(
        invoice,
        {key: params[key] for key in ("default_payment_method", "description") if key in params},
        "default_payment_method description",
    )
    invoice["auto_advance"] = params.get("auto_advance", False)
    return invoice
