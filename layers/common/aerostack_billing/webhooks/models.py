"""A Stripe event as it arrives, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aerostack_billing.payments.wire import Wire

Result = Literal["processed", "ignored", "dead", "duplicate"]


class EventData(Wire):
    """What the event is about; read further by whoever handles the type."""

    previous_attributes: dict[str, object] | None = None
    object: dict[str, object]


class Event(Wire):
    """The envelope of an event."""

    id: str
    type: str
    created: int
    data: EventData
    account: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of an event, and the account it was about."""

    event_id: str
    event_type: str
    result: Result
    account_id: str | None = None


@dataclass(frozen=True)
class Record:
    """What is kept of an event: what became of it, and when it came."""

    event_id: str
    event_type: str
    result: str
    received_at: str
    account_id: str | None = None
