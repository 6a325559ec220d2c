"""What an account spent, by day or month and by what it was for: as the ledger says at this moment."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, get_args

from aerostack_billing.ledger.ledger import Ledger
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import BillingError, InvalidRequest
from aerostack_billing.values.money import cents
from aerostack_billing.values.text import MOST_ANSWERED, answered_bytes, neutral
from aerostack_billing.wallet import bill
from aerostack_billing.wallet.requests import SpendBucket
from aerostack_billing.wallet.spending import (
    ALWAYS,
    MOST_LABELS,
    MOST_VALUES,
    NO_LABEL,
    ZERO,
    Cursor,
    Folding,
    Sheet,
    SheetName,
    Sums,
    Told,
    Torn,
    plus,
    total,
    unbroken,
)
from aerostack_billing.wallet.spending_store import SpendingStore, stale

MOST_DAYS: Final = 366
MOST_GROUPS: Final = 10_000
"""In one answer. Where more would be, or more than MOST_ANSWERED bytes, fewer values are told apart."""
_GROUP_BYTES = 240
"""What a group comes to beside its value."""
MOST_LINES: Final = 2_000
"""That are added up while somebody waits. An account with more is on the sweep's agenda."""
OTHER: Final = "other"

_LABEL = re.compile(r"(label:)?([a-z][a-z0-9_]{0,31})")
_LOOKS = 4
_COLUMNS = ("start", "value", "rest", "amount_cents", "charges")
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


class SpendingBehind(BillingError):
    """More lines than can be added up at once are not added up yet."""

    status, code = 503, "SPENDING_BEHIND"

    def __init__(self) -> None:
        super().__init__(
            "The account's spending is being added up. Try again in a minute.", headers={"retry-after": "60"}
        )


@dataclass(frozen=True)
class Question:
    """What is asked: the days, both included, and by what."""

    first: date
    last: date
    bucket: SpendBucket
    by: str
    label: str

    @classmethod
    def asked(cls, start: str | None, end: str | None, bucket: str | None, by: str | None) -> Question:
        """A query as it must be: by default the days of this month, by kind. InvalidRequest (422)."""
        last = date.fromisoformat(bill.day("to", end) or clock.day())
        first = date.fromisoformat(bill.day("from", start) or last.replace(day=1).isoformat())
        if first > last:
            raise InvalidRequest("from is after to.", {"from": "is after to"})
        if (last - first).days >= MOST_DAYS:
            raise InvalidRequest(f"Ask for {MOST_DAYS} days at most.", {"from": f"is over {MOST_DAYS} days before to"})
        if bucket not in (None, *get_args(SpendBucket)):
            known = ", ".join(get_args(SpendBucket))
            raise InvalidRequest(f"bucket must be one of: {known}.", {"bucket": "unknown"})
        return cls(first, last, _bucket(bucket), *_told_by(by))

    @property
    def days(self) -> list[str]:
        """Each of its days."""
        return [(self.first + timedelta(number)).isoformat() for number in range((self.last - self.first).days + 1)]

    @property
    def sheets(self) -> list[SheetName]:
        """Those that answer it. A day without a sheet of the label has lines without it alone: those of the day."""
        labels = [NO_LABEL] if self.label == NO_LABEL else [NO_LABEL, self.label]
        return [(day, label) for day in self.days for label in labels]

    def start_of(self, day: str) -> str:
        """When the bucket of a day begins, not before the first day that is asked for."""
        starts = {"day": day, "month": max(f"{day[:7]}-01", self.first.isoformat()), "total": self.first.isoformat()}
        return starts[self.bucket]


