"""Invoices: lines, totals, the customer's credit, and what an invoice becomes when it is paid or not."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from local.stripe.errors import invalid
from local.stripe.objects import Json, blank, list_of
from local.stripe.rules import credit, discounts, invoice_items, invoice_rows, payments, taxes
from local.stripe.rules.calendar import DAY
from local.stripe.rules.invoice_rows import Line
from local.stripe.world import World

__all__ = ["Line", "Terms", "draft", "finalize", "issue", "subscription_of"]


@dataclass(frozen=True)
class Terms:
    """How an invoice is to be paid. `reason` is Stripe's `billing_reason`."""

    reason: str
    method: str = "charge_automatically"
    days_until_due: int | None = None
    metadata: Json | None = None
    discounts: tuple[Json, ...] = ()
    currency: str | None = None
    automatic_tax: bool = False


def issue(world: World, subscription: Json, reason: str, lines: list[Line]) -> Json:
    """Make, number and finalize an invoice of a subscription; it is paid at once where nothing is due.

    A negative total is kept as the customer's credit, and credit is used before the card.
    """
    return finalize(world, draft_of(world, subscription, reason, lines))


def draft_of(world: World, subscription: Json, reason: str, lines: list[Line]) -> Json:
    """An invoice of the subscription that may still change."""
    customer = world.find("customer", subscription["customer"])
    terms = Terms(reason, subscription["collection_method"], subscription["days_until_due"])
    waiting = invoice_items.pending(world, customer, subscription["currency"])
    billed = [*lines, *(invoice_items.line_of(world, item) for item in waiting)]
    invoice = draft(world, customer, billed, terms, subscription=subscription)
    for item in waiting:
        item["invoice"] = invoice["id"]
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def draft(world: World, customer: Json, lines: list[Line], terms: Terms, *, subscription: Json | None = None) -> Json:
    """An invoice that may still change, told as created. Discounts that count once are used up by it."""
    invoice = world.add(composed(world, customer, lines, terms, subscription=subscription))
    discounts.used(world, subscription)
    world.tell("invoice.created", invoice)
    return invoice


def add_item(world: World, invoice: Json, item: Json) -> None:
    """Put an item on a draft."""
    row = invoice_rows.row(invoice, None, invoice_items.line_of(world, item), [])
    with world.updating("invoice.updated", invoice):
        invoice["lines"]["data"].append(row)
        for field in ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"):
            invoice[field] += item["amount"]
        invoice["currency"] = item["currency"]
        _owe(invoice, world.find("customer", invoice["customer"]))
    item["invoice"] = invoice["id"]


def composed(world: World, customer: Json, lines: list[Line], terms: Terms, *, subscription: Json | None) -> Json:
    """An invoice of these lines as if it were made now. Nothing is kept, changed or told."""
    made = blank("invoice", created=world.now())
    currency = lines[0].price["currency"] if lines else terms.currency or customer["currency"] or "usd"
    given = [*discounts.of_subscription(world, subscription), *terms.discounts]
    off = discounts.amounts(world, given, lines)
    rows = [invoice_rows.row(made, subscription, line, taken) for line, taken in zip(lines, off, strict=True)]
    subtotal = sum(line.amount for line in lines)
    taken = [
        {
            "amount": sum(each["amount"] for each in itertools.chain(*off) if each["discount"] == discount["id"]),
            "discount": discount["id"],
        }
        for discount in given
    ]
    total = subtotal - sum(each["amount"] for each in taken)
    taxed = terms.automatic_tax or (subscription is not None and subscription["automatic_tax"]["enabled"])
    country = taxes.country_of(customer)
    if taxed and country is not None:
        for row in rows:
            row["taxes"] = [
                taxes.of_line(row["amount"] - sum(each["amount"] for each in row["discount_amounts"]), country)
            ]
    tax = sum(each["amount"] for row in rows for each in row["taxes"] or [])
    days = terms.days_until_due
    made.update(
        account_country="US",
        automatic_tax={**taxes.told(country, enabled=taxed), "disabled_reason": None},
        amount_overpaid=0,
        amount_paid_off_stripe=0,
        auto_advance=True,
        billing_reason=terms.reason,
        collection_method=terms.method,
        currency=currency,
        customer=customer["id"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        customer_tax_exempt="none",
        discounts=[discount["id"] for discount in given],
        due_date=world.now() + days * DAY if terms.method == "send_invoice" and days is not None else None,
        effective_at=None,
        lines=list_of(rows, f"/v1/invoices/{made['id']}/lines"),
        metadata=dict(terms.metadata or {}),
        parent=_parent(subscription),
        period_end=max((line.end for line in lines), default=world.now()),
        period_start=min((line.start for line in lines), default=world.now()),
        status="draft",
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal,
        total=total + tax,
        total_discount_amounts=taken,
        total_excluding_tax=total,
        total_taxes=[{**taxes.of_line(total, country), "amount": tax}] if tax else [],
    )
    _owe(made, customer)
    return made


def _owe(invoice: Json, customer: Json) -> None:
    """What is due of the total after the customer's credit, or with what the customer owes."""
    credited = credit.usable(customer, invoice["currency"])
    due = max(0, invoice["total"] + credited)
    invoice.update(amount_due=due, amount_remaining=due, starting_balance=credited)


def _parent(subscription: Json | None) -> Json | None:
    if subscription is None:
        return None
    details = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]}
    return {"type": "subscription_details", "quote_details": None, "subscription_details": details}


