"""The customer's balance: credit (negative) that pays invoices before the card does, or money owed (positive)."""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.objects import Json
from local.stripe.world import World


def move(
    world: World,
    customer: Json,
    amount: int,
    kind: str,
    *,
    currency: str,
    invoice: str | None = None,
    description: str | None = None,
    metadata: Json | None = None,
) -> Json:
    """Change the balance by so many signed cents, and keep a line about it.

    A balance is in one currency; another is refused.
    """
    if customer["currency"] not in (None, currency):
        raise invalid(
            f"The customer's balance is in {customer['currency']}: it takes no amount in {currency}.", None, "currency"
        )
    with world.updating("customer.updated", customer):
        customer.update(balance=customer["balance"] + amount, currency=currency)
    return world.make(
        "customer_balance_transaction",
        amount=amount,
        currency=currency,
        customer=customer["id"],
        description=description,
        ending_balance=customer["balance"],
        invoice=invoice,
        metadata=metadata or {},
        type=kind,
    )


def usable(customer: Json, currency: str) -> int:
    """The balance as an invoice in this currency meets it, in signed cents."""
    return int(customer["balance"]) if customer["currency"] in (None, currency) else 0
