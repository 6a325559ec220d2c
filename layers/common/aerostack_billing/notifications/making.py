"""Events from the bus, made into notices: one for each event and recipient, however often the event comes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from aerostack_billing.notifications.events import TEST, is_told
from aerostack_billing.notifications.models import KEPT_SECONDS, Channel, Notice, Settings, digest
from aerostack_billing.notifications.store import NoticeStore, SettingsStore
from aerostack_billing.platform import clock

OLDEST_SECONDS: Final = KEPT_SECONDS - 86_400
"""An event that is older is told to nobody: whether it was told before is not known any more."""
FOLDING_SECONDS: Final = 300
"""Notices by mail are due once in so many seconds: what an account is told of in between is one mail of each kind."""
FOLDING_LEAST_SECONDS: Final = 60
"""How long a mail waits at least, so that what a storm begins with does not go alone."""


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
    """Makes notices. `mail`: whether this stack sends mail."""

    def __init__(self, settings: SettingsStore, notices: NoticeStore, listener: MakingListener, *, mail: bool) -> None:
        self._settings = settings
        self._notices = notices
        self._listener = listener
        self._mail = mail

    def take(self, body: str) -> int:
        """Make the notices that the event in a message asks for; how many are new. Safe to repeat.

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
        if not is_told(event.type, event.data, frozenset(settings.events)):
            return 0
        return sum(map(self._notices.make, self._notices_of(event, settings)))

    def _notices_of(self, event: Event, settings: Settings) -> Iterator[Notice]:
        if settings.webhook_url is not None:
            yield _notice(event, "webhook", "", clock.seconds())
        if self._mail:
            for address in settings.told:
                yield _notice(event, "email", address, mail_due_at(event.account_id, clock.seconds()))


def is_of_ses(body: str) -> bool:
    """Whether a message of EventBridge's is one of SES's: only AWS itself can put an event on a bus as `aws.ses`."""
    try:
        event = json.loads(body)
    except ValueError:
        return False
    return isinstance(event, dict) and event.get("source") == "aws.ses"


def mail_due_at(account_id: str, now: int) -> int:
    """When what happens now is mailed: the account's next moment, FOLDING_LEAST_SECONDS from now at the earliest.

    The moments are FOLDING_SECONDS apart, and each account has its own, so that a month's begin is no storm at SES.
    """
    own = int(digest(account_id), 16) % FOLDING_SECONDS
    earliest = now + FOLDING_LEAST_SECONDS
    return earliest + (own - earliest) % FOLDING_SECONDS


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


def test_notice(event: Event, channel: Channel, recipient: str) -> Notice:
    """The notice of a test message: due at once."""
    return _notice(event, channel, recipient, clock.seconds())


def _notice(event: Event, channel: Channel, recipient: str, due_at: int) -> Notice:
    return Notice(
        account_id=event.account_id,
        event_id=event.event_id,
        type=event.type,
        occurred_at=event.occurred_at,
        channel=channel,
        recipient=recipient,
        detail=event.detail,
        created_at=clock.seconds(),
        agenda_at=due_at,
    )
