"""Notifications without a queue or a network: what was put on the queues, who was posted to, and who dies when."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.notifications.composing import Composer
from aerostack_billing.notifications.dispatch import Dispatch, Parcel
from aerostack_billing.notifications.hooks import WebhookSender
from aerostack_billing.notifications.mail import Mail
from aerostack_billing.notifications.mail_events import MailEvents
from aerostack_billing.notifications.mailing import MailSender
from aerostack_billing.notifications.making import Making
from aerostack_billing.notifications.models import Channel, Notice, NotificationsRequest
from aerostack_billing.notifications.preferences import Preferences
from aerostack_billing.notifications.ses import tags_of
from aerostack_billing.notifications.targets import Target, Targets
from aerostack_billing.platform import clock
from aerostack_billing.platform.config import Settings
from aerostack_billing.platform.dynamo import Dynamo
from aerostack_billing.values.fields import validated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

URL = "https://hooks.example.com/billing"
PUBLIC = Targets(loopback=False, resolve=lambda _host, _port: ["93.184.216.34"])


class Died(BaseException):
    """The process ends here."""


@dataclass
class Queued:
    """What was put on the queues of the senders for these accounts: other tests' notices may be due as well."""

    accounts: set[str]
    parcels: dict[Channel, list[Parcel]] = field(default_factory=lambda: {"email": [], "webhook": []})

    def send(self, channel: Channel, parcels: Iterator[Parcel]) -> None:
        sent = (Parcel.of(parcel.body()) for parcel in parcels)
        self.parcels[channel] += [parcel for parcel in sent if parcel.account_id in self.accounts]


@dataclass
class Receiver:
    """A receiver of webhooks, which answers with a status, or as it is told."""

    status: int = 200
    seen: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    instead: Callable[[], int] | None = None

    def post(self, _target: Target, headers: Mapping[str, str], body: bytes) -> int:
        if self.instead is not None:
            return self.instead()
        self.seen.append((headers, body))
        return self.status

    @property
    def ids(self) -> list[str]:
        """The ids of the messages, in their order."""
        return [headers["webhook-id"] for headers, _ in self.seen]


@dataclass
class PostBox:
    """A carrier of mail, which takes each, or does as it is told."""

    sent: list[Mail] = field(default_factory=list)
    instead: Callable[[], None] | None = None
    after: Callable[[], None] | None = None

    def send(self, mail: Mail) -> None:
        if self.instead is not None:
            self.instead()
        self.sent.append(mail)
        if self.after is not None:
            self.after()


