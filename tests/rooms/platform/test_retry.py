"""A retry is bounded, waits longer each time, and never waits before its first attempt."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aerostack_billing.platform.retry import attempts


def test_an_attempt_that_succeeds_at_once_waits_for_nothing() -> None:
    waits: list[float] = []
    assert next(attempts(5, sleep=waits.append)) == 0
    assert waits == []


@given(st.integers(1, 60), st.floats(0.001, 0.1), st.floats(0.1, 2))
def test_every_further_attempt_waits_within_its_bounds_and_the_last_is_the_last(
    most: int, first: float, longest: float
) -> None:
    waits: list[float] = []
    numbers = list(attempts(most, first_wait_seconds=first, longest_wait_seconds=longest, sleep=waits.append))
    assert numbers == list(range(most))
    bounds = [min(longest, first * 2**number) for number in range(most - 1)]
    assert len(waits) == len(bounds)
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    assert all(later >= earlier for earlier, later in pairwise(bounds))
