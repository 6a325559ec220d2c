"""The log of deliveries, a delivery sent again, and a test message."""

from __future__ import annotations

import uuid
from typing import Annotated, Final

from pydantic import Field

from aerostack_billing.notifications.making import test_event, test_notice
from aerostack_billing.notifications.models import NOTICE_KEY, NOTICE_PREFIX, Channel, Notice
from aerostack_billing.notifications.preferences import NoWebhook, email_off
from aerostack_billing.notifications.store import NoticeStore, Raced, SettingsStore
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import Conflict, InvalidRequest, NotFound
from aerostack_billing.values.fields import RequestModel
from aerostack_billing.values.paging import limit_of, packed, unpacked

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100


class DeliveryName(RequestModel):
    """The path of one delivery."""

    delivery_id: Annotated[str, Field(min_length=1, max_length=256)]


class TestRequest(RequestModel):
    """Body of `POST /api/billing/notifications/test`."""

    __test__ = False
    channel: Channel


class DeliveryNotFound(NotFound):
    """The account has no such delivery; one is kept for 30 days."""

    code = "DELIVERY_NOT_FOUND"


class DeliveryUnderWay(Conflict):
    """The delivery waits for its next attempt, or one is being made."""

    code = "DELIVERY_UNDER_WAY"


class NoEmail(Conflict):
    """The account names no address that is sent mail."""

    code = "NO_EMAIL"


class Deliveries:
    """What became of the account's notices. `mail`: whether this stack sends mail."""

    def __init__(self, settings: SettingsStore, notices: NoticeStore, *, mail: bool) -> None:
        self._settings = settings
        self._notices = notices
        self._mail = mail

    def list(self, account_id: str, limit: str | None, cursor: str | None) -> dict[str, object]:
        """A page of deliveries, the newest event first. InvalidRequest (422) for a wrong limit or cursor."""
        most = limit_of(limit, DEFAULT_LIMIT, MAX_LIMIT)
        before = None
        if cursor:
            before = _item_of(cursor)
            if before is None:
                raise InvalidRequest("cursor must be the next_cursor of an earlier answer.", {"cursor": "malformed"})
        found = self._notices.newest(account_id, most + 1, before)
        more = _id_of(found[most - 1]) if len(found) > most else None
        return {"deliveries": [_view(notice) for notice in found[:most]], "next_cursor": more}

    def resend(self, account_id: str, delivery_id: str) -> dict[str, object]:
        """Send a delivery that is over once more, under the same id, to whom it went.

        DeliveryNotFound (404), DeliveryUnderWay (409), RateLimitExceeded (429).
        """
        item = _item_of(delivery_id)
        _, found = self._notices.look(account_id, [item]) if item else (None, [])
        if not found:
            raise DeliveryNotFound("There is no such delivery.", {"delivery_id": "unknown"})
        (notice,) = found
        if notice.is_under_way:
            raise _under_way()
        self._notices.count_act(account_id)
        try:
            (after,) = self._notices.write([(notice, notice.once_more())])
        except Raced as raced:
            raise _under_way() from raced
        return _view(after)

    def test(self, account_id: str, request: TestRequest) -> dict[str, object]:
        """Send a test message to the webhook, or to each address. NoWebhook, NoEmail, EmailOff (409), 429."""
        settings = self._settings.get(account_id)
        recipients: tuple[str, ...] = ("",)
        if request.channel == "webhook" and settings.webhook_url is None:
            raise NoWebhook("Set a webhook_url first.")
        if request.channel == "email":
            if not self._mail:
                raise email_off()
            recipients = settings.told
            if not recipients:
                raise NoEmail("Name an address first, one that is not muted.")
        self._notices.count_act(account_id)
        event = test_event(account_id, f"test_{uuid.uuid4().hex}")
        made = [test_notice(event, request.channel, recipient) for recipient in recipients]
        for notice in made:
            self._notices.make(notice)
        return {"deliveries": [_view(notice) for notice in made]}


def _under_way() -> DeliveryUnderWay:
    return DeliveryUnderWay("The delivery is under way. Look again in a minute.")


def _id_of(notice: Notice) -> str:
    """The key of a notice, fit for a path."""
    return packed(notice.item.removeprefix(NOTICE_PREFIX))


def _item_of(delivery_id: str) -> str | None:
    try:
        item = NOTICE_PREFIX + unpacked(delivery_id)
    except ValueError:
        return None
    return item if NOTICE_KEY.fullmatch(item) else None


def _view(notice: Notice) -> dict[str, object]:
    return {
        "id": _id_of(notice),
        "event_id": notice.event_id,
        "type": notice.type,
        "channel": notice.channel,
        "recipient": notice.recipient or None,
        "state": notice.state,
        "attempts": notice.attempts,
        "status_code": notice.status_code,
        "error": notice.error,
        "occurred_at": notice.occurred_at,
        "last_attempt_at": clock.iso(notice.last_attempt_at),
        "next_attempt_at": clock.iso(notice.agenda_at) if notice.state == "waiting" else None,
        "sent_at": clock.iso(notice.sent_at),
    }
