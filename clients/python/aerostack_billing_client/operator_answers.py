"""What the route of operators answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """Something that happened to the account. Others wrote `text`, `reference` and `labels`.

    `correlation_id` is shared by all that one request, one run or one act of an operator made. `channel` is how a
    notice goes, `email` or `webhook`.
    """

    at: datetime
    kind: str
    type: str
    id: str
    state: str
    correlation_id: str | None
    by: str | None
    channel: str | None
    amount_cents: Decimal | None
    text: str | None
    reference: str | None
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A page of an account's timeline, newest first. It may be short, or empty, and still have a `next_cursor`."""

    account_id: str
    since: datetime
    entries: tuple[TimelineEntry, ...]
    next_cursor: str | None
    not_kept: tuple[str, ...]
