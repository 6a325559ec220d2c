"""What lies between the bus and who reads a notice: queues, Amazon SES with what it tells, a receiver of webhooks."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.notifications.dispatch import Parcel
from aerostack_billing.notifications.making import is_of_ses
from aerostack_billing.notifications.ses import tracking_of
from aerostack_billing.notifications.targets import Target
from aerostack_billing.values.errors import BillingError
from local.gateway.messages import HttpResponse
from local.mail.ses import SEND_PATH, LocalSes, Sent, What
from tests.simulation.faults import LETTERS, SES, WEB, Answer, Call, Crash

if TYPE_CHECKING:
    from tests.simulation.world import World

MAIL_FROM, CONFIGURATION_SET = "billing@example.com", "billing"
_WAITS = (0, 400, 400, 1_000, 4_000, 400)
"""In which seconds what broke off is tried again, and is sent."""
_from_wire = TypeDeserializer()


@dataclass
class Mailed:
    """A mail that SES took: the events it tells, as they were claimed in the table right then."""

    sent: Sent
    account: str
    events: tuple[str, ...]
    to_the_muted: bool
    """Whether its address was muted when it was sent."""
    untold: bool
    """Whether nobody hears of SES that it was sent."""


@dataclass
class Kept:
    """All that there is of it, for a picture of the world."""

    mails: list[Mailed] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)
    parcels: list[tuple[str, str]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    """SES's events that wait on the queue."""
    made: set[int] = field(default_factory=set)
    """Which of the messages of the bus were taken, by their number."""
    since: dict[tuple[str, str], float | None] = field(default_factory=dict)
    """From when on each recipient of an account is to be told of all; None once it is muted. "" is the webhook."""


class Post:
    """Carries notices. Handing to a queue, to SES or to a receiver are calls that may break."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ses = LocalSes(MAIL_FROM, CONFIGURATION_SET, world.time.unix)
        self._ses.told = self._tells
        self.kept = Kept()

    # What the layer calls

    def send_message_batch(self, **params: Any) -> Answer:  # noqa: ANN401 - boto3's parameters
        bodies = [(params["QueueUrl"], entry["MessageBody"]) for entry in params["Entries"]]
        call = Call(LETTERS, "send_message_batch", "notices", writes=True)

        def put() -> Answer:
            self.kept.parcels += bodies
            return {"Successful": params["Entries"]}

        return self._world.calls.through(call, put, bodies)

    def send_email(self, **params: Any) -> Answer:  # noqa: ANN401 - boto3's parameters
        call = Call(SES, "send_email", "ses", writes=True)
        return self._world.calls.through(call, lambda: self._mail(params), params["Destination"])

    def deliver(self, _target: Target, headers: Mapping[str, str], _body: bytes) -> int:
        """The receiver's status."""
        call = Call(WEB, "POST", "webhook", writes=True)

        def receive() -> int:
            self.kept.posted.append(headers["webhook-id"])
            return 200

        status: int = self._world.calls.through(call, receive, headers["webhook-id"])
        return status

    # What production does

    def minute(self) -> None:
        """What a minute brings. What breaks off stays where it is, and comes again."""
        self._world.fire("events")
        self.take_in()
        self._world.fire("notices")
        for parcel in list(self.kept.parcels):
            if self._done(lambda parts, p=parcel: _hand_over(parts, *p)):  # type: ignore[misc]
                self.kept.parcels.remove(parcel)
        self.take_in()

    def take_in(self) -> None:
        """The queue that notices are made from delivers: the bus's events, and SES's."""
        for number, detail in enumerate(self._world.bus.put):
            body = json.dumps({"source": "aerostack.billing", "detail-type": detail["type"], "detail": detail})
            if number not in self.kept.made and self._done(lambda parts, b=body: _take(parts, b)):  # type: ignore[misc]
                self.kept.made.add(number)
        for body in list(self.kept.heard):
            if self._done(lambda parts, b=body: _take(parts, b)):  # type: ignore[misc]
                self.kept.heard.remove(body)

    def go_on(self) -> None:
        """All that is still to be sent is, where an account names somebody."""
        for wait in _WAITS if self.kept.since else ():
            self._world.later(wait)
            self.minute()

    def until(self, address: str, number: int) -> None:
        """Minutes pass until the address was sent so many mails, however much breaks."""
        for wait in (*_WAITS, *_WAITS):
            self.minute()
            if len(self.to(address)) >= number:
                return
            self._world.later(wait or 60)
        raise AssertionError(f"{address} has {len(self.to(address))} mails, and not {number}")

    def to(self, address: str) -> list[Mailed]:
        """What an address was sent."""
        return [mailed for mailed in self.kept.mails if mailed.sent.recipient == address]

    def play(self, address: str, what: What) -> None:
        """Let the newest mail to an address bounce, or its reader complain; SES's event is delivered twice."""
        newest = self.to(address)[-1]
        self._ses.play(newest.sent, what)
        self.kept.heard += self.kept.heard[-1:]
        if what != "transient_bounce":
            self.kept.since[newest.account, address] = None
        for _ in range(2):
            self.take_in()

    def back_to(self, kept: Kept) -> None:
        """Hold what was kept then."""
        self.kept = copy.deepcopy(kept)

    def _done(self, act: Callable[[Runtime], object]) -> bool:
        try:
            self._world._run(act)
        except (Crash, BillingError):
            return False
        return True

    def _mail(self, params: Mapping[str, Any]) -> Answer:
        tracking = tracking_of({tag["Name"]: [tag["Value"]] for tag in params["EmailTags"]})
        (address,) = params["Destination"]["ToAddresses"]
        page = self._world.client.scan(TableName=self._world.tables["NotificationsTable"], ConsistentRead=True)
        rows = [{name: _from_wire.deserialize(value) for name, value in item.items()} for item in page["Items"]]
        mine = [row for row in rows if row["account_id"] == tracking.account_id]
        claimed = [r for r in mine if (r.get("claim"), r.get("state")) == (tracking.claim, "sending")]
        muted = any(address.casefold() in row.get("muted", {}) for row in mine if row["item"] == "settings")
        answer = self._ses.answer("POST", SEND_PATH, json.dumps(params).encode())
        if answer.status != 200:
            raise _refused(answer)
        events = tuple(str(row["event_id"]) for row in claimed if row["recipient"] == address)
        newest = self._ses.newest_first()[0]
        self.kept.mails.append(Mailed(newest, tracking.account_id, events, muted, self._world.events_lost))
        return json.loads(answer.body)

    def _tells(self, event: Mapping[str, Any]) -> None:
        """An event of SES's. Where webhooks are lost, its word that a mail was sent is lost too."""
        if not (self._world.events_lost and event["detail"]["eventType"] == "Send"):
            self.kept.heard.append(json.dumps(event))


def _take(parts: Runtime, body: str) -> object:
    """As the function `make_notices`."""
    return (parts.notifications.mail_events if is_of_ses(body) else parts.notifications.making).take(body)


def _hand_over(parts: Runtime, channel: str, body: str) -> None:
    """As the functions `send_mail` and `send_webhook`."""
    sender = parts.notifications.mail_sender if channel == "email" else parts.notifications.webhook_sender
    sender.run(Parcel.of(body))


def _refused(answer: HttpResponse) -> ClientError:
    code, status = dict(answer.headers)["x-amzn-ErrorType"], {"HTTPStatusCode": answer.status}
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": status}, "SendEmail")  # type: ignore[typeddict-item]
