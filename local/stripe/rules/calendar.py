"""Billing periods by the calendar, and the part of a period that is left."""

from __future__ import annotations

import calendar
import datetime as dt
from fractions import Fraction

_MONTHS = {"month": 1, "year": 12}
DAY = 24 * 3600


def period_end(anchor: int, start: int, interval: str, count: int) -> int:
    """The end of the period that begins at `start` (unix seconds).

    Months are counted from the anchor, so that a subscription begun on the 31st renews on the last day of a short
    month and on the 31st again after it.
    """
    if interval in ("day", "week"):
        return start + count * DAY * (7 if interval == "week" else 1)
    first, current = _utc(anchor), _utc(start)
    elapsed = (current.year - first.year) * 12 + current.month - first.month
    return _plus_months(first, elapsed + count * _MONTHS[interval])


def months(interval: str, count: int) -> Fraction:
    """The length of an interval in months, to compare two."""
    if interval in ("day", "week"):
        return Fraction(count * (7 if interval == "week" else 1), 30)
    return Fraction(count * _MONTHS[interval])


def share_left(start: int, end: int, now: int) -> Fraction:
    """The part of the period from start to end that is still to come at `now`, from 0 to 1."""
    if end <= start:
        return Fraction(0)
    return Fraction(max(0, end - max(now, start)), end - start)


def cents(amount: Fraction) -> int:
    """Whole cents, halves away from zero."""
    sign = -1 if amount < 0 else 1
    return sign * int(abs(amount) + Fraction(1, 2))


def _utc(unix: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(unix, tz=dt.UTC)


def _plus_months(first: dt.datetime, added: int) -> int:
    month = first.month - 1 + added
    year, month = first.year + month // 12, month % 12 + 1
    day = min(first.day, calendar.monthrange(year, month)[1])
    return int(first.replace(year=year, month=month, day=day).timestamp())
