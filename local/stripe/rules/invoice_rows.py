"""The lines of an invoice."""

from __future__ import annotations

from dataclasses import dataclass

from local.stripe.objects import Json, blank


@dataclass(frozen=True)
class Line:
    """One line before it is on an invoice: signed cents for a price over a period (unix seconds).

    `item` is the subscription's item, or None for what is billed on its own; `invoice_item` names the latter.
    """

    item: Json | None
    price: Json
    amount: int
    start: int
    end: int
    description: str
    proration: bool = False
    quantity: int = 1
    invoice_item: str | None = None


def row(invoice: Json, subscription: Json | None, line: Line, taken: list[Json]) -> Json:
    """The line as Stripe shows it. `taken`: what each discount takes off it."""
    owner = subscription["id"] if subscription is not None else None
    return blank(
        "line_item",
        amount=line.amount,
        currency=line.price["currency"],
        description=line.description,
        discount_amounts=taken,
        invoice=invoice["id"],
        metadata=dict(subscription["metadata"]) if subscription is not None else {},
        parent=_parent(owner, line),
        period={"start": line.start, "end": line.end},
        pricing=_pricing(line),
        quantity=line.quantity,
        subscription=owner,
        subtotal=line.amount,
        taxes=[],
    )


def _pricing(line: Line) -> Json | None:
    """The price of the line; None for an amount that has none."""
    if line.price["id"] is None:
        return None
    return {
        "type": "price_details",
        "price_details": {"price": line.price["id"], "product": line.price["product"]},
        "unit_amount_decimal": line.price["unit_amount_decimal"],
    }


def _parent(subscription: str | None, line: Line) -> Json:
    details = {
        "proration": line.proration,
        "proration_details": {"credited_items": None},
        "subscription": subscription,
        "invoice_item": line.invoice_item,
    }
    if line.item is None:
        return {
            "type": "invoice_item_details",
            "invoice_item_details": details,
            "subscription_item_details": None,
        }
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {**details, "subscription_item": line.item["id"]},
    }
