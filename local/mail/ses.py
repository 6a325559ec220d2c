"""Amazon SES as far as it is put to use here: SendEmail of version 2, what it refuses, and what it tells afterwards."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, cast, get_args

from local.clock import iso
from local.gateway.messages import HttpResponse, json_response
from local.template.loader import Value
from local.values import ACCOUNT_ID, REGION

SEND_PATH: Final = "/v2/email/outbound-emails"
_KEPT = 1_000
_ADDRESS = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Fault = Literal["throttled", "rejected", "500_before", "500_after"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
"""What SES can be told to do with the next mail; `500_after` is an error whose mail was sent all the same."""

_BEFORE: Final[Mapping[str, tuple[int, str, str]]] = {
    "throttled": (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    "rejected": (400, "BadRequestException", "Local address contains control or whitespace"),
    "500_before": (500, "InternalFailure", "Nothing was sent."),
}

What = Literal["bounce", "transient_bounce", "complaint"]
OUTCOMES: tuple[What, ...] = get_args(What)
SIMULATED: Final[Mapping[str, What]] = {
    "bounce@simulator.amazonses.com": "bounce",
    "complaint@simulator.amazonses.com": "complaint",
}
"""SES's mailbox simulator: addresses that do so by themselves."""


@dataclass(frozen=True)
class Sent:
    """A mail that was sent."""

    message_id: str
    sent_at: float
    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    configuration_set: str
    events: list[str] = field(default_factory=list)

    def view(self) -> dict[str, Value]:
        """As the door shows it."""
        return {
            "id": self.message_id,
            "sent_at": iso(self.sent_at),
            "from": self.sender,
            "to": self.recipient,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "headers": dict(self.headers),
            "events": list(self.events),
        }


class LocalSes:
    """Keeps what it is sent, the newest 1,000; tells the events of it to `told`, as EventBridge would hand them on."""

    def __init__(self, sender: str, configuration_set: str, clock: Callable[[], float]) -> None:
        self._sender = sender
        self._configuration_set = configuration_set
        self._clock = clock
        self._kept: deque[Sent] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self.faults: list[Fault] = []
        self.told: Callable[[Mapping[str, Value]], None] = lambda _event: None

    def newest_first(self) -> list[Sent]:
        """What was sent."""
        with self._lock:
            return list(reversed(self._kept))

    def answer(self, method: str, path: str, body: bytes) -> HttpResponse:
        """A call of the API: SendEmail alone is served."""
        if (method, path) != ("POST", SEND_PATH):
            return _refusal(501, "NotImplemented", f"{method} {path} is not served locally")
        fault = self.faults.pop(0) if self.faults else None
        refused = _BEFORE.get(fault or "")
        if refused is not None:
            return _refusal(*refused)
        found = self._read(json.loads(body))
        if isinstance(found, HttpResponse):
            return found
        with self._lock:
            self._kept.append(found)
        self.tell(found, "Send", "Email Sent", {"send": {}})
        simulated = SIMULATED.get(found.recipient)
        if simulated is not None:
            self.play(found, simulated)
        if fault == "500_after":
            return _refusal(500, "InternalFailure", "The mail was sent.")
        return json_response(200, {"MessageId": found.message_id})

    def play(self, sent: Sent, what: What) -> None:
        """Let a mail bounce, or its reader complain."""
        if what == "complaint":
            about: dict[str, Value] = {"complainedRecipients": [{"emailAddress": sent.recipient}]}
            self.tell(sent, "Complaint", "Email Complaint Received", {"complaint": about})
            return
        about = {
            "bounceType": "Permanent" if what == "bounce" else "Transient",
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": sent.recipient, "action": "failed", "status": "5.1.1"}],
        }
        self.tell(sent, "Bounce", "Email Bounced", {"bounce": about})

    def tell(self, sent: Sent, kind: str, detail_type: str, about: Mapping[str, Value]) -> None:
        """Put one event about a mail on the account's default bus."""
        tags: dict[str, Value] = {name: [value] for name, value in sent.tags.items()}
        mail: Value = {
            "timestamp": iso(sent.sent_at),
            "source": sent.sender,
            "sendingAccountId": ACCOUNT_ID,
            "messageId": sent.message_id,
            "destination": [sent.recipient],
            "tags": {"ses:configuration-set": [sent.configuration_set], **tags},
        }
        sent.events.append(kind)
        self.told(
            {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": detail_type,
                "source": "aws.ses",
                "account": ACCOUNT_ID,
                "time": iso(self._clock()),
                "region": REGION,
                "resources": [],
                "detail": {"eventType": kind, **about, "mail": mail},
            }
        )

    def _read(self, asked: Mapping[str, Value]) -> Sent | HttpResponse:
        """The mail of a request, or what SES answers to one that is wrong."""
        sender, configuration_set = str(asked.get("FromEmailAddress")), str(asked.get("ConfigurationSetName"))
        to = cast("dict[str, list[str]]", asked.get("Destination", {})).get("ToAddresses", [])
        simple = cast("dict[str, Value]", asked.get("Content", {})).get("Simple", {})
        content = cast("dict[str, dict[str, Value]]", simple)
        headers = cast("list[dict[str, str]]", content.get("Headers", []))
        tags = {tag["Name"]: tag["Value"] for tag in cast("list[dict[str, str]]", asked.get("EmailTags", []))}
        if sender != self._sender:
            return _refusal(400, "MessageRejected", f"Email address is not verified: {sender}")
        if configuration_set != self._configuration_set:
            return _refusal(404, "NotFoundException", f"Configuration set <{configuration_set}> does not exist.")
        if len(to) != 1 or not _ADDRESS.fullmatch(to[0]):
            return _refusal(400, "BadRequestException", "Illegal address")
        if not all(_TAG.fullmatch(text) for tag in tags.items() for text in tag):
            return _refusal(400, "BadRequestException", "Tags take letters, digits, dashes and underscores.")
        subject = _data(content["Subject"])
        if any(_CONTROL.search(text) for text in (subject, *(header["Value"] for header in headers))):
            return _refusal(400, "BadRequestException", "A header contains control characters.")
        body = cast("dict[str, dict[str, Value]]", content["Body"])
        return Sent(
            message_id=f"{uuid.uuid4().hex}-000000",
            sent_at=self._clock(),
            sender=sender,
            recipient=to[0],
            subject=subject,
            text=_data(body["Text"]),
            html=_data(body["Html"]),
            headers={header["Name"]: header["Value"] for header in headers},
            tags=tags,
            configuration_set=configuration_set,
        )


def _data(part: Mapping[str, Value]) -> str:
    return str(part["Data"])


def _refusal(status: int, kind: str, text: str) -> HttpResponse:
    return json_response(status, {"message": text}, (("x-amzn-ErrorType", kind),))
