"""The book's versions without the book: the days on which its prices start. A hold needs no more, and starts faster."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from importlib import resources

from aerostack_billing.platform import clock
from aerostack_billing.prices.models import Terms


def days() -> list[str]:
    """Every day on which a price starts, in order. `BookData` checks the same file wherever the book is loaded."""
    text = resources.files(__package__).joinpath("book.json").read_bytes()
    return sorted({price["effective_from"] for model in json.loads(text)["models"] for price in model["prices"]})


def version_on(day: str, starts: Sequence[str]) -> str:
    """The version that is in force on a day: the newest day on which any price starts, up to this one."""
    started = bisect_right(starts, day)
    return starts[started - 1] if started else day


def today() -> str:
    """The day of this moment, in UTC."""
    return clock.now().strftime("%Y-%m-%d")


def terms_of_today(starts: Sequence[str], markup_bps: int) -> Terms:
    """By what a price of this moment is worked out."""
    return Terms(version_on(today(), starts), markup_bps)
