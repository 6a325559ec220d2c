"""Many gateway nodes with leases: whatever becomes of them they never pass the limit, and a million calls are cheap."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from tests.benchmarks.leases import Setting, cost_of_a_million, simulate
from tests.rooms.conftest import Meter, Time


@pytest.mark.parametrize("seed", [1, 2])
def test_nodes_that_crash_sleep_and_settle_late_never_pass_the_limit(
    parts: Runtime, account: str, time_stands: Time, seed: int
) -> None:
    """The simulation balances its books after every second: see there what must hold."""
    setting = Setting(seed, nodes=20, size=500, seconds=150, requests_a_second=500)
    books = simulate(parts, time_stands, account, setting)
    assert books.refused > 0
    assert sum(books.lost.values()) > 0
    # What can lie idle is a block a node.
    assert books.idle_at_first_refusal is not None
    assert books.idle_at_first_refusal <= books.idle_most <= 20 * 500
    assert sum(books.served.values()) >= 55_000 - 20 * 500 - sum(books.lost.values())


def test_nodes_at_the_turn_of_a_month_and_through_changes_of_plan_never_pass_a_limit(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 31, 23, 58, 45)
    setting = Setting(7, nodes=20, size=1_000, seconds=150, requests_a_second=2_000, changes=("starter", "free", "pro"))
    books = simulate(parts, time_stands, account, setting)
    assert set(books.served) == {"2026-03", "2026-04"}
    assert books.ceiling == {"2026-03": 575_000, "2026-04": 2_400_000}
    # Free did not suffice for April's first minutes.
    assert books.refused > 0


def test_a_million_requests_by_leases_cost_at_most_2_100_write_units(
    parts: Runtime, account: str, meter: Meter
) -> None:
    requests, write_units, read_units = cost_of_a_million(parts, account, meter)
    assert requests <= 2_100
    assert write_units <= 2_100
    assert read_units <= 10
