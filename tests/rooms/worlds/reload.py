"""Auto-reload in the tests' hands: its settings, its card, its state and its payments at Stripe."""

from __future__ import annotations

import uuid
from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.fields import validated
from aerostack_billing.wallet.models import view_reload
from aerostack_billing.wallet.requests import AutoReloadRequest
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import charge


def configure(parts: Runtime, account: str, **settings: object) -> dict[str, object]:
    body = {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000, **settings}
    return view_reload(parts.reload.settings.save(account, validated(AutoReloadRequest, body)).reload)


def state(parts: Runtime, account: str) -> str:
    return parts.wallet.store.get(account).reload.state


def shown(parts: Runtime, account: str) -> dict[str, Any]:
    return view_reload(parts.wallet.store.get(account).reload)


def payments(world: StripeWorld) -> list[dict[str, Any]]:
    """Every reload's payment at Stripe, oldest first."""
    found = world.api("payment_intents?limit=100")["data"]
    return [payment for payment in reversed(found) if payment["metadata"].get("kind") == "reload"]


def use_card(parts: Runtime, world: StripeWorld, account: str, card: str, **form: str) -> None:
    portal = parts.accounts.subscriptions.portal(account, "https://app.aerostack.dev/")
    status, _ = world.submit(portal, action="update_card", card=card, **form)
    assert status == 303


def spend_to_400(parts: Runtime, account: str) -> None:
    charge(parts, account, 2_100, str(uuid.uuid4()))
