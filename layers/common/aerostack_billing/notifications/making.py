"""Events from the bus, made into notices: one for each event and webhook, however often the event comes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from aerostack_billing.notifications.events import TEST, is_told
from aerostack_billing.notifications.models import KEPT_SECONDS, Notice
from aerostack_billing.notifications.store import NoticeStore, SettingsStore
from aerostack_billing.platform import clock

OLDEST_SECONDS: Final = KEPT_SECONDS - 86_400
"""An event that is older is told to nobody: whether it was told before is not known any more."""


class MakingListener(Protocol):
    """Watches events that can never be told."""

    def event_not_told(self, event_id: str, reason: str) -> None:
        """Called for an event that is malformed, or too old to tell."""


@dataclass(frozen=True)
class Event:
    """A domain event as the bus hands it on."""

    event_id: str
    type: str
    account_id: str
    occurred_at: str
    data: Mapping[str, object]
    detail: str

    @classmethod
    def of(cls, body: str) -> Event:
        """The event in a message of EventBridge's. ValueError for what is none."""
        try:
            detail = json.loads(body)["detail"]
            texts = [detail[name] for name in ("id", "type", "account_id", "occurred_at")]
            data = detail["data"]
        except (KeyError, TypeError) as error:
            raise ValueError("no domain event") from error
        if not all(isinstance(text, str) for text in texts) or not isinstance(data, dict):
            raise ValueError("no domain event")
        event_id, kind, account_id, occurred_at = texts
        datetime.fromisoformat(occurred_at)
        return cls(event_id, kind, account_id, occurred_at, data, json.dumps(detail, separators=(",", ":")))

    @property
    def age_seconds(self) -> float:
        """How long ago it happened."""
        return clock.unix() - datetime.fromisoformat(self.occurred_at).timestamp()


class Making:
    """Makes notices."""

    def __init__(self, settings: SettingsStore, notices: NoticeStore, listener: MakingListener) -> None:
        self._settings = settings
        self._notices = notices
        self._listener = listener

    def take(self, body: str) -> int:
        """Make the notice that the event in a message asks for; how many are new. Safe to repeat.

        What is no event, or too old, is reported and asks for none.
        """
        try:
            event = Event.of(body)
        except ValueError:
            self._listener.event_not_told("unknown", "malformed")
            return 0
        if event.age_seconds > OLDEST_SECONDS:
            self._listener.event_not_told(event.event_id, "too old")
            return 0
        settings = self._settings.get(event.account_id)
        if settings.webhook_url is None or not is_told(event.type, event.data, frozenset(settings.events)):
            return 0
        return int(self._notices.make(notice_of(event)))


def test_event(account_id: str, event_id: str) -> Event:
    """The event of a test message."""
    occurred_at = clock.iso_now()
    detail = {
        "schema_version": 1,
        "id": event_id,
        "type": TEST,
        "occurred_at": occurred_at,
        "account_id": account_id,
        "data": {"message": "This is a test. Nothing happened to the account."},
    }
    text = json.dumps(detail, separators=(",", ":"))
    return Event(event_id, TEST, account_id, occurred_at, {}, text)


def notice_of(event: Event) -> Notice:
    """The event's notice for the account's webhook, due at once."""
    now = clock.seconds()
    return Notice(
        account_id=event.account_id,
        event_id=event.event_id,
        type=event.type,
        occurred_at=event.occurred_at,
        channel="webhook",
        detail=event.detail,
        created_at=now,
        agenda_at=now,
    )
