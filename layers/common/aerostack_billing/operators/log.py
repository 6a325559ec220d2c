"""The operators' log: who did what to which account, and why; kept beside the transfers and like them for ever.

An act is two lines that are put and never changed: what is intended, before anything is done, and how it ended. An
act with no second line broke off somewhere between: whether it took effect is to be looked up.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Literal

from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Dynamo, Item, Write
from aerostack_billing.values.fields import adapter

Ended = Literal["done", "failed"]


@dataclass(frozen=True)
class Intent:
    """What somebody is about to do. `account_id` is whom it is about, where it is about one."""

    operation_id: str
    at: str
    who: str
    verb: str
    arguments: Mapping[str, object]
    reason: str
    account_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How an act ended, and what it answered."""

    state: Ended
    at: str
    result: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """An act as the log tells it."""

    intent: Intent
    outcome: Outcome | None

    def view(self) -> dict[str, object]:
        """With `state` `unknown` where it broke off."""
        outcome = self.outcome
        return {
            **asdict(self.intent),
            "state": outcome.state if outcome else "unknown",
            "ended_at": outcome.at if outcome else None,
            "result": dict(outcome.result) if outcome else None,
        }


@dataclass(frozen=True)
class Stretch:
    """A part of the log, newest first. `place` is behind it; `reached` the time down to which nothing is missing.

    `reached` is None where the log was read down to the time that was asked for.
    """

    acts: list[Entry]
    place: str
    reached: str | None


_FIRST, _SECOND = "1", "2"
_LONGEST = 300_000
"""In characters of ASCII, which JSON is written in; an item of DynamoDB holds 400 KB."""
_SHORT = 1_000
_LINES_AT_ONCE, _MONTHS_AT_ONCE = 200, 4


class OperatorLog:
    """Puts and reads lines, in the Ledger table under names that no account can have."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def intend(
        self, who: str, verb: str, arguments: Mapping[str, object], reason: str, account_id: str | None
    ) -> Intent:
        """Put the first line of an act; only then may it be done. Arguments are kept as `end` keeps a result."""
        # To the microsecond: the lines lie in the order of their ids, also those of two acts in one second.
        operation_id = f"op_{clock.now().strftime('%Y%m%d%H%M%S%f')}_{secrets.token_hex(8)}"
        intent = Intent(operation_id, clock.iso_now(), who, verb, _fitting(arguments), reason, account_id)
        self._put(operation_id, _FIRST, asdict(intent))
        return intent

    def end(self, intent: Intent, state: Ended, result: Mapping[str, object]) -> None:
        """Put the second line. Of a result too long for an item it keeps what is short, and names what is left out."""
        self._put(intent.operation_id, _SECOND, asdict(Outcome(state, clock.iso_now(), _fitting(result))))

    def entries(self, months: int) -> Iterator[Entry]:
        """The acts of this month and the ones before it, newest first, read as they are taken."""
        month = clock.period()
        for _ in range(months):
            yield from self._of_month(month)
            month = _before(month)

    def stretch(self, place: str | None, since: str) -> Stretch:
        """The acts behind `place`, down to `since` at most: four requests and some two hundred lines at most."""
        month, _, before = (place or clock.period()).partition("#")
        acts: list[Entry] = []
        reached = None
        for _ in range(_MONTHS_AT_ONCE):
            left = _LINES_AT_ONCE // 2 - len(acts)
            found = list(islice(self._of_month(month, before, _LINES_AT_ONCE), left))
            acts += found
            if len(found) == left:
                last = found[-1].intent
                return Stretch(acts, self.place_of(last), last.at)
            if month <= since[: len(month)]:
                return Stretch(acts, month, None)
            reached, month, before = f"{month}-01T00:00:00.000000Z", _before(month), ""
        return Stretch(acts, month, reached)

    @staticmethod
    def place_of(intent: Intent) -> str:
        """Where an act lies: what is read behind it is older."""
        return f"{_month_of(intent.operation_id)}#{intent.operation_id}"

    def _of_month(self, month: str, before: str = "", page_size: int | None = None) -> Iterator[Entry]:
        condition, values = "account_id = :partition", {":partition": _partition(month)}
        if before:
            condition, values = f"{condition} AND transfer_id < :before", {**values, ":before": before}
        lines = self._dynamo.query(self._table, condition, values, forward=False, page_size=page_size)
        outcome: Outcome | None = None
        # Newest first, an act's second line comes before its first.
        for line in lines:
            if str(line["transfer_id"]).endswith(_SECOND):
                outcome = adapter(Outcome).validate_json(str(line["line"]))
            else:
                yield Entry(adapter(Intent).validate_json(str(line["line"])), outcome)
                outcome = None

    def _put(self, operation_id: str, number: str, line: Mapping[str, object]) -> None:
        month = _month_of(operation_id)
        # As text: an answer's cents may have decimals, which an item cannot hold as a number.
        text = json.dumps(line)
        item: Item = {"account_id": _partition(month), "transfer_id": f"{operation_id}#{number}", "line": text}
        self._dynamo.put(Write(self._table, {}, put=item, condition="attribute_not_exists(account_id)"))


def _fitting(told: Mapping[str, object]) -> dict[str, object]:
    """What is told of an act, as much of it as a line holds; `left_out` names the rest."""
    kept = dict(told)
    if len(json.dumps(kept)) <= _LONGEST:
        return kept
    long = {name for name, value in kept.items() if len(json.dumps(value)) > _SHORT}
    return {name: value for name, value in kept.items() if name not in long} | {"left_out": sorted(long)}


def _month_of(operation_id: str) -> str:
    return f"{operation_id[3:7]}-{operation_id[7:9]}"


def _partition(month: str) -> str:
    return f"operator#{month}"


def _before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1:04d}-12" if number == 1 else f"{year:04d}-{number - 1:02d}"
