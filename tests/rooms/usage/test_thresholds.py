"""Thresholds: each is told once, by whoever passes it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.usage.models import Figures, Level
from aerostack_billing.usage.service import Metering
from tests.rooms.conftest import Meter
from tests.rooms.worlds.usage import consume, move_to


@dataclass
class Listener:
    heard: list[tuple[Level, int]] = field(default_factory=list)

    def threshold_passed(self, account_id: str, level: Level, figures: Figures) -> None:
        self.heard.append((level, figures.used))

    def given_back(self, account_id: str, name: str, quantity: int) -> None:
        """Of no interest here."""


@pytest.fixture
def listener(parts: Runtime) -> Listener:
    listener = Listener()
    parts.usage.metering = Metering(
        parts.usage.store,
        parts.accounts.store,
        parts.idempotency,
        parts.catalog,
        parts.usage.thresholds,
        listener,
        parts.usage.large_counts,
    )
    return listener


def test_each_threshold_is_told_once_by_whoever_passes_it(parts: Runtime, account: str, listener: Listener) -> None:
    for quantity in (39_999, 1, 1, 9_999, 1, 1, 4_997, 1):
        consume(parts, account, quantity)
    assert listener.heard == [(Level.NEAR, 40_000), (Level.GRACE, 50_001), (Level.BLOCKED, 55_000)]


def test_one_leap_over_all_thresholds_tells_each(parts: Runtime, account: str, listener: Listener) -> None:
    consume(parts, account, 55_000)
    assert [level for level, _ in listener.heard] == [Level.NEAR, Level.GRACE, Level.BLOCKED]


def test_64_at_once_over_a_threshold_tell_it_once(parts: Runtime, account: str, listener: Listener) -> None:
    consume(parts, account, 39_990)
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda _: consume(parts, account, 240), range(62)))
    assert sorted(level for level, _ in listener.heard) == [Level.NEAR, Level.GRACE]


def test_after_the_announcement_a_consume_in_grace_is_one_request_again(
    parts: Runtime, account: str, meter: Meter
) -> None:
    consume(parts, account, 50_001)
    meter.reset()
    consume(parts, account)
    assert meter.spent() == (1, 1, 0)


def test_a_new_plan_has_thresholds_of_its_own(parts: Runtime, account: str, listener: Listener) -> None:
    consume(parts, account, 45_000)
    move_to(parts, account, "starter")
    consume(parts, account, 355_000)
    assert [level for level, _ in listener.heard] == [Level.NEAR, Level.NEAR]


def test_a_gauge_that_fell_tells_again_when_it_rises(parts: Runtime, account: str, listener: Listener) -> None:
    for quantity in (2_000_000_000, -1_000_000_000, 1_000_000_000):
        consume(parts, account, quantity, "storage_bytes")
    assert [level for level, _ in listener.heard] == [Level.NEAR, Level.NEAR]
