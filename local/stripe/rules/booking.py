"""The invoice that a Checkout session in payment mode leaves, where it was made to leave one."""

from __future__ import annotations

from local.stripe.objects import Json, new_id
from local.stripe.rules import invoices
from local.stripe.rules.invoice_rows import Line
from local.stripe.world import World


def book(world: World, session: Json, intent: Json) -> None:
    """Leave a paid invoice of what was bought; the payment is the session's own."""
    wanted = session["invoice_creation"]
    customer = world.all("customer").get(session["customer"])
    if wanted is None or not wanted["enabled"] or customer is None:
        return
    now = world.now()
    lines = [
        Line(
            item=None,
            price=world.find("price", item["price"]["id"]),
            amount=item["amount_subtotal"],
            start=now,
            end=now,
            description=item["description"],
            quantity=item["quantity"],
            invoice_item=new_id("invoiceitem"),
        )
        for item in session["_line_items"]
    ]
    redeemed = (
        discount for discount in world.all("discount").values() if discount["checkout_session"] == session["id"]
    )
    data = wanted["invoice_data"]
    terms = invoices.Terms(
        "manual",
        metadata=data["metadata"] or {},
        discounts=tuple(redeemed),
        automatic_tax=session["automatic_tax"]["enabled"],
    )
    invoice = invoices.draft(world, customer, lines, terms)
    invoice.update(description=data["description"], footer=data["footer"])
    invoices.finalize(world, invoice, paid_by=intent)
    session["invoice"] = invoice["id"]
