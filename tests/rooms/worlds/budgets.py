"""Budgets as their owner sets them, and what is done under them."""

from __future__ import annotations

from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.fields import validated
from aerostack_billing.wallet.requests import BudgetName, BudgetRequest, CaptureRequest, RefundRequest

AGENT = {"agent": "a"}


def put(
    parts: Runtime, account: str, limit: object, value: str = "a", label: str = "agent", **more: object
) -> dict[str, Any]:
    request = validated(BudgetRequest, {"limit_cents": limit, "window": "day", **more})
    return parts.wallet.budgets.put(account, BudgetName(label=label, value=value), request)


def stands(parts: Runtime, account: str, value: str = "a", label: str = "agent") -> dict[str, Any]:
    return parts.wallet.budgets.get(account, BudgetName(label=label, value=value))


def spent(parts: Runtime, account: str, value: str = "a", label: str = "agent") -> tuple[object, object]:
    shown = stands(parts, account, value, label)
    return shown["spent_cents"], shown["held_cents"]


def capture(
    parts: Runtime, account: str, hold_id: str, amount: object, key: str = "c", **more: object
) -> dict[str, Any]:
    body = {"account_id": account, "amount_cents": amount, "idempotency_key": key, **more}
    return parts.wallet.holds.capture(hold_id, validated(CaptureRequest, body)).body


def refund(parts: Runtime, account: str, charge_id: str) -> None:
    parts.wallet.refunds.refund(charge_id, RefundRequest(account_id=account, idempotency_key=f"r{charge_id}"))
