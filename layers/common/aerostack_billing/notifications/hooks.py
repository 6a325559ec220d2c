"""Webhooks out: one notice, one signed message, one attempt; what fails waits for the next."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from aerostack_billing.notifications import signing
from aerostack_billing.notifications.dispatch import Parcel
from aerostack_billing.notifications.models import Notice, Settings
from aerostack_billing.notifications.outward import Undelivered, post
from aerostack_billing.notifications.store import NoticeStore, Raced
from aerostack_billing.notifications.targets import Target, TargetRefused, Targets
from aerostack_billing.platform import clock

CLAIMED_SECONDS: Final = 120
"""For how long an attempt is nobody else's: longer than one takes. One that broke off is made again, with the same id,
by which the receiver tells a repetition."""
_GONE = 410

Post = Callable[[Target, Mapping[str, str], bytes], int]


class SendingListener(Protocol):
    """Watches that notices are sent."""

    def notice_sent(self, notice: Notice) -> None:
        """Called for a notice that its recipient's server took."""

    def notice_failed(self, notice: Notice) -> None:
        """Called for a failed attempt: the notice waits for the next, or is dead."""


class WebhookSender:
    """Sends notices to the webhooks of their accounts."""

    def __init__(self, notices: NoticeStore, targets: Targets, listener: SendingListener, send: Post = post) -> None:
        self._notices = notices
        self._targets = targets
        self._listener = listener
        self._send = send

    def run(self, parcel: Parcel) -> None:
        """Make one attempt for each notice of the parcel that is nobody else's. Safe to repeat.

        At least once: an attempt whose outcome was not stored is made again after CLAIMED_SECONDS.
        """
        settings, notices = self._notices.look(parcel.account_id, parcel.items)
        for notice in notices:
            if not notice.can_be_claimed(CLAIMED_SECONDS):
                continue
            try:
                self._attempt(settings, notice)
            except Raced:
                continue

    def _attempt(self, settings: Settings, notice: Notice) -> None:
        if settings.webhook_url is None:
            self._notices.write([(notice, notice.skipped("the webhook was taken away"))])
            return
        claimed = notice.claimed(secrets.token_hex(8), CLAIMED_SECONDS)
        (claimed,) = self._notices.write([(notice, claimed)])
        after = self._outcome(settings, claimed, settings.webhook_url)
        self._notices.write([(claimed, after)])
        if after.state == "sent":
            self._listener.notice_sent(after)
        else:
            self._listener.notice_failed(after)

    def _outcome(self, settings: Settings, notice: Notice, url: str) -> Notice:
        body = payload(notice)
        signed = signing.headers(settings.signing, notice.event_id, clock.seconds(), body)
        try:
            status = self._send(self._targets.check(url), signed, body)
        except (Undelivered, TargetRefused) as error:
            return notice.failed(str(error))
        if 200 <= status < 300:
            return notice.delivered(status)
        if status == _GONE:
            return notice.failed("the receiver says that it is gone", status, for_good=True)
        redirected = "; redirects are not followed" if 300 <= status < 400 else ""
        return notice.failed(f"the receiver answered {status}{redirected}", status)


def payload(notice: Notice) -> bytes:
    """The body of a message: the event, with `type`, `timestamp` and `data` where Standard Webhooks has them."""
    event = json.loads(notice.detail)
    shown = {
        "type": event["type"],
        "timestamp": event["occurred_at"],
        "data": event["data"],
        "id": event["id"],
        "account_id": event["account_id"],
        "schema_version": event["schema_version"],
    }
    return json.dumps(shown, separators=(",", ":")).encode()
