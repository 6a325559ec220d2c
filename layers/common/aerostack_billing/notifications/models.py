"""What an account sets, and the notice of one event to its webhook."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
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
"""An address as RFC 5321 has it, without quotes and without an IP address for a domain."""


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

    emails: Annotated[
        list[Email],
        AfterValidator(_each_once),
        Field(max_length=MOST_EMAILS, description="Must be empty: e-mail is not sent yet.", examples=[[]]),
    ]
    events: Annotated[list[EventType], AfterValidator(_each_once)]
    webhook_url: Annotated[str, Field(max_length=LONGEST_URL, examples=["https://example.com/billing"])] | None = None
    balance_low_cents: Annotated[int, Field(ge=0, le=MAX_LOW_CENTS)] | None = None


@dataclass(frozen=True)
class Secret:
    """What webhooks are signed with; up to `until` where a newer one has taken its place."""

    text: str
    until: int | None = None


@dataclass(frozen=True)
class Settings:
    """Whom an account tells of what. `version` counts the writes; 0 is an account that never chose."""

    account_id: str
    version: int = 0
    events: tuple[str, ...] = DEFAULT
    webhook_url: str | None = None
    secrets: tuple[Secret, ...] = ()

    @property
    def signing(self) -> list[str]:
        """The secrets that webhooks are signed with now, the newest first."""
        now = clock.seconds()
        return [secret.text for secret in self.secrets if secret.until is None or secret.until > now]


Channel = Literal["webhook"]
State = Literal["waiting", "sending", "sent", "dead", "skipped"]
NOTICE_PREFIX: Final = "notice#"
KEPT_SECONDS: Final = 30 * 86_400
"""How long a notice is kept, and with it the memory that its event was told."""
RETRY_SECONDS: Final = (60, 300, 1_800, 7_200, 18_000, 21_600, 36_000)
"""The pauses after each failed attempt: 23.6 hours together, as Standard Webhooks recommends a day."""


@dataclass(frozen=True)
class Notice:
    """One event for the account's webhook.

    `agenda_at` is when somebody has to look at it again: None once it is `sent`, `dead` or `skipped`. `claim` is the
    attempt under way. `detail` is the event, as JSON.
    """

    account_id: str
    event_id: str
    type: str
    occurred_at: str
    channel: Channel
    detail: str
    created_at: int
    version: int = 1
    state: State = "waiting"
    agenda_at: int | None = None
    attempts: int = 0
    claim: str | None = None
    last_attempt_at: int | None = None
    sent_at: int | None = None
    status_code: int | None = None
    error: str | None = None

    @property
    def item(self) -> str:
        """Its key: the same for the same event and channel, in the order of events."""
        return f"{NOTICE_PREFIX}{self.occurred_at}#{self.event_id}#{self.channel}"

    @property
    def is_under_way(self) -> bool:
        """Whether it is still to be sent."""
        return self.state in {"waiting", "sending"}

    def can_be_claimed(self, claimed_seconds: int) -> bool:
        """Whether an attempt may begin now: nobody else's is under way, or it broke off so long ago."""
        if self.state == "sending":
            return (self.last_attempt_at or 0) + claimed_seconds <= clock.seconds()
        return self.state == "waiting"

    def claimed(self, claim: str, claimed_seconds: int) -> Notice:
        """With an attempt under way, which is looked at again where it breaks off."""
        now = clock.seconds()
        return replace(
            self,
            state="sending",
            attempts=self.attempts + 1,
            claim=claim,
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

    def skipped(self, why: str) -> Notice:
        """Not sent, because the webhook is told nothing any more."""
        return replace(self, state="skipped", agenda_at=None, error=why)

    def once_more(self) -> Notice:
        """As new: due now, with all attempts before it."""
        return replace(self, state="waiting", agenda_at=clock.seconds(), attempts=0, error=None, claim=None)
