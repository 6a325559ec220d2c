"""Deposits by Stripe's pages, what its events tell of them, and what takes them back."""

from __future__ import annotations

from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.wallet.requests import DepositRequest
from tests.rooms.worlds.plans import LINKS, deliver
from tests.rooms.worlds.stripe import StripeWorld


def open_deposit(parts: Runtime, account: str, cents: int = 2_500, key: str | None = None) -> str:
    request = DepositRequest(amount_cents=cents, idempotency_key=key, **LINKS)
    return parts.wallet.deposits.open(account, request).url


def deposit(
    parts: Runtime, world: StripeWorld, account: str, cents: int = 2_500, card: str = "4242424242424242"
) -> str:
    """Deposit and come back from the page; the payment intent."""
    session_id = world.pay(open_deposit(parts, account, cents), card)
    parts.wallet.checkout_return.verify(account, session_id)
    return str(world.api(f"checkout/sessions/{session_id}")["payment_intent"])


def events(world: StripeWorld, *types: str) -> list[dict[str, Any]]:
    return [event for event in world.events() if event["type"] in types]


def refund(world: StripeWorld, payment_intent: str, amount: int | None = None) -> None:
    world.door("refunds", {"payment_intent": payment_intent, **({"amount": amount} if amount else {})})


def dispute(world: StripeWorld, payment_intent: str, status: str) -> None:
    world.door("disputes", {"payment_intent": payment_intent, "status": status})


def hear_all(parts: Runtime, world: StripeWorld) -> None:
    for event in world.events():
        deliver(parts, event)
