from __future__ import annotations

from pathlib import Path

from local.clock import StackClock, iso


def test_the_clock_is_real_time_plus_what_it_was_advanced() -> None:
    real = 1_000.0
    clock = StackClock(source=lambda: real)
    clock.advance_to(1_500.0)
    real = 1_010.0
    assert clock.unix() == 1_510.0


def test_the_clock_never_goes_back() -> None:
    real = 1_000.0
    clock = StackClock(source=lambda: real)
    clock.advance_to(900.0)
    assert clock.unix() == 1_000.0
    real = 500.0
    assert clock.unix() == 1_000.0


def test_a_kept_clock_goes_on_where_it_was_advanced_to(tmp_path: Path) -> None:
    state = tmp_path / "data" / "clock.json"
    StackClock(state, source=lambda: 1_000.0).advance_to(5_000.0)
    assert StackClock(state, source=lambda: 1_060.0).unix() == 5_060.0


def test_moments_are_told_in_utc_with_a_z() -> None:
    assert iso(1_772_357_400.9) == "2026-03-01T09:30:00Z"
