"""A bill that can be checked: the ledger's lines, oldest first, each with its hash and that of the line before."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from aerostack_billing.ledger import chain
from aerostack_billing.ledger.ledger import Ledger
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.text import MOST_ANSWERED, answered_bytes, neutral

MOST_LINES: Final = 2_000
"""In one answer; fewer where they are long."""

_COLUMNS: Final = (
    "seq",
    "id",
    "created_at",
    "type",
    "kind",
    "description",
    "reference",
    "amount_micros",
    "effect_micros",
    "balance_after_micros",
    "held_after_micros",
    "granted_micros",
    "debt_after_micros",
    "billing_mode",
    "model",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "price_version",
    "markup_bps",
    "labels",
    "caller",
    "previous_hash",
    "hash",
)


@dataclass(frozen=True)
class Page:
    """Lines of a bill; `cursor` leads to those after them, None: there are none."""

    lines: Sequence[Mapping[str, object]]
    cursor: str | None


class Bills:
    """Shows the lines of a wallet."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def page(self, account_id: str, start: str | None, end: str | None, cursor: str | None) -> Page:
        """Up to MOST_LINES lines, fewer of long ones, of the days from `start` to `end` with both, behind the cursor.

        The first line of the first day is searched for by halves. InvalidRequest (422) for what is no day or cursor.
        """
        first, last = day("from", start), day("to", end)
        if first and last and first > last:
            raise InvalidRequest("from is after to.", {"from": "is after to"})
        above = self._before(account_id, first) if cursor is None else _read_cursor(cursor)
        found = self._ledger.oldest(account_id, above, MOST_LINES + 1)
        lines = [chain.line(transfer) for transfer in found if last is None or transfer.created_at[:10] <= last]
        shown = list(_fitting(lines[:MOST_LINES]))
        more = len(shown) < min(len(lines), MOST_LINES) or (len(found) > MOST_LINES and len(lines) == len(found))
        return Page(shown, str(shown[-1]["seq"]) if more else None)

    def _before(self, account_id: str, first: str | None) -> int:
        """The number of the last line before a day; 0 where there is none."""
        newest = self._ledger.newest(account_id, None, 1)
        if first is None or not newest:
            return 0
        low, high = 0, newest[0].seq
        while low < high:
            middle = (low + high) // 2
            at = self._ledger.oldest(account_id, middle, 1)
            if at and at[0].created_at[:10] < first:
                low = at[0].seq
            else:
                high = middle
        return low


def _fitting(lines: Sequence[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    """As many of the lines as one answer takes, the first in any case."""
    room = MOST_ANSWERED
    for place, line in enumerate(lines):
        room -= answered_bytes(line)
        if room < 0 and place:
            return
        yield line


def ndjson(lines: Sequence[Mapping[str, object]]) -> str:
    """A line a transfer, in the canonical form with the hash: what `chain.verify` checks, and any browser can."""
    return "".join(json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines)


def as_csv(lines: Sequence[Mapping[str, object]]) -> str:
    """For a spreadsheet: a text that it would take for a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for line in lines:
        cells = dict(_cells(line))
        writer.writerow([neutral(cells.get(name)) for name in _COLUMNS])
    return out.getvalue()


def _cells(line: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    yield from line.items()
    details = line.get("details")
    if isinstance(details, Mapping):
        yield from details.items()
        usage = details.get("usage")
        yield from usage.items() if isinstance(usage, Mapping) else ()
    labels = line.get("labels")
    if isinstance(labels, Mapping):
        yield "labels", "; ".join(f"{name}={value}" for name, value in labels.items())


def day(name: str, value: str | None) -> str | None:
    """A day that a query names, if it names one; InvalidRequest (422) for what is none."""
    if value is None:
        return None
    try:
        return date.fromisoformat(value).isoformat() if len(value) == len("2026-03-01") else _no_day(name)
    except ValueError:
        return _no_day(name)


def _no_day(name: str) -> str:
    raise InvalidRequest(f"{name} must be a day like 2026-03-01.", {name: "is no day"})


def _read_cursor(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 15):
        raise InvalidRequest("cursor must be the one that an earlier answer gave.", {"cursor": "malformed"})
    return int(cursor)
