"""The one place time comes from, so that tests and the local stack can move it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_source: Callable[[], float] = time.time


def use(source: Callable[[], float]) -> Callable[[], float]:
    """Take unix seconds from `source` for the whole process; returns the source that stood before."""
    global _source
    before, _source = _source, source
    return before


@contextmanager
def using(source: Callable[[], float]) -> Iterator[None]:
    """Take unix seconds from `source` inside the block only."""
    before = use(source)
    try:
        yield
    finally:
        use(before)


def unix() -> float:
    """Seconds since the epoch, with fractions."""
    return _source()


def seconds() -> int:
    """Whole seconds since the epoch, as DynamoDB's TTL and Stripe count them."""
    return int(_source())


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.fromtimestamp(_source(), UTC)


def period() -> str:
    """The usage period of this moment: the calendar month in UTC, `2026-03`."""
    return now().strftime("%Y-%m")


def day() -> str:
    """The day of this moment in UTC, `2026-03-10`."""
    return now().strftime("%Y-%m-%d")


def minute() -> int:
    """The clock minute of this moment, counted from the epoch."""
    return seconds() // 60


def period_of(moment: int) -> str:
    """The calendar month, in UTC, of a moment in unix seconds."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m")


def next_period(period: str) -> str:
    """The month after `period`."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"


def start_of(period: str) -> int:
    """The moment at which a period begins, in unix seconds."""
    return int(datetime(int(period[:4]), int(period[5:]), 1, tzinfo=UTC).timestamp())


def months_later(moment: int, months: int) -> int:
    """The same day of the month so many months after a moment, or the last day of a shorter month; unix seconds."""
    first = datetime.fromtimestamp(moment, UTC)
    ahead = first.year * 12 + first.month - 1 + months
    period = f"{ahead // 12:04d}-{ahead % 12 + 1:02d}"
    days = (start_of(next_period(period)) - start_of(period)) // 86_400
    return int(first.replace(year=ahead // 12, month=ahead % 12 + 1, day=min(first.day, days)).timestamp())


def iso(unix_seconds: float | None) -> str | None:
    """ISO 8601 in UTC with `Z`, whole seconds; None stays None."""
    if unix_seconds is None:
        return None
    return datetime.fromtimestamp(int(unix_seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_now() -> str:
    """This moment with microseconds, so that two things made in one second keep their order."""
    return iso_exact(_source())


def iso_exact(unix_seconds: float) -> str:
    """A moment as `iso_now` writes it."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
