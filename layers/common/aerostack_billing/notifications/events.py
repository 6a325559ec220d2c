"""Which domain events are told, to whoever asks for them, and which of them a notice would repeat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

EventType = Literal[
    "usage.forecast",
    "usage.limit_near",
    "usage.grace_entered",
    "usage.blocked",
    "balance.low",
    "budget.alert",
    "budget.reached",
    "reload.failed",
    "reload.suspended",
    "reload.action_required",
    "spending.unusual",
    "card.expiring",
    "payment.past_due",
    "plan.changed",
    "payout.paid",
    "payout.failed",
    "payout.bank_refused",
    "tool.changed",
]
"""The types that an account may ask for: the bus carries more."""

TEST: Final = "notification.test"
"""The type of a test message, which no event of the bus has."""

TYPES: Final[tuple[EventType, ...]] = get_args(EventType)
AHEAD: Final = frozenset({"usage.forecast", "card.expiring"})
"""What is looked for ahead of time, once a day, for the accounts that ask for it and for no other."""

_BY_NAME: Final = frozenset({"usage.forecast", "usage.limit_near", "tool.changed"})
DEFAULT: Final[tuple[EventType, ...]] = tuple(name for name in TYPES if name not in _BY_NAME)
"""What an account asks for that has not chosen: whatever stops something, costs something or pays something."""


def is_told(event_type: str, data: Mapping[str, object], wanted: frozenset[str]) -> bool:
    """Whether an event is to be told to whoever asked for the types `wanted`.

    A plan that only became past due is told by `payment.past_due`, where that is asked for, and not a second time.
    """
    if event_type not in wanted:
        return False
    after = data.get("after")
    status = after.get("status") if isinstance(after, Mapping) else None
    repeats = event_type == "plan.changed" and data.get("changed") == ["status"] and status == "past_due"
    return not (repeats and "payment.past_due" in wanted)
