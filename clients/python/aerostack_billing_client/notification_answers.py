"""What the routes of notifications answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted:
    """An address that is sent nothing more: it bounced, or complained."""

    email: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """Whom the account tells of what. `webhook_secret` is set in the answer to the request that made it alone."""

    emails: tuple[str, ...]
    webhook_url: str | None
    balance_low_cents: int | None
    events: tuple[str, ...]
    muted: tuple[Muted, ...]
    webhook_secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecret:
    """A new secret, shown once. The one before signs too until `previous_signs_until`."""

    webhook_secret: str
    previous_signs_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one recipient, and what became of it. `recipient` is None for the webhook."""

    id: str
    event_id: str
    type: str
    channel: str
    recipient: str | None
    state: str
    attempts: int
    status_code: int | None
    error: str | None
    occurred_at: datetime
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """A page of deliveries; `next_cursor` leads to the next one."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The deliveries of a test message."""

    deliveries: tuple[Delivery, ...]
