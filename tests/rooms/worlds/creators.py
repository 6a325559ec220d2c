"""Creators in the tests' hands: called, onboarded, paid, refunded."""

from __future__ import annotations

from typing import Any

import stripe

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.wallet.requests import RefundRequest
from tests.rooms.worlds.deposits import hear_all
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import charge

RETURN = "https://app.aerostack.dev/creators"


def call(parts: Runtime, account: str, creator: str, cents: object, key: str) -> dict[str, Any]:
    return charge(parts, account, cents, key, kind="tool_call", creator_id=creator)


def refund(parts: Runtime, account: str, charge_id: str, key: str = "r", reason: str | None = None) -> dict[str, Any]:
    request = RefundRequest(account_id=account, idempotency_key=key, reason=reason)
    return parts.wallet.refunds.refund(charge_id, request).body


def onboard(parts: Runtime, world: StripeWorld, creator: str) -> None:
    url = parts.creators.accounts.onboard(creator, OnboardRequest(return_url=RETURN, refresh_url=RETURN))
    assert world.submit(url)[0] == 303
    hear_all(parts, world)


def shown(parts: Runtime, creator: str) -> dict[str, Any]:
    return parts.creators.statement.view(creator)


def transfers(world: StripeWorld) -> list[dict[str, Any]]:
    """Every transfer at Stripe, oldest first."""
    return list(reversed(world.api("transfers?limit=100")["data"]))


def no_violations(parts: Runtime, *accounts: str) -> None:
    for each in accounts:
        assert parts.audit.service.run(each).violations == ()


def reverse(world: StripeWorld, transfer_id: str, cents: int | None = None) -> None:
    client = stripe.StripeClient("sk_test_local", base_addresses={"api": world.base})
    client.v1.transfers.reversals.create(transfer_id, {"amount": cents} if cents else {})
