"""Trying again: bounded, with a growing, randomised wait, so that those who collided do not collide again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

FIRST_WAIT_SECONDS = 0.01
LONGEST_WAIT_SECONDS = 0.4
EXPECTED_SECONDS = 0.0005
"""The first wait where one more attempt is part of the plan, as for the first count of a month, and no collision."""


def attempts(
    most: int,
    *,
    first_wait_seconds: float = FIRST_WAIT_SECONDS,
    longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Yield the attempts' numbers, 0 to `most` - 1, and wait before each one but the first.

    The wait doubles from `first_wait_seconds` up to `longest_wait_seconds`; each is shortened at random by up to half.
    The caller leaves the loop once an attempt succeeds; a loop that ends by itself has failed `most` times:

        for _ in attempts(8):
            with suppress(Changed):
                return act()
        raise StoreUnavailable(...)
    """
    for number in range(most):
        if number:
            longest = min(longest_wait_seconds, first_wait_seconds * 2 ** min(number - 1, 30))
            sleep(random.uniform(longest / 2, longest))  # noqa: S311 - spreads retries, guards nothing
        yield number
