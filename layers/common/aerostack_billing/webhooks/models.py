"""A Stripe event as it arrives, and what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import StringConstraints

from aerostack_billing.payments.wire import Wire

Result = Literal["processed", "ignored", "dead", "duplicate"]


class EventData(Wire):
    """What the event is about; read further by whoever handles the type."""

    previous_attributes: dict[str, object] | None = None
    object: dict[str, object]


_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


def is_event_id(text: str) -> bool:
    """Whether this can be the id of an event, and so the key of its record."""
    return _ID.fullmatch(text) is not None


EventId = Annotated[str, StringConstraints(pattern=f"^{_ID.pattern}$")]


class Named(Wire):
    """What is read first of an event: its type, which says whether the rest of it matters. The id may be any."""

    id: object = None
    type: Annotated[str, StringConstraints(max_length=255)]


class Event(Wire):
    """The envelope of an event."""

    id: EventId
    type: Annotated[str, StringConstraints(max_length=255)]
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
    correlation_id: str | None = None
    """Of the request or run that took it in; None on records from before it was kept."""
