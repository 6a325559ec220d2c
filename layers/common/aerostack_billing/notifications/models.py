"""What an account sets, and the notice of one event to one recipient."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from aerostack_billing.notifications.events import DEFAULT, EventType
from aerostack_billing.platform import clock
from aerostack_billing.values.fields import RequestModel

MOST_EMAILS: Final = 5
LONGEST_EMAIL: Final = 254
LONGEST_URL: Final = 2_000
MAX_LOW_CENTS: Final = 10_000_000

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP = r"[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
_EMAIL = re.compile(rf"(?=.{{1,{LONGEST_EMAIL}}}\Z)(?=[^@]{{1,64}}@){_LOCAL}@(?:{_LABEL}\.)+{_TOP}")
"""An address as RFC 5321 has it, without quotes and without an IP address for a domain: what SES takes."""


def _address(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError("must be an e-mail address such as billing@example.com")
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def _each_once(values: list[str]) -> list[str]:
    if len({value.casefold() for value in values}) < len(values):
        raise ValueError("must name each one once")
    return values


Email = Annotated[str, AfterValidator(_address), Field(max_length=LONGEST_EMAIL, examples=["billing@example.com"])]


class NotificationsRequest(RequestModel):
    """Body of `PUT /api/billing/notifications`: all of the settings. What is left out is off."""

    emails: Annotated[list[Email], AfterValidator(_each_once), Field(max_length=MOST_EMAILS)]
    events: Annotated[list[EventType], AfterValidator(_each_once)]
    webhook_url: Annotated[str, Field(max_length=LONGEST_URL, examples=["https://example.com/billing"])] | None = None
    balance_low_cents: Annotated[int, Field(ge=0, le=MAX_LOW_CENTS)] | None = None


MuteReason = Literal["bounced", "complained"]


@dataclass(frozen=True)
class Mute:
    """Why an address is sent nothing: its mailbox refuses mail for good, or its owner called ours spam."""

    reason: MuteReason
    since: int


@dataclass(frozen=True)
class Secret:
    """What webhooks are signed with; up to `until` where a newer one has taken its place."""

    text: str
    until: int | None = None


@dataclass(frozen=True)
class Settings:
    """Whom an account tells of what. `version` counts the writes; 0 is an account that never chose.

    `muted` is by address, in small letters, and may hold some that are on no list any more: a complaint is kept.
    """

    account_id: str
    version: int = 0
    emails: tuple[str, ...] = ()
    events: tuple[str, ...] = DEFAULT
    webhook_url: str | None = None
    secrets: tuple[Secret, ...] = ()
    muted: dict[str, Mute] = field(default_factory=dict)

    @property
    def signing(self) -> list[str]:
        """The secrets that webhooks are signed with now, the newest first."""
        now = clock.seconds()
        return [secret.text for secret in self.secrets if secret.until is None or secret.until > now]

    @property
    def told(self) -> tuple[str, ...]:
        """The addresses that are sent mail."""
        return tuple(address for address in self.emails if self.mute_of(address) is None)

    def mute_of(self, address: str) -> Mute | None:
        """Why an address is sent nothing, however it is spelled; None for one that is sent mail."""
        return self.muted.get(address.casefold())


def digest(text: str) -> str:
    """A short name for a recipient, from which it cannot be read."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


Channel = Literal["email", "webhook"]
State = Literal["waiting", "sending", "sent", "dead", "skipped"]
NOTICE_PREFIX: Final = "notice#"
NOTICE_KEY: Final = re.compile(
    rf"{NOTICE_PREFIX}[0-9TZ:.-]{{20,32}}#[A-Za-z0-9_]{{1,64}}#(webhook|email-[0-9a-f]{{16}})"
)
"""What a notice's key looks like: when its event occurred, the event, and the recipient."""
KEPT_SECONDS: Final = 30 * 86_400
"""How long a notice is kept, and with it the memory that its event was told."""
RETRY_SECONDS: Final = (60, 300, 1_800, 7_200, 18_000, 21_600, 36_000)
"""The pauses after each failed attempt: 23.6 hours together, as Standard Webhooks recommends a day."""


