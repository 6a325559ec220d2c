"""Spending: the ledger's lines added up by day and by what they were for, so that nobody has to read a million of them.

A day has one sheet for what every line says (its kind, model and billing mode), and one for each label that a line of
the day carries. A sheet says which line is the last that it contains, so that no line is added to it twice, whatever is
repeated. Everything here follows from the lines in their order alone: who adds them up again comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from aerostack_billing.ledger.models import Transfer

ALWAYS: Final = ("kind", "model", "billing_mode")
"""What spending can be told by without a label."""
MOST_LABELS: Final = 20
"""An account's labels that spending is told by: the first that its lines carry, those of one line by name."""
MOST_VALUES: Final = 1_000
"""Told apart on one sheet: the first of the day. The rest is counted together."""
MOST_CHARACTERS: Final = 100_000
"""Of all values of a sheet together: as many as an item holds, whatever they are."""
NO_LABEL: Final = ""
"""The label of the sheet that every line is on."""

Sums = tuple[int, int, int, int, int, int]
"""Micros, charges, and tokens: input, output, read from a cache, written to one."""
ZERO: Final[Sums] = (0, 0, 0, 0, 0, 0)
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


@dataclass
class Told:
    """Sums by value; `none` is of the lines that have no value, `rest` of the values that are not told apart."""

    values: dict[str, Sums] = field(default_factory=dict)
    none: Sums = ZERO
    rest: Sums = ZERO

    def add(self, value: str | None, sums: Sums) -> None:
        """Count a line."""
        if value is None:
            self.none = plus(self.none, sums)
        elif value in self.values or self._has_room_for(value):
            self.values[value] = plus(self.values.get(value, ZERO), sums)
        else:
            self.rest = plus(self.rest, sums)

    def _has_room_for(self, value: str) -> bool:
        characters = len(value) + sum(map(len, self.values))
        return len(self.values) < MOST_VALUES and characters <= MOST_CHARACTERS

    @property
    def total(self) -> Sums:
        """Of all lines."""
        return total([*self.values.values(), self.none, self.rest])


@dataclass
class Sheet:
    """One day of one account under one label. `through` is the number of the last line that was considered for it."""

    account_id: str
    day: str
    label: str = NO_LABEL
    version: int = 0
    through: int = 0
    by: dict[str, Told] = field(default_factory=dict)


SheetName = tuple[str, str]
"""Day and label."""


@dataclass(frozen=True)
class Cursor:
    """How far an account's lines are added up, and by which labels.

    `written` are the sheets that were written of late, with their `through`: who reads an older one reads again.
    `rebuilding`: all of it is being rebuilt.
    """

    account_id: str
    version: int = 0
    through: int = 0
    labels: tuple[str, ...] = ()
    written: dict[str, tuple[int, int]] = field(default_factory=dict)
    rebuilding: bool = False


class Torn(Exception):
    """The sheets were read while they were written, and are not of one moment: read them again."""


class Folding:
    """Adds lines to sheets, in their order. A sheet that is not given is one that does not exist."""

    def __init__(self, cursor: Cursor, sheets: Mapping[SheetName, Sheet]) -> None:
        self.account_id = cursor.account_id
        self.labels = list(cursor.labels)
        self.through = cursor.through
        self.sheets = dict(sheets)
        self._contained = {name: sheet.through for name, sheet in self.sheets.items()}
        self.touched: set[SheetName] = set()

    def add(self, line: Transfer) -> None:
        """Count a line on its day's sheets, those that contain it already excepted. Torn if they are of two moments."""
        self.through = line.seq
        sums = spent(line)
        if sums is None:
            return
        day = line.created_at[:10]
        # By name: a line that is read has its labels in no order of its own, and whoever reads it comes to the same.
        for label in sorted(line.labels):
            if label not in self.labels and len(self.labels) < MOST_LABELS:
                self.labels.append(label)
        base = self.sheets.setdefault((day, NO_LABEL), Sheet(self.account_id, day))
        for label in self.labels:
            if label in line.labels and (day, label) not in self.sheets:
                self._begin(line, base, label)
        for label in (NO_LABEL, *self.labels):
            sheet = self.sheets.get((day, label))
            if sheet is not None and line.seq > self._contained.get((day, label), 0):
                self.touched.add((day, label))
                for dimension, value in _told_by(line, label).items():
                    sheet.by.setdefault(dimension, Told()).add(value, sums)

    def _begin(self, line: Transfer, base: Sheet, label: str) -> None:
        """A sheet for a label's first line of the day: the lines before it carry none."""
        if line.seq <= self._contained.get((base.day, NO_LABEL), 0):
            raise Torn
        before = base.by["kind"].total if base.by else ZERO
        self.sheets[base.day, label] = Sheet(self.account_id, base.day, label, by={label: Told(none=before)})


def spent(line: Transfer) -> Sums | None:
    """What a line adds to spending; None for one that spends nothing.

    A refund takes its money off the day it was made. The work was done all the same: its calls and tokens stay.
    """
    if line.type == "charge_refund":
        return (-line.amount, 0, 0, 0, 0, 0)
    if line.type not in {"charge", "capture"}:
        return None
    usage = _usage(line)
    tokens = (cast("int", usage.get(name, 0)) for name in _TOKENS)
    return cast("Sums", (line.amount, 1, *tokens))


def _told_by(line: Transfer, label: str) -> dict[str, str | None]:
    if label != NO_LABEL:
        return {label: line.labels.get(label)}
    return {
        "kind": _text(line.details.get("kind")),
        "model": _text(_usage(line).get("model")),
        "billing_mode": _text(line.details.get("billing_mode")),
    }


def _usage(line: Transfer) -> Mapping[str, object]:
    usage = line.details.get("usage")
    return usage if isinstance(usage, Mapping) else {}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def plus(left: Sums, right: Sums) -> Sums:
    """The sum of each."""
    return cast("Sums", tuple(one + other for one, other in zip(left, right, strict=True)))


def total(sums: Iterable[Sums]) -> Sums:
    """The sum of all."""
    found = ZERO
    for each in sums:
        found = plus(found, each)
    return found


def unbroken(lines: Iterable[Transfer], through: int) -> list[Transfer]:
    """The lines that follow the one of that number without a gap: an index may show a later line first."""
    found: list[Transfer] = []
    for line in lines:
        if line.seq != through + 1:
            break
        through = line.seq
        found.append(line)
    return found


def of_days(lines: list[Transfer], most: int) -> list[Transfer]:
    """The first lines, of no more than so many days."""
    days: set[str] = set()
    for number, line in enumerate(lines):
        days.add(line.created_at[:10])
        if len(days) > most:
            return lines[:number]
    return lines