class Spending:
    """Shows what is spent."""

    def __init__(self, store: SpendingStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def show(self, account_id: str, question: Question) -> dict[str, object]:
        """What the account spent: the sheets, and the lines that are on none yet. It equals the ledger.

        An index of the ledger may lag behind it, for less than a second mostly. InvalidRequest (422) for a label that
        is not told apart; SpendingBehind (503) where too many lines are not added up. Two requests for a month: one
        for each hundred sheets, and the lines.
        """
        for look in range(_LOOKS):
            names = question.sheets
            cursor, sheets = self._store.read(account_id, names, consistent=look > 0)
            if cursor.rebuilding:
                raise SpendingBehind
            if stale(cursor, sheets, names):
                continue
            try:
                folded = self._up_to_date(cursor, sheets)
            except Torn:
                continue
            _check_label(folded, question)
            return _answer(question, _told(folded.sheets, question))
        raise SpendingBehind

    def _up_to_date(self, cursor: Cursor, sheets: dict[SheetName, Sheet]) -> Folding:
        lines = self._ledger.oldest(cursor.account_id, cursor.through, MOST_LINES + 1)
        if len(lines) > MOST_LINES:
            raise SpendingBehind
        folding = Folding(cursor, sheets)
        for line in unbroken(lines, cursor.through):
            folding.add(line)
        return folding


def as_csv(answer: Mapping[str, object]) -> str:
    """The same for a spreadsheet, a line a group; a text that it would take for a formula begins with `'`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns = (*_COLUMNS, *_TOKENS)
    writer.writerow(columns)
    buckets = answer["buckets"]
    for bucket in buckets if isinstance(buckets, list) else []:
        for group in bucket["groups"]:
            cells = {"start": bucket["start"], **group}
            writer.writerow([neutral(cells[name]) for name in columns])
    return out.getvalue()


def _bucket(asked: str | None) -> SpendBucket:
    return next((bucket for bucket in get_args(SpendBucket) if bucket == asked), "day")


def _told_by(by: str | None) -> tuple[str, str]:
    """Dimension, and the label whose sheets tell it. `label:` before a name means a label of that name."""
    if by is None or by in ALWAYS:
        return by or "kind", NO_LABEL
    found = _LABEL.fullmatch(by)
    if found is None:
        raise InvalidRequest(f"by must be {', '.join(ALWAYS)}, or the name of a label.", {"by": "unknown"})
    return found[2], found[2]


def _check_label(folded: Folding, question: Question) -> None:
    """Return if spending is told by the label, or by no line that has it."""
    if question.label not in (NO_LABEL, *folded.labels) and len(folded.labels) >= MOST_LABELS:
        known = ", ".join(folded.labels)
        message = f"Spending is told by the first {MOST_LABELS} labels that an account used: {known}."
        raise InvalidRequest(message, {"by": "not told apart"})


def _told(sheets: Mapping[SheetName, Sheet], question: Question) -> dict[str, Told]:
    """By bucket, what is told."""
    found: dict[str, Told] = {}
    for day in question.days:
        base, own = sheets.get((day, NO_LABEL)), sheets.get((day, question.label))
        if base is None:
            continue
        told = own.by[question.by] if own is not None else Told(none=base.by["kind"].total)
        bucket = found.setdefault(question.start_of(day), Told())
        for value, sums in told.values.items():
            bucket.values[value] = plus(bucket.values.get(value, ZERO), sums)
        bucket.none, bucket.rest = plus(bucket.none, told.none), plus(bucket.rest, told.rest)
    return found


def _answer(question: Question, told: Mapping[str, Told]) -> dict[str, object]:
    apart = _apart(told)
    return {
        "from": question.first.isoformat(),
        "to": question.last.isoformat(),
        "bucket": question.bucket,
        "by": question.by,
        "total_cents": cents(total(each.total for each in told.values())[0]),
        "buckets": [{"start": start, "groups": _groups(each, apart)} for start, each in told.items()],
    }


def _apart(told: Mapping[str, Told]) -> Sequence[str]:
    """The values that the answer tells apart: those that most was spent for."""
    sums: dict[str, Sums] = {}
    for each in told.values():
        for value, of_value in each.values.items():
            sums[value] = plus(sums.get(value, ZERO), of_value)
    most = min(MOST_VALUES, MOST_GROUPS // max(1, len(told)))
    ranked = sorted(sums, key=lambda value: (-sums[value][0], -sums[value][1], value))
    # Each bucket also has what is not told apart, and what has no value.
    room, apart = MOST_ANSWERED // max(1, len(told)) - 3 * _GROUP_BYTES, []
    for value in ranked[:most]:
        room -= answered_bytes(value) + _GROUP_BYTES
        if room < 0:
            break
        apart.append(value)
    return apart


def _groups(told: Told, apart: Sequence[str]) -> list[dict[str, object]]:
    """Those of one bucket, dearest values of the whole answer first; then the rest, then what has no value."""
    known = set(apart)
    rest = total([told.rest, *(sums for value, sums in told.values.items() if value not in known)])
    groups = [_group(value, told.values[value]) for value in apart if value in told.values]
    groups += [_group(OTHER, rest, rest=True)] if rest != ZERO else []
    return groups + ([_group(None, told.none)] if told.none != ZERO else [])


def _group(value: str | None, sums: Sums, *, rest: bool = False) -> dict[str, object]:
    amount, charges, *tokens = sums
    counted = dict(zip(_TOKENS, tokens, strict=True))
    return {"value": value, "rest": rest, "amount_cents": cents(amount), "charges": charges, **counted}
