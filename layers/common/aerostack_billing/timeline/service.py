"""One account's timeline, newest first, merged from what the rooms store; nothing is written for it or by it.

A page reads each source once, a bounded number of rows of each, and ends where one of them has more to come: what lies
behind that moment may have something newer still unread, and waits for the next page.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, get_args

from aerostack_billing.platform import clock
from aerostack_billing.timeline.models import AccountName, Missing, Part, Row, Source
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.fields import validated
from aerostack_billing.values.paging import limit_of, packed, unknown_cursor, unpacked

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 100
DEFAULT_DAYS: Final = 90
MOST_DAYS: Final = 731
_DAY_SECONDS: Final = 86_400
_LONGEST_ID: Final = 128
_LONGEST_CURSOR: Final = 2_000
_LOOKED_THROUGH: Final = 100
"""Rows of each source that one page looks through for a correlation id."""


@dataclass(frozen=True)
class Asked:
    """What of a timeline is wanted: as many entries, none before `since`, of one correlation id or of all."""

    limit: str | None = None
    cursor: str | None = None
    since: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True)
class _Where:
    """How far a timeline was read: the place in each source that has one, and the sources that have ended."""

    since: str
    correlation_id: str | None
    places: Mapping[str, str]
    ended: frozenset[str]


class Timeline:
    """Reads timelines. `sources` by name; the names stand in cursors."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources

    def page(self, account_id: str, asked: Asked) -> dict[str, object]:
        """A page of entries, newest first. It may be short, or empty, and have a `next_cursor` all the same.

        InvalidRequest (422) names the field that is wrong; TokenRestricted (403) for an account that the token is not
        for.
        """
        account_id = validated(AccountName, {"account_id": account_id}).account_id
        limit, where = limit_of(asked.limit, DEFAULT_LIMIT, MAX_LIMIT), self._where(asked)
        most = limit if where.correlation_id is None else max(limit, _LOOKED_THROUGH)
        parts = {
            name: source.read(account_id, where.places.get(name), where.since, most)
            for name, source in self._sources.items()
            if name not in where.ended
        }
        shown, taken = _merged(parts, limit, where.correlation_id)
        after = _after(where, parts, taken)
        return {
            "account_id": account_id,
            "since": where.since,
            "entries": [asdict(row.entry) for row in shown],
            "next_cursor": None if after is None else _cursor(after),
            "not_kept": list(get_args(Missing)),
        }

    def _where(self, asked: Asked) -> _Where:
        given = None if asked.since is None else _since(asked.since)
        correlation_id = _correlation(asked.correlation_id)
        if not asked.cursor:
            at = clock.seconds() - DEFAULT_DAYS * _DAY_SECONDS
            return _Where(given or clock.iso_exact(at), correlation_id, {}, frozenset())
        where = self._read_cursor(asked.cursor)
        if given not in (None, where.since):
            raise InvalidRequest("since must stay as it was for the first page.", {"since": "differs from the cursor"})
        if correlation_id not in (None, where.correlation_id):
            details = {"correlation_id": "differs from the cursor"}
            raise InvalidRequest("correlation_id must stay as it was for the first page.", details)
        return where

    def _read_cursor(self, cursor: str) -> _Where:
        wrong = unknown_cursor()
        if len(cursor) > _LONGEST_CURSOR:
            raise wrong
        try:
            found: tuple[str, str | None, dict[str, object], list[str]] = json.loads(unpacked(cursor))
            since, correlation_id, places, ended = found
            given = {name: str(place) for name, place in places.items()}
            where = _Where(_since(since), _correlation(correlation_id), given, frozenset(ended))
        except (ValueError, TypeError, AttributeError, RecursionError, InvalidRequest) as error:
            raise wrong from error
        known = self._sources.keys()
        if not where.places.keys() | where.ended <= known or not all(
            self._sources[name].takes(place) for name, place in where.places.items()
        ):
            raise wrong
        return where


def _merged(parts: Mapping[str, Part], limit: int, correlation_id: str | None) -> tuple[list[Row], dict[str, int]]:
    """The rows to show, and how many of each part's rows were passed, shown or not."""
    horizon = max((part.reached for part in parts.values() if part.reached is not None), default="")
    shown: list[Row] = []
    taken = dict.fromkeys(parts, 0)
    streams = [_in_order(name, part) for name, part in parts.items()]
    for at, name, row in heapq.merge(*streams, key=lambda found: found[0], reverse=True):
        if at < horizon or len(shown) == limit:
            break
        taken[name] += 1
        if correlation_id in (None, row.entry.correlation_id):
            shown.append(row)
    return shown, taken


def _in_order(name: str, part: Part) -> Iterator[tuple[str, str, Row]]:
    """The rows with the time under which they are merged: never later than that of the row before.

    A source's own order stands, also where two processes' clocks differed by a moment.
    """
    at = None
    for row in part.rows:
        at = row.entry.at if at is None else min(at, row.entry.at)
        yield at, name, row


def _after(where: _Where, parts: Mapping[str, Part], taken: Mapping[str, int]) -> _Where | None:
    """From where the next page is read; None where every source has ended."""
    places, ended = dict(where.places), set(where.ended)
    for name, part in parts.items():
        if taken[name] < len(part.rows):
            if taken[name]:
                places[name] = part.rows[taken[name] - 1].place
        elif part.reached is None:
            ended.add(name)
            places.pop(name, None)
        elif part.place is not None:
            places[name] = part.place
    if ended == {*where.ended, *parts}:
        return None
    return _Where(where.since, where.correlation_id, places, frozenset(ended))


def _since(text: str) -> str:
    """The moment that a date, or a time in UTC, begins at; InvalidRequest (422)."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is not None and len(text) == len("2026-03-01"):
        at = at.replace(tzinfo=UTC)
    now = clock.unix()
    if at is None or at.tzinfo is None or not now - MOST_DAYS * _DAY_SECONDS <= at.timestamp() <= now:
        message = f"since must be a date or a time in UTC like 2026-03-01T00:00:00Z, of the last {MOST_DAYS} days."
        raise InvalidRequest(message, {"since": f"must be a date or time of the last {MOST_DAYS} days"})
    return clock.iso_exact(at.timestamp())


def _correlation(text: str | None) -> str | None:
    if text is not None and not (0 < len(text) <= _LONGEST_ID and text.isprintable()):
        details = {"correlation_id": f"must have 1 to {_LONGEST_ID} printable characters"}
        raise InvalidRequest("correlation_id must be one that an entry has.", details)
    return text


def _cursor(where: _Where) -> str:
    found = json.dumps([where.since, where.correlation_id, where.places, sorted(where.ended)], separators=(",", ":"))
    return packed(found)