def subscription_of(world: World, invoice: Json) -> Json | None:
    """The subscription that the invoice bills; None for one that was made on its own."""
    parent = invoice["parent"]
    return world.find("subscription", parent["subscription_details"]["subscription"]) if parent is not None else None


def of_subscription(world: World, subscription: Json) -> list[Json]:
    """Every invoice of the subscription, oldest first."""
    return [
        invoice
        for invoice in world.all("invoice").values()
        if invoice["parent"] is not None
        and invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]
    ]


def finalize(world: World, invoice: Json, *, paid_by: Json | None = None) -> Json:
    """Number the invoice and ask for what is due; where nothing is, it is paid.

    `paid_by`: the payment that has paid it already, whatever credit the customer has.
    """
    customer = world.find("customer", invoice["customer"])
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = number + 1
    if paid_by is None:
        _owe(invoice, customer)
    else:
        invoice.update(amount_due=paid_by["amount"], amount_remaining=paid_by["amount"], starting_balance=0)
    starting, due = invoice["starting_balance"], invoice["amount_due"]
    ending = 0 if paid_by is not None else min(0, invoice["total"] + starting)
    invoice.update(
        effective_at=world.now(),
        ending_balance=ending,
        hosted_invoice_url=f"{world.base_url}/invoice/{invoice['id']}",
        invoice_pdf=f"{world.base_url}/invoice/{invoice['id']}/pdf",
        number=f"{customer['invoice_prefix']}-{number:04d}",
        status="open",
    )
    invoice["status_transitions"]["finalized_at"] = world.now()
    if ending != starting:
        moved = (ending - starting, "applied_to_invoice")
        credit.move(world, customer, *moved, currency=invoice["currency"], invoice=invoice["id"])
    if due > 0:
        _expect_payment(world, invoice, customer, paid_by)
    world.tell("invoice.finalized", invoice)
    if due == 0 or paid_by is not None:
        settle(world, invoice, paid=due)
    elif invoice["collection_method"] == "send_invoice":
        world.tell("invoice.sent", invoice)
    return invoice


def _expect_payment(world: World, invoice: Json, customer: Json, paid_by: Json | None) -> None:
    first = invoice["billing_reason"] == "subscription_create"
    intent = paid_by or payments.new_intent(
        world,
        invoice["amount_due"],
        invoice["currency"],
        customer["id"],
        description=_DESCRIPTIONS.get(invoice["billing_reason"], "Payment for Invoice"),
        setup_future_usage="off_session" if first else None,
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
    _paid(world, invoice, paid)
    payment = payment_of(world, invoice)
    if payment is not None:
        invoice["attempt_count"] += 1
        payment.update(status="paid", amount_paid=paid)
        payment["status_transitions"]["paid_at"] = world.now()
        world.tell("invoice_payment.paid", payment)
    world.tell("invoice.paid", invoice)
    world.tell("invoice.payment_succeeded", invoice)


def settle_out_of_band(world: World, invoice: Json) -> None:
    """The money came by another way than Stripe; what Stripe would have charged is called off."""
    _call_payment_off(world, invoice)
    _paid(world, invoice, invoice["amount_due"])
    invoice["amount_paid_off_stripe"] = invoice["amount_due"]
    world.tell("invoice.paid", invoice)


def _paid(world: World, invoice: Json, paid: int) -> None:
    invoice.update(
        status="paid",
        amount_paid=paid,
        amount_remaining=0,
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
    )
    invoice["status_transitions"]["paid_at"] = world.now()


def void(world: World, invoice: Json) -> None:
    """Nothing more will be asked for this invoice; its payment is called off and the credit it took given back."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(
            f"You can only pass in open invoices. This invoice isn't open: its status is {invoice['status']}."
        )
    invoice.update(status="void", auto_advance=False, next_payment_attempt=None)
    invoice["status_transitions"]["voided_at"] = world.now()
    _call_payment_off(world, invoice)
    taken = invoice["ending_balance"] - invoice["starting_balance"]
    customer = world.all("customer").get(invoice["customer"])
    if taken and customer is not None:
        back = (-taken, "unapplied_from_invoice")
        credit.move(world, customer, *back, currency=invoice["currency"], invoice=invoice["id"])
    world.tell("invoice.voided", invoice)


def _call_payment_off(world: World, invoice: Json) -> None:
    payment = payment_of(world, invoice)
    if payment is None:
        return
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = world.now()
    intent = intent_of(world, invoice)
    intent.update(status="canceled", canceled_at=world.now(), cancellation_reason="void_invoice", next_action=None)
    world.tell("payment_intent.canceled", intent)


def mark_uncollectible(world: World, invoice: Json) -> None:
    """Nobody expects the money any more; it may still be paid or voided."""
    if invoice["status"] not in ("open", "draft"):
        raise invalid(f"This invoice is {invoice['status']}: only open or draft ones are marked uncollectible.")
    invoice.update(status="uncollectible", auto_advance=False, next_payment_attempt=None)
    invoice["status_transitions"]["marked_uncollectible_at"] = world.now()
    world.tell("invoice.marked_uncollectible", invoice)
