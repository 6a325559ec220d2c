"""What SES tells of a mail afterwards: it was sent, its mailbox refused it for good, its reader complained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from aerostack_billing.notifications.mail import Tracking
from aerostack_billing.notifications.models import NOTICE_PREFIX, MuteReason, Notice
from aerostack_billing.notifications.preferences import Preferences
from aerostack_billing.notifications.ses import tracking_of
from aerostack_billing.notifications.store import NoticeStore, Raced
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import StoreUnavailable

_ATTEMPTS = 4
_LONGEST_ACCOUNT = 256
_MUTED: Final[Mapping[str, MuteReason]] = {"bounced": "bounced", "complained": "complained"}

What = Literal["sent", "bounced", "complained", "nothing"]


class MailListener(Protocol):
    """Watches what SES tells."""

    def address_muted(self, account_id: str, reason: str) -> None:
        """Called for an address that is sent nothing more."""

    def mail_event_refused(self, reason: str) -> None:
        """Called for an event that could not be read."""


@dataclass(frozen=True)
class MailEvent:
    """One of SES's events. `nothing`: one that changes nothing, such as a mailbox that is full today."""

    what: What
    tracking: Tracking
    addresses: tuple[str, ...] = ()

    @classmethod
    def of(cls, body: str) -> MailEvent:
        """The event in a message of EventBridge's. ValueError for what is none of SES's about a notice."""
        try:
            detail = json.loads(body)["detail"]
            kind, tracking = detail["eventType"], tracking_of(detail["mail"]["tags"])
            if not 1 <= len(tracking.account_id) <= _LONGEST_ACCOUNT:
                raise ValueError("the account has no name that one has")
            if not tracking.item.startswith(NOTICE_PREFIX):
                raise ValueError("it is not about a notice")
            if kind == "Send":
                return cls("sent", tracking)
            if kind == "Bounce":
                permanent = detail["bounce"]["bounceType"] == "Permanent"
                found = _addresses(detail["bounce"]["bouncedRecipients"])
                return cls("bounced" if permanent else "nothing", tracking, found)
            if kind == "Complaint":
                return cls("complained", tracking, _addresses(detail["complaint"]["complainedRecipients"]))
        except (KeyError, TypeError) as error:
            raise ValueError("it is no event of SES's") from error
        raise ValueError("its type is not one that is listened to")


class MailEvents:
    """Takes SES's events."""

    def __init__(self, preferences: Preferences, notices: NoticeStore, listener: MailListener) -> None:
        self._preferences = preferences
        self._notices = notices
        self._listener = listener

    def take(self, body: str) -> None:
        """Store what an event tells; what cannot be read is reported and changes nothing. Safe to repeat.

        A mail that was sent marks its notices, so that an attempt whose answer was lost is not made again. An address
        that refused mail for good, or whose owner complained, is muted for the account.
        """
        try:
            event = MailEvent.of(body)
        except ValueError as error:
            self._listener.mail_event_refused(str(error))
            return
        reason = _MUTED.get(event.what)
        for address in event.addresses if reason else ():
            if reason and self._preferences.mute(event.tracking.account_id, address, reason):
                self._listener.address_muted(event.tracking.account_id, reason)
        if event.what == "sent":
            self._mark(event.tracking, _sent)
        elif event.what == "bounced":
            self._mark(event.tracking, _bounced)

    def _mark(self, tracking: Tracking, rule: Callable[[Notice], Notice]) -> None:
        """Write what `rule` makes of the notices that the attempt told, where they are still those of that attempt."""
        for _ in attempts(_ATTEMPTS):
            changes = [(notice, after) for notice in self._told_by(tracking) if (after := rule(notice)) is not notice]
            if not changes:
                return
            try:
                self._notices.write(changes)
            except Raced:
                continue
            return
        raise StoreUnavailable("The notices are being changed elsewhere.")

    def _told_by(self, tracking: Tracking) -> list[Notice]:
        _, found = self._notices.look(tracking.account_id, [tracking.item])
        folded = found[0].folded if found and found[0].claim == tracking.claim else ()
        if folded:
            _, found = self._notices.look(tracking.account_id, [tracking.item, *folded])
        return [notice for notice in found if notice.claim == tracking.claim]


def _sent(notice: Notice) -> Notice:
    return notice.delivered() if notice.is_under_way else notice


def _bounced(notice: Notice) -> Notice:
    return notice if notice.state == "dead" else notice.bounced()


def _addresses(recipients: object) -> tuple[str, ...]:
    if not isinstance(recipients, Sequence) or isinstance(recipients, str):
        raise TypeError("no recipients")
    found = tuple(each["emailAddress"] for each in recipients)
    if not all(isinstance(address, str) for address in found):
        raise TypeError("no addresses")
    return found
