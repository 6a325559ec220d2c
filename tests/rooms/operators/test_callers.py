"""Callers that operators stop: soon, everywhere, and at no cost to each request."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.operators.callers import KNOWN_SECONDS, BlockedCallers, TooManyBlocked
from aerostack_billing.platform.dynamo import Dynamo
from aerostack_billing.values.errors import CallerBlocked, StoreUnavailable
from tests.rooms.conftest import Meter, Time


@pytest.fixture
def callers(parts: Runtime) -> Iterator[BlockedCallers]:
    _forget(parts)
    yield parts.callers
    _forget(parts)


def _forget(parts: Runtime) -> None:
    parts.dynamo._client.delete_item(TableName=parts.settings.events_table, Key={"event_id": {"S": "callers#blocked"}})


def test_a_stop_takes_effect_in_every_process_within_half_a_minute(
    processes: list[Runtime], callers: BlockedCallers, time_stands: Time
) -> None:
    for parts in processes:
        parts.callers.check("svc_a")
    callers.block("svc_a")
    since = callers.blocked()
    callers.block("svc_a")
    assert callers.blocked() == since == {"svc_a": "2026-03-10T12:00:00.000000Z"}
    time_stands.forward(KNOWN_SECONDS)
    for parts in processes:
        with pytest.raises(CallerBlocked):
            parts.callers.check("svc_a")
        parts.callers.check("svc_b")
        parts.callers.check(None)
    callers.unblock("svc_a")
    callers.unblock("svc_never")
    time_stands.forward(KNOWN_SECONDS)
    processes[0].callers.check("svc_a")


def test_a_request_costs_nothing_more_while_the_names_are_remembered(
    callers: BlockedCallers, meter: Meter, time_stands: Time
) -> None:
    for _ in range(100):
        callers.check("svc_a")
    assert meter.spent() == (1, 0, 0.5)
    time_stands.forward(KNOWN_SECONDS)
    callers.check("svc_a")
    assert meter.spent() == (2, 0, 1)


def test_many_are_stopped_at_once_up_to_what_the_item_holds(processes: list[Runtime], callers: BlockedCallers) -> None:
    names = [f"svc_{number}_{'x' * 110}" for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: processes[n % 8].callers.block(names[n]), range(200)))
    assert set(callers.blocked()) == set(names)
    with pytest.raises(TooManyBlocked):
        callers.block("svc_more")


def test_without_the_store_what_was_read_last_counts(
    parts: Runtime, callers: BlockedCallers, time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers.block("svc_a")
    with pytest.raises(CallerBlocked):
        callers.check("svc_a")

    def down(*_: object, **__: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(Dynamo, "get", down)
    time_stands.forward(KNOWN_SECONDS)
    with pytest.raises(CallerBlocked):
        callers.check("svc_a")
    with pytest.raises(StoreUnavailable):
        BlockedCallers(parts.dynamo, parts.settings.events_table).check("svc_a")
