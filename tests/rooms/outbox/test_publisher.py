"""The way from the outbox to the bus: at least once, whatever breaks, and what the bus refuses is not lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.outbox.models import DomainEvent, Record
from aerostack_billing.outbox.publisher import Published, Publisher
from tests.rooms.conftest import Time
from tests.rooms.worlds.outbox import waiting
from tests.rooms.worlds.usage import move_to


class Bus:
    """Takes what is put on it, but the types it is told to refuse."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.put_at_once: list[int] = []
        self.details: list[dict[str, Any]] = []

    def put(self, records: Sequence[Record]) -> dict[str, str]:
        self.put_at_once.append(len(records))
        self.details += [json.loads(record.detail) for record in records if record.type not in self.refused]
        return {record.event_id: "InternalFailure" for record in records if record.type in self.refused}


class Watcher:
    def __init__(self) -> None:
        self.refused: list[tuple[str, str]] = []
        self.waited: list[int] = []

    def event_refused(self, record: Record, code: str) -> None:
        self.refused.append((record.type, code))

    def events_waited(self, seconds: int) -> None:
        self.waited.append(seconds)


class Died(BaseException):
    """The process ends here."""


def die(_record: Record) -> None:
    raise Died


def publisher(parts: Runtime, bus: Bus, watcher: Watcher) -> Publisher:
    return Publisher(parts.outbox.store, bus, watcher)  # type: ignore[arg-type]


@pytest.fixture
def empty(parts: Runtime) -> None:
    """Nothing waits of what other tests did."""
    for record in parts.outbox.store.waiting():
        parts.outbox.store.remove(record)


def many(parts: Runtime, account: str, count: int, data: dict[str, object] | None = None) -> list[str]:
    made = [DomainEvent("usage.blocked", account, str(number), data or {}) for number in range(count)]
    for each in made:
        parts.dynamo.put(parts.outbox.store.adding(each))
    return sorted(each.event_id for each in made)


def test_what_waits_is_sent_ten_at_once_and_then_gone(
    parts: Runtime, account: str, empty: None, time_stands: Time
) -> None:
    ids = many(parts, account, 25)
    time_stands.forward(90)
    bus, watcher = Bus(), Watcher()
    assert publisher(parts, bus, watcher).run() == Published(sent=25, refused=0)
    assert (bus.put_at_once, watcher.waited) == ([10, 10, 5], [90])
    assert sorted(detail["id"] for detail in bus.details) == ids
    assert publisher(parts, bus, watcher).run() == Published(sent=0, refused=0)
    assert watcher.waited == [90]


def test_no_call_is_larger_than_the_bus_takes(parts: Runtime, account: str, empty: None) -> None:
    many(parts, account, 9, {"text": "x" * 60_000})
    bus = Bus()
    publisher(parts, bus, Watcher()).run()
    assert bus.put_at_once == [4, 4, 1]


def test_an_entry_that_the_bus_refuses_stays_and_is_told_and_the_others_go(
    parts: Runtime, account: str, empty: None
) -> None:
    many(parts, account, 3)
    move_to(parts, account, "pro")
    bus, watcher = Bus("plan.changed"), Watcher()
    assert publisher(parts, bus, watcher).run() == Published(sent=3, refused=1)
    assert watcher.refused == [("plan.changed", "InternalFailure")]
    assert [record.type for record in waiting(parts, account)] == ["plan.changed"]
    assert publisher(parts, Bus(), watcher).run() == Published(sent=1, refused=0)


def test_what_was_sent_and_not_taken_away_is_sent_again_under_the_same_id(
    parts: Runtime, account: str, empty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_to(parts, account, "pro")
    bus = Bus()
    with monkeypatch.context() as broken:
        broken.setattr(parts.outbox.store, "remove", die)
        with pytest.raises(Died):
            publisher(parts, bus, Watcher()).run()
    publisher(parts, bus, Watcher()).run()
    first, second = bus.details
    assert first == second


def test_a_run_without_time_left_sends_nothing(parts: Runtime, account: str, empty: None) -> None:
    many(parts, account, 1)
    assert publisher(parts, Bus(), Watcher()).run(lambda: False) == Published(sent=0, refused=0)
    assert [record.type for record in waiting(parts, account)] == ["usage.blocked"]
