"""A domain event, and the record of it that waits to be sent.

A record holds the text that will be sent, so that what was written by one version of the code is sent as it was meant
by the next.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aerostack_billing.platform import clock, correlation

SCHEMA_VERSION: Final = 1
"""Of the details of all types. A field may be added under the same number; anything else makes a new one."""


@dataclass(frozen=True)
class DomainEvent:
    """Something that happened to an account: of which type, and its facts. No card, no address, no link, no secret.

    `occasion` tells it from others of its type and account: the version that the change made, or the threshold.
    """

    type: str
    account_id: str
    occasion: str
    data: Mapping[str, object]
    occurred_at: str = field(default_factory=clock.iso_now)

    @property
    def event_id(self) -> str:
        """The same however often it is sent: consumers dedupe by it."""
        named = "\0".join((self.type, self.account_id, self.occasion, self.occurred_at))
        return f"evt_{hashlib.sha256(named.encode()).hexdigest()[:32]}"

    def detail(self) -> str:
        """The event's detail as JSON, under the correlation id of the request that is at work."""
        return json.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "id": self.event_id,
                "type": self.type,
                "occurred_at": self.occurred_at,
                "account_id": self.account_id,
                "correlation_id": correlation.current(),
                "data": self.data,
            },
            separators=(",", ":"),
        )


@dataclass(frozen=True)
class Record:
    """Domain events that waits in the outbox."""

    lane: str
    queued: str
    event_id: str
    type: str
    occurred_at: str
    detail: str