@dataclass
class Watcher:
    """What was told to the log."""

    sent: list[Notice] = field(default_factory=list)
    failed: list[Notice] = field(default_factory=list)
    untold: list[tuple[str, str]] = field(default_factory=list)
    muted: list[tuple[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def notice_sent(self, notice: Notice) -> None:
        self.sent.append(notice)

    def notice_failed(self, notice: Notice) -> None:
        self.failed.append(notice)

    def event_not_told(self, event_id: str, reason: str) -> None:
        self.untold.append((event_id, reason))

    def address_muted(self, account_id: str, reason: str) -> None:
        self.muted.append((account_id, reason))

    def mail_event_refused(self, reason: str) -> None:
        self.refused.append(reason)


@dataclass
class Desk:
    """The room at work for one account."""

    parts: Runtime
    account: str
    queued: Queued
    mail: bool = True
    receiver: Receiver = field(default_factory=Receiver)
    post_box: PostBox = field(default_factory=PostBox)
    watcher: Watcher = field(default_factory=Watcher)

    def choose(self, **given: object) -> dict[str, Any]:
        """Set whom to tell: by default a webhook, of what a test needs."""
        wanted = {"emails": [], "events": ["balance.low", "usage.blocked"], "webhook_url": URL, **given}
        notifications = self.parts.notifications
        preferences = Preferences(
            notifications.settings, self.parts.wallet.store, PUBLIC, notifications.outlooks, mail=self.mail
        )
        return preferences.put(self.account, validated(NotificationsRequest, wanted))

    def take(self, *bodies: str) -> int:
        """Let the bus deliver messages; how many notices are new."""
        notifications = self.parts.notifications
        making = Making(notifications.settings, notifications.notices, self.watcher, mail=self.mail)
        return sum(map(making.take, bodies))

    def dispatch(self) -> None:
        """One run of the minute."""
        Dispatch(self.parts.notifications.notices, self.queued).run()  # type: ignore[arg-type]

    def send_webhooks(self) -> None:
        """Let the sender take all that waits for it."""
        sender = WebhookSender(self.parts.notifications.notices, PUBLIC, self.watcher, self.receiver.post)
        while self.queued.parcels["webhook"]:
            sender.run(self.queued.parcels["webhook"].pop(0))

    def send_mail(self) -> None:
        """Let the sender take all that waits for it."""
        compose = Composer("https://billing.example.com/").compose
        sender = MailSender(self.parts.notifications.notices, compose, self.post_box, self.watcher)
        while self.queued.parcels["email"]:
            sender.run(self.queued.parcels["email"].pop(0))

    def hear(self, body: str) -> None:
        """Let SES tell something."""
        notifications = self.parts.notifications
        preferences = Preferences(
            notifications.settings, self.parts.wallet.store, PUBLIC, notifications.outlooks, mail=self.mail
        )
        MailEvents(preferences, notifications.notices, self.watcher).take(body)

    def round(self) -> None:
        """What a minute brings."""
        self.dispatch()
        self.send_webhooks()
        self.send_mail()

    def notices(self) -> list[Notice]:
        """All notices of the account, the newest event first."""
        return self.parts.notifications.notices.newest(self.account, 100)


def message(account: str, event_id: str = "evt_1", kind: str = "balance.low", **data: object) -> str:
    """A message of the bus."""
    detail = {
        "schema_version": 1,
        "id": event_id,
        "type": kind,
        "occurred_at": clock.iso_now(),
        "account_id": account,
        "correlation_id": None,
        "data": {"balance_cents": 399, "threshold_cents": 500, "auto_reload_enabled": False, **data},
    }
    return json.dumps({"source": "aerostack.billing", "detail-type": kind, "detail": detail})


def ses_event(mail: Mail, kind: str = "Send", bounce: str = "Permanent") -> str:
    """What SES tells of a mail, as the bus hands it on."""
    recipients = [{"emailAddress": mail.recipient}]
    about = {
        "Send": {"send": {}},
        "Bounce": {"bounce": {"bounceType": bounce, "bouncedRecipients": recipients}},
        "Complaint": {"complaint": {"complainedRecipients": recipients}},
    }.get(kind, {})
    tags = {name: [value] for name, value in tags_of(mail.tracking).items()}
    detail = {"eventType": kind, **about, "mail": {"destination": [mail.recipient], "tags": tags}}
    return json.dumps({"source": "aws.ses", "detail": detail})


class Striking:
    """A client of DynamoDB under which the process dies at the call of that number, before it or right after."""

    def __init__(self, client: DynamoDBClient, at: int, *, after: bool) -> None:
        self._client = client
        self._at = at
        self._after = after
        self.calls = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._client, name)

        def call(**params: Any) -> Any:  # noqa: ANN401 - whatever the operation takes
            self.calls += 1
            if self.calls == self._at and not self._after:
                raise Died
            answer = operation(**params)
            if self.calls == self._at:
                raise Died
            return answer

        return operation if name == "close" else call


def mortal(client: DynamoDBClient, environment: dict[str, str], at: int, *, after: bool) -> Runtime:
    """The rooms of a process that dies at its call of that number."""
    parts = Runtime(Settings(environment))
    parts.dynamo = Dynamo(Striking(client, at, after=after))  # type: ignore[arg-type]
    return parts
