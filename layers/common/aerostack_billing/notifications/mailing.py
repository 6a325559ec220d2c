"""Notices by mail: those of one address and kind as one message, one attempt; what fails waits for the next."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from aerostack_billing.notifications.dispatch import Parcel
from aerostack_billing.notifications.hooks import SendingListener
from aerostack_billing.notifications.mail import Carrier, Mail, MailRefused, MailUnknown, Tracking
from aerostack_billing.notifications.making import mail_due_at
from aerostack_billing.notifications.models import RETRY_SECONDS, UNKNOWN_SECONDS, Notice, Settings
from aerostack_billing.notifications.store import NoticeStore, Raced, day_ends_at

CLAIMED_SECONDS: Final = UNKNOWN_SECONDS
"""For how long an attempt is nobody else's. One that broke off may have sent its mail: within this time SES tells."""

Compose = Callable[[Sequence[Notice], Tracking], Mail]


class MailSender:
    """Sends notices to the addresses of their accounts."""

    def __init__(self, notices: NoticeStore, compose: Compose, carrier: Carrier, listener: SendingListener) -> None:
        self._notices = notices
        self._compose = compose
        self._carrier = carrier
        self._listener = listener

    def run(self, parcel: Parcel) -> None:
        """Make one attempt for the notices of the parcel that are nobody else's. Safe to repeat.

        Those of one address and kind are one mail, and are claimed together before it is sent. Beyond MAILS_A_DAY they
        wait for the next day, and are one mail then. An attempt whose outcome
        was not stored is made again after CLAIMED_SECONDS, unless SES has told meanwhile that its mail was sent.
        """
        settings, notices = self._notices.look(parcel.account_id, parcel.items)
        mine = [n for n in notices if n.channel == "email" and n.can_be_claimed(CLAIMED_SECONDS)]
        for together in _by_mail(mine):
            try:
                self._attempt(settings, together)
            except Raced:
                continue

    def _attempt(self, settings: Settings, together: Sequence[Notice]) -> None:
        ended = [(notice, after) for notice in together if (after := _ended(settings, notice)) is not None]
        if ended:
            self._write(ended)
            together = [notice for notice in together if _ended(settings, notice) is None]
        if not together:
            return
        first = together[0]
        # What is tried again was counted; the many of a storm are told together on the next day.
        tried = any(notice.attempts for notice in together)
        if not tried and not self._notices.may_mail(first.account_id, first.recipient, first.type):
            until = mail_due_at(first.account_id, day_ends_at())
            self._notices.write([(notice, replace(notice, agenda_at=until)) for notice in together])
            return
        claim = secrets.token_hex(8)
        others = tuple(notice.item for notice in together[1:])
        claimed = [
            notice.claimed(claim, CLAIMED_SECONDS, others if number == 0 else ())
            for number, notice in enumerate(together)
        ]
        claimed = self._notices.write(list(zip(together, claimed, strict=True)))
        outcome = self._sent(claimed, Tracking(claimed[0].account_id, claimed[0].item, claim))
        self._write([(notice, outcome(notice)) for notice in claimed])

    def _sent(self, claimed: Sequence[Notice], tracking: Tracking) -> Callable[[Notice], Notice]:
        """Send one mail; what becomes of each of its notices."""
        try:
            self._carrier.send(self._compose(claimed, tracking))
        except MailRefused as refused:
            error, for_good = str(refused), refused.for_good
            return lambda notice: notice.failed(error, for_good=for_good)
        except MailUnknown as unknown:
            text = str(unknown)
            return lambda notice: notice.unknown(text)
        return lambda notice: notice.delivered()

    def _write(self, changes: Sequence[tuple[Notice, Notice]]) -> None:
        for after in self._notices.write(changes):
            if after.state == "sent":
                self._listener.notice_sent(after)
            elif after.state != "skipped":
                self._listener.notice_failed(after)


def _by_mail(notices: Iterable[Notice]) -> list[list[Notice]]:
    """Notices that are told together, in the order of their events."""
    mails: dict[tuple[str, str], list[Notice]] = {}
    for notice in notices:
        mails.setdefault((notice.recipient, notice.type), []).append(notice)
    return list(mails.values())


def _ended(settings: Settings, notice: Notice) -> Notice | None:
    """A notice that is not mailed any more: its address is told nothing, or a day of attempts is over."""
    if notice.recipient not in settings.emails:
        return notice.skipped("the address was taken away")
    if settings.mute_of(notice.recipient) is not None:
        return notice.skipped("the address is muted")
    if notice.attempts > len(RETRY_SECONDS):
        return notice.failed(notice.error or "each attempt broke off", for_good=True)
    return None
