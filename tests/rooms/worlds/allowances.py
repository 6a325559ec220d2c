"""Holds that are drawn down and extended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.ledger.keys import Done
from aerostack_billing.values.fields import validated
from aerostack_billing.wallet.requests import CaptureRequest, ExtendRequest

Item = Mapping[str, object]


def drawing(parts: Runtime, account: str, hold_id: str, *items: object, key: str = "d", final: bool = False) -> Done:
    """A capture of items: amounts, or items with more to them."""
    asked = [item if isinstance(item, Mapping) else {"amount_cents": item} for item in items]
    body = {"account_id": account, "idempotency_key": key, "items": asked, "final": final}
    return parts.wallet.allowances.capture(hold_id, validated(CaptureRequest, body))


def drawn(
    parts: Runtime, account: str, hold_id: str, *items: object, key: str = "d", final: bool = False
) -> dict[str, Any]:
    body: dict[str, Any] = drawing(parts, account, hold_id, *items, key=key, final=final).body
    return body


def extended(
    parts: Runtime, account: str, hold_id: str, add: object = 0, ttl: int = 900, key: str = "e"
) -> dict[str, Any]:
    body = {"account_id": account, "ttl_seconds": ttl, "add_cents": add, "idempotency_key": key}
    return parts.wallet.allowances.extend(hold_id, validated(ExtendRequest, body)).body