UNKNOWN_SECONDS: Final = 900
"""How long a mail whose outcome is unknown waits for SES to tell that it was sent, before it is sent again."""


@dataclass(frozen=True)
class Notice:
    """One event for one recipient. `recipient` is an address, or empty for the account's webhook.

    `agenda_at` is when somebody has to look at it again: None once it is `sent`, `dead` or `skipped`. `claim` is the
    attempt under way, and `folded` the other notices that the same mail tells. `detail` is the event, as JSON.
    """

    account_id: str
    event_id: str
    type: str
    occurred_at: str
    channel: Channel
    recipient: str
    detail: str
    created_at: int
    version: int = 1
    state: State = "waiting"
    agenda_at: int | None = None
    attempts: int = 0
    claim: str | None = None
    folded: tuple[str, ...] = ()
    last_attempt_at: int | None = None
    sent_at: int | None = None
    status_code: int | None = None
    error: str | None = None

    @property
    def tag(self) -> str:
        """Whom it is for, in a key."""
        return self.channel if self.channel == "webhook" else f"{self.channel}-{digest(self.recipient)}"

    @property
    def item(self) -> str:
        """Its key: the same for the same event and recipient, in the order of events."""
        return f"{NOTICE_PREFIX}{self.occurred_at}#{self.event_id}#{self.tag}"

    @property
    def is_under_way(self) -> bool:
        """Whether it is still to be sent."""
        return self.state in {"waiting", "sending"}

    def can_be_claimed(self, claimed_seconds: int) -> bool:
        """Whether an attempt may begin now: nobody else's is under way, or it broke off so long ago."""
        if self.state == "sending":
            return (self.last_attempt_at or 0) + claimed_seconds <= clock.seconds()
        return self.state == "waiting"

    def claimed(self, claim: str, claimed_seconds: int, folded: tuple[str, ...] = ()) -> Notice:
        """With an attempt under way, which is looked at again where it breaks off."""
        now = clock.seconds()
        return replace(
            self,
            state="sending",
            attempts=self.attempts + 1,
            claim=claim,
            folded=folded,
            last_attempt_at=now,
            agenda_at=now + claimed_seconds,
        )

    def delivered(self, status_code: int | None = None) -> Notice:
        """Sent."""
        now = clock.seconds()
        return replace(self, state="sent", agenda_at=None, sent_at=now, status_code=status_code, error=None)

    def failed(self, error: str, status_code: int | None = None, *, for_good: bool = False) -> Notice:
        """After an attempt that came to nothing: waiting for the next, or dead after the last."""
        after = replace(self, error=error, status_code=status_code)
        if for_good or self.attempts > len(RETRY_SECONDS):
            return replace(after, state="dead", agenda_at=None)
        return replace(after, state="waiting", agenda_at=clock.seconds() + RETRY_SECONDS[max(self.attempts, 1) - 1])

    def unknown(self, error: str) -> Notice:
        """After an attempt whose outcome nobody told: as after a failed one, but not before it may have been told."""
        after = self.failed(error)
        if after.agenda_at is None:
            return after
        return replace(after, agenda_at=max(after.agenda_at, clock.seconds() + UNKNOWN_SECONDS))

    def bounced(self) -> Notice:
        """Sent, and not taken by the mailbox."""
        return replace(self, state="dead", agenda_at=None, error="the mailbox refused the message for good")

    def skipped(self, why: str) -> Notice:
        """Not sent, because its recipient is told nothing any more."""
        return replace(self, state="skipped", agenda_at=None, error=why)

    def once_more(self) -> Notice:
        """As new: due now, with all attempts before it."""
        return replace(self, state="waiting", agenda_at=clock.seconds(), attempts=0, error=None, claim=None, folded=())
