"""What is billed on its own: on an invoice that is named, or on the customer's next one."""

from __future__ import annotations

from local.stripe.objects import Json
from local.stripe.rules.invoice_rows import Line
from local.stripe.world import World


def pending(world: World, customer: Json, currency: str) -> list[Json]:
    """The customer's items in this currency that wait for an invoice, oldest first."""
    return [
        item
        for item in world.all("invoiceitem").values()
        if item["customer"] == customer["id"] and item["invoice"] is None and item["currency"] == currency
    ]


def line_of(world: World, item: Json) -> Line:
    """The item as a line of an invoice."""
    pricing = item["pricing"]
    price: Json = {"id": None, "currency": item["currency"]}
    if pricing is not None:
        price = world.find("price", pricing["price_details"]["price"])
    return Line(
        item=None,
        price=price,
        amount=item["amount"],
        start=item["period"]["start"],
        end=item["period"]["end"],
        description=item["description"] or "",
        quantity=item["quantity"],
        invoice_item=item["id"],
    )
