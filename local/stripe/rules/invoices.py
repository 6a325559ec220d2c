"""Invoices: lines, totals, the customer's credit, and what an invoice becomes when it is paid or not."""

from __future__ import annotations

from dataclasses import dataclass

from local.stripe.errors import invalid
from local.stripe.objects import Json, blank, list_of
from local.stripe.rules import payments
from local.stripe.world import World


@dataclass(frozen=True)
class Line:
    """One line before it is on an invoice: signed cents for a price over a period (unix seconds)."""

    item: Json
    price: Json
    amount: int
    start: int
    end: int
    description: str
    proration: bool = False
    quantity: int = 1


def issue(world: World, subscription: Json, reason: str, lines: list[Line]) -> Json:
    """Make, number and finalize an invoice of the lines; it is paid at once where nothing is due.

    A negative total is kept as the customer's credit, and credit is used before the card.
    """
    customer = world.find("customer", subscription["customer"])
    total = sum(line.amount for line in lines)
    invoice = world.make("invoice", amount_paid_off_stripe=0, amount_overpaid=0)
    rows = [_row(invoice, subscription, line) for line in lines]
    due = max(0, total + customer["balance"])
    invoice.update(
        account_country="US",
        amount_due=due,
        amount_remaining=due,
        auto_advance=True,
        billing_reason=reason,
        customer=customer["id"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        customer_tax_exempt="none",
        effective_at=None,
        lines=list_of(rows, f"/v1/invoices/{invoice['id']}/lines"),
        parent={
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
        },
        period_start=min(line.start for line in lines),
        period_end=max(line.end for line in lines),
        starting_balance=customer["balance"],
        status="draft",
        subtotal=total,
        subtotal_excluding_tax=total,
        total=total,
        total_excluding_tax=total,
    )
    subscription["latest_invoice"] = invoice["id"]
    world.tell("invoice.created", invoice)
    _finalize(world, invoice, customer)
    return invoice


def _row(invoice: Json, subscription: Json, line: Line) -> Json:
    return blank(
        "line_item",
        amount=line.amount,
        description=line.description,
        invoice=invoice["id"],
        metadata=dict(subscription["metadata"]),
        parent={
            "type": "subscription_item_details",
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": line.proration,
                "proration_details": {"credited_items": None},
                "subscription": subscription["id"],
                "subscription_item": line.item["id"],
            },
        },
        period={"start": line.start, "end": line.end},
        pricing={
            "type": "price_details",
            "price_details": {"price": line.price["id"], "product": line.price["product"]},
            "unit_amount_decimal": line.price["unit_amount_decimal"],
        },
        quantity=line.quantity,
        subscription=subscription["id"],
        subtotal=line.amount,
        taxes=[],
    )


def _finalize(world: World, invoice: Json, customer: Json) -> None:
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = number + 1
    invoice.update(
        status="open",
        number=f"{customer['invoice_prefix']}-{number:04d}",
        effective_at=world.now(),
        ending_balance=min(0, invoice["total"] + customer["balance"]),
    )
    invoice["status_transitions"]["finalized_at"] = world.now()
    if customer["balance"] != invoice["ending_balance"]:
        with world.updating("customer.updated", customer):
            customer["balance"] = invoice["ending_balance"]
    if invoice["amount_due"] > 0:
        _expect_payment(world, invoice, customer)
    world.tell("invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        settle(world, invoice, paid=0)


def _expect_payment(world: World, invoice: Json, customer: Json) -> None:
    intent = payments.new_intent(
        world,
        invoice["amount_due"],
        invoice["currency"],
        customer["id"],
        description=_DESCRIPTIONS.get(invoice["billing_reason"], "Payment for Invoice"),
        setup_future_usage="off_session" if invoice["billing_reason"] == "subscription_create" else None,
        _invoice=invoice["id"],
    )
    world.make(
        "invoice_payment",
        amount_requested=invoice["amount_due"],
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=True,
        payment={"type": "payment_intent", "payment_intent": intent["id"]},
        status="open",
        status_transitions={"canceled_at": None, "paid_at": None},
    )
    invoice["hosted_invoice_url"] = f"{world.base_url}/action/{intent['id']}"


_DESCRIPTIONS = {
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription update",
    "subscription_update": "Subscription update",
}


def payment_of(world: World, invoice: Json) -> Json | None:
    """The invoice's payment record, or None where nothing was due."""
    return next((made for made in world.all("invoice_payment").values() if made["invoice"] == invoice["id"]), None)


def intent_of(world: World, invoice: Json) -> Json:
    """The payment intent that pays the invoice."""
    payment = payment_of(world, invoice)
    if payment is None:
        raise invalid("This invoice has nothing to pay.")
    return world.find("payment_intent", payment["payment"]["payment_intent"])


def settle(world: World, invoice: Json, paid: int) -> None:
    """The invoice is paid, by so many cents of money."""
    invoice.update(
        status="paid",
        amount_paid=paid,
        amount_remaining=0,
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
    )
    invoice["status_transitions"]["paid_at"] = world.now()
    payment = payment_of(world, invoice)
    if payment is not None:
        invoice["attempt_count"] += 1
        payment.update(status="paid", amount_paid=paid)
        payment["status_transitions"]["paid_at"] = world.now()
        world.tell("invoice_payment.paid", payment)
    world.tell("invoice.paid", invoice)
    world.tell("invoice.payment_succeeded", invoice)


def void(world: World, invoice: Json) -> None:
    """Nothing more will be asked for this invoice; its payment intent is canceled with it."""
    invoice.update(status="void", auto_advance=False, next_payment_attempt=None)
    invoice["status_transitions"]["voided_at"] = world.now()
    payment = payment_of(world, invoice)
    if payment is not None:
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = world.now()
        intent = intent_of(world, invoice)
        intent.update(status="canceled", canceled_at=world.now(), cancellation_reason="void_invoice", next_action=None)
        world.tell("payment_intent.canceled", intent)
    world.tell("invoice.voided", invoice)
