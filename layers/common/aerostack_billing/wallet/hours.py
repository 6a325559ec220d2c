"""Hours in which somebody charges, earns or spends far more than is usual: by service, by creator and by account.

Each line that takes money is counted once, behind the ledger, in the transaction that says how far lines are added up
(see `spending_fold`): so a charge pays for nothing here. Decision 0030.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal, Protocol

from aerostack_billing.ledger.models import Transfer
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.money import Micros

Kind = Literal["caller", "creator", "account"]
TIMES: Final = 4
"""So many times what is usual is far above it, and so many times what was told of a day is told of it again."""
DAYS_BEFORE: Final = 7
MOST_COUNTED: Final = 60
"""Days of subjects that one transaction counts, beside what else it writes; it takes a hundred actions."""
_LATE_SECONDS: Final = 86_400
"""An hour that began longer ago is counted, so that it is known what is usual, and told of no more."""


@dataclass(frozen=True)
class Subject:
    """Whose money it is about: a service by the name in its token, a creator, or an account that pays."""

    kind: Kind
    name: str


DayOf = tuple[Subject, str]
"""A subject's day, such as 2026-03-10."""


@dataclass(frozen=True)
class HoursOfDay:
    """A subject's day as it is stored: micros by hour, and the most that was told of an hour of it."""

    subject: Subject
    day: str
    hours: dict[int, Micros] = field(default_factory=dict)
    told: Micros = 0


@dataclass(frozen=True)
class Unusual:
    """An hour far above what is usual. `usual` is 0 for a subject that had no day before."""

    subject: Subject
    hour: str
    amount: Micros
    usual: Micros
    told_before: Micros = 0


@dataclass(frozen=True)
class Counted:
    """What is added to a subject's day, and what of it is told, if anything is."""

    subject: Subject
    day: str
    added: Mapping[int, Micros]
    unusual: Unusual | None = None


class Days(Protocol):
    """Where days are kept."""

    def read(self, days: Iterable[DayOf], *, consistent: bool) -> dict[DayOf, HoursOfDay]:
        """Those that there are."""

    def counting(self, counted: Counted) -> list[Write]:
        """The writes that add to a day and store what is told of it, if nobody told meanwhile."""


class Listener(Protocol):
    """Who hears of unusual hours."""

    def hour_unusual(self, unusual: Unusual) -> None:
        """Called before it is stored that it was told: a process that dies between tells it again."""


class Hours:
    """Counts lines by hour, and tells of the hours that are far above what is usual."""

    def __init__(self, days: Days, least: Callable[[], Micros], listener: Listener) -> None:
        self._days = days
        self._least = least
        self._listener = listener

    def counting(self, lines: Sequence[Transfer]) -> list[Write]:
        """The writes that count the lines, for the transaction that counts them once; what is unusual is told.

        One read of the days that the lines are of, and one more where an hour is above the least that is looked at.
        """
        added = by_day(lines)
        if not added:
            return []
        days = self._days.read(added, consistent=True)
        writes: list[Write] = []
        for (subject, day), more in added.items():
            of_day = days.get((subject, day), HoursOfDay(subject, day))
            unusual = self._unusual(of_day, more)
            if unusual is not None:
                self._listener.hour_unusual(unusual)
            writes += self._days.counting(Counted(subject, day, more, unusual))
        return writes

    def _unusual(self, of_day: HoursOfDay, more: Mapping[int, Micros]) -> Unusual | None:
        sums = {hour: of_day.hours.get(hour, 0) + amount for hour, amount in more.items()}
        highest = max(sums, key=lambda hour: sums[hour])
        amount, hour = sums[highest], f"{of_day.day}T{highest:02}"
        if amount < self._least() or amount <= TIMES * of_day.told or hour < _hour_at(clock.seconds() - _LATE_SECONDS):
            return None
        first = date.fromisoformat(of_day.day)
        before = [(of_day.subject, (first - timedelta(number)).isoformat()) for number in range(1, DAYS_BEFORE + 1)]
        usually = usual(self._days.read(before, consistent=False).values())
        return Unusual(of_day.subject, hour, amount, usually, of_day.told) if amount > TIMES * usually else None


def usual(days: Iterable[HoursOfDay]) -> Micros:
    """What the highest hour of a day is, on the average of the days that have any; 0 where none has."""
    highest = [max(day.hours.values()) for day in days if day.hours]
    return sum(highest) // len(highest) if highest else 0


def by_day(lines: Iterable[Transfer]) -> dict[DayOf, dict[int, Micros]]:
    """What the lines took, by subject, day and hour (UTC); older lines than what is usual is told by are left out."""
    oldest = clock.iso(clock.seconds() - DAYS_BEFORE * 86_400) or ""
    found: dict[DayOf, dict[int, Micros]] = defaultdict(lambda: defaultdict(int))
    for line in lines:
        if line.created_at >= oldest:
            for subject, amount in _taken(line):
                found[subject, line.created_at[:10]][int(line.created_at[11:13])] += amount
    return {day: dict(hours) for day, hours in found.items()}


def countable(lines: list[Transfer]) -> list[Transfer]:
    """The first lines that one transaction can count."""
    days: set[DayOf] = set()
    for number, line in enumerate(lines):
        days |= {(subject, line.created_at[:10]) for subject, _ in _taken(line)}
        if len(days) > MOST_COUNTED:
            return lines[:number]
    return lines


def _taken(line: Transfer) -> Iterator[tuple[Subject, Micros]]:
    if line.type not in {"charge", "capture"} or line.amount <= 0:
        return
    yield Subject("account", line.account_id), line.amount
    if line.caller is not None:
        yield Subject("caller", line.caller), line.amount
    if line.split is not None:
        yield Subject("creator", line.split.creator_id), line.split.amount


def _hour_at(seconds: int) -> str:
    return (clock.iso(seconds) or "")[:13]
