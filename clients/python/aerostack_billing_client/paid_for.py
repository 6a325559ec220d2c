"""What a charge or a hold is for, as its request's body says it."""

from __future__ import annotations

from collections.abc import Mapping

from aerostack_billing_client.asking import given
from aerostack_billing_client.money import Cents, written
from aerostack_billing_client.usage import TokenUsage


def price_of(
    amount_cents: Cents | None, usage: TokenUsage | None, labels: Mapping[str, str] | None, tool_id: str | None = None
) -> dict[str, object]:
    """What is to be paid, and for whom; ValueError unless it is exactly one of an amount, usage and a tool."""
    check_one_price(amount_cents, usage, tool_id)
    return given(
        amount_cents=None if amount_cents is None else written(amount_cents),
        usage=None if usage is None else usage.body(),
        tool_id=tool_id,
        labels=None if not labels else dict(labels),
    )


def check_one_price(amount_cents: Cents | None, usage: TokenUsage | None, tool_id: str | None) -> None:
    """Return if it is exactly one of an amount, usage and a tool; ValueError if not."""
    if sum(price is not None for price in (amount_cents, usage, tool_id)) != 1:
        raise ValueError("give exactly one of amount_cents, usage and, for a tool_call, tool_id")
