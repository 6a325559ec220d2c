"""What an account sets, and the notice of one event to one recipient."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
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
    at: int


@dataclass(frozen=True)
class Secret:
    """What webhooks are signed with; up to `until` where a newer one has taken its place."""

    text: str
    until: int | None = None


@dataclass(frozen=True)
class Settings:
    """Whom an account tells of what. `version` counts the writes; 0 is an account that never chose.

    `muted` is by address, and may hold some that are on no list any more: a complaint is kept for ever.
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
        return tuple(address for address in self.emails if address not in self.muted)


def digest(text: str) -> str:
    """A short name for a recipient, from which it cannot be read."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
