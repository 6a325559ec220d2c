"""Whom a newcomer finds on the local stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Person:
    """An account of the demo, with one line about it."""

    account: str
    about: str


DEMO: Final = Person("acct_demo", "On Pro for six weeks: usage near a limit, a wallet, charges every day")
NEW: Final = Person("acct_new", "Empty, as after signing up")
PAST_DUE: Final = Person("acct_past_due", "On Starter, and the card declined the last renewal")

PEOPLE: Final = (DEMO, NEW, PAST_DUE)
