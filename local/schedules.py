"""When a schedule fires: EventBridge Scheduler's `rate(…)` and `cron(…)`, in UTC."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

_UNIT_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\(([^()]+)\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_YEARS = (1970, 2199)


class Expression(Protocol):
    """When to fire."""

    def firings(self, after: float, anchor: float) -> Iterator[float]:
        """Unix seconds of the firings later than `after`, in order. `anchor` is when the schedule began."""
        ...


@dataclass(frozen=True)
class Rate:
    """Every `seconds`, counted from the anchor."""

    seconds: int

    def firings(self, after: float, anchor: float) -> Iterator[float]:
        """See Expression."""
        elapsed = max(0, int((after - anchor) // self.seconds))
        return (anchor + n * self.seconds for n in itertools.count(elapsed + 1))


@dataclass(frozen=True)
class Cron:
    """At these minutes of these hours, on the days that match all of the rest. `weekdays` count from Sunday, 1."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]

    def firings(self, after: float, anchor: float) -> Iterator[float]:  # noqa: ARG002 - Rate needs the anchor
        """See Expression."""
        day = datetime.fromtimestamp(after, UTC).date()
        while day.year <= _YEARS[1]:
            if self._matches(day):
                midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
                moments = (midnight + h * 3_600 + m * 60 for h in self.hours for m in self.minutes)
                yield from (moment for moment in moments if moment > after)
            day += timedelta(days=1)

    def _matches(self, day: date) -> bool:
        return (
            day.year in self.years
            and day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 + 1 in self.weekdays
        )


def parse_expression(text: str) -> Expression:
    """Read an expression. ValueError says what is wrong with it."""
    rate = _RATE.fullmatch(text)
    if rate is not None:
        count, plural = int(rate[1]), bool(rate[3])
        if count < 1 or plural == (count == 1):
            raise ValueError(f"{text}: write rate(1 minute) or rate(2 minutes)")
        return Rate(count * _UNIT_SECONDS[rate[2]])
    cron = _CRON.fullmatch(text)
    if cron is None:
        raise ValueError(f"{text} is not served: rate(…) and cron(…) are")
    fields = cron[1].split()
    if len(fields) != 6:
        raise ValueError(f"{text} needs six fields: minutes hours day-of-month month day-of-week year")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise ValueError(f"{text}: exactly one of day-of-month and day-of-week must be ?")
    return Cron(
        minutes=tuple(sorted(_field(text, minutes, 0, 59))),
        hours=tuple(sorted(_field(text, hours, 0, 23))),
        days=_field(text, days, 1, 31),
        months=_field(text, months, 1, 12, _MONTHS),
        weekdays=_field(text, weekdays, 1, 7, _WEEKDAYS),
        years=_field(text, years, *_YEARS),
    )


def _field(expression: str, text: str, lowest: int, highest: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in {"*", "?"}:
            first, last = lowest, highest
        else:
            start, dash, end = span.partition("-")
            first = _number(expression, start, names)
            last = _number(expression, end, names) if dash else (highest if step else first)
        every = _number(expression, step, ()) if step else 1
        if not (lowest <= first <= last <= highest and every >= 1):
            raise ValueError(f"{expression}: {part} is outside {lowest} to {highest}")
        values.update(range(first, last + 1, every))
    return frozenset(values)


def _number(expression: str, text: str, names: tuple[str, ...]) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + 1
    if not text.isdecimal():
        raise ValueError(f"{expression}: {text!r} is not served in a cron field")
    return int(text)


def thinned(expression: Expression, start: float, end: float, anchor: float, most: int) -> list[float]:
    """The firings after `start` up to `end`; evenly thinned to at most `most`, the last one always among them."""

    def all_firings() -> Iterator[float]:
        return itertools.takewhile(lambda moment: moment <= end, expression.firings(start, anchor))

    count = sum(1 for _ in all_firings())
    every = max(1, -(-count // most))
    return list(itertools.islice(all_firings(), (count - 1) % every if count else 0, None, every))
