"""A mail, and what can become of it: the port between the sender and whoever carries it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Protocol

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of control and format characters, halves of characters, and ends of lines."""


class MailRefused(Exception):
    """A mail was not sent, surely; the text says why. `for_good`: it would be refused again."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


class MailUnknown(Exception):
    """Whether a mail was sent was not told; the text says what happened in place of an answer."""


@dataclass(frozen=True)
class Tracking:
    """By what SES's events about a mail lead back to its notices: the account, one notice's key, and the attempt."""

    account_id: str
    item: str
    claim: str


@dataclass(frozen=True)
class Mail:
    """One message to one address. MailRefused, for good, for a header that would hold more than itself."""

    recipient: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str
    tracking: Tracking

    def __post_init__(self) -> None:
        for header in (self.recipient, self.subject, self.unsubscribe_url):
            if not is_one_line(header):
                raise MailRefused("a header of the message would hold control characters", for_good=True)


class Carrier(Protocol):
    """Hands mail on to whoever delivers it."""

    def send(self, mail: Mail) -> None:
        """Send one mail, once. MailRefused where it was not sent, MailUnknown where nobody knows."""


class NoMail:
    """The carrier of a stack that sends no mail: what was still to be sent is dead."""

    def send(self, _mail: Mail) -> None:
        """MailRefused, for good."""
        raise MailRefused("this stack sends no mail", for_good=True)


def is_one_line(text: str) -> bool:
    """Whether a text has no character that ends a line or is not seen."""
    return not any(unicodedata.category(sign) in _UNSEEN for sign in text)


def as_one_line(text: str) -> str:
    """A text with a space in place of each character that ends a line or is not seen."""
    return " ".join("".join(" " if unicodedata.category(sign) in _UNSEEN else sign for sign in text).split())
