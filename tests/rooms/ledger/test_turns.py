"""Writers of one owner stand back, so that as much passes with many as with few: shown on a clock of their own."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from aerostack_billing.ledger import turns
from aerostack_billing.ledger.turns import FIRST_LIMIT_SECONDS, LONGEST_LIMIT_SECONDS, Turn, Turns
from aerostack_billing.platform import clock, deadline
from tests.rooms.conftest import Time

READ, WRITE, CORES = 0.004, 0.006, 2
LONG = 120.0


class Passed(NamedTuple):
    """What so many writers got done in the model."""

    a_second: float
    in_vain: float
    least: int


def modelled(writers: int, time: Time) -> Passed:
    """Processes that write one owner one write after another, at a store with few cores, which serves in order.

    A write holds if nobody's held since its read. Which wait follows is the code's own.
    """
    random.seed(7)
    free, places, done = [0.0] * CORES, [Turn() for _ in range(writers)], [0] * writers
    version = vain = 0
    order: Iterator[int] = itertools.count()
    queue: list[tuple[float, int, str, int, int]] = []
    start = time.at

    def at(moment: float, what: str, writer: int, read: int = 0) -> None:
        heapq.heappush(queue, (moment, next(order), what, writer, read))

    def served(now: float, seconds: float) -> float:
        core = min(range(CORES), key=free.__getitem__)
        free[core] = max(now, free[core]) + seconds
        return free[core]

    for writer in range(writers):
        at(random.random() / 100, "reads", writer)
    while queue[0][0] <= LONG:
        now, _, what, writer, read = heapq.heappop(queue)
        time.at = start + now
        if what == "reads":
            at(served(now, READ), "writes", writer)
        elif what == "writes":
            at(served(now, WRITE), "wrote", writer, version)
        elif read == version:
            version += 1
            done[writer] += 1
            places[writer].held()
            at(now, "reads", writer)
        else:
            vain += 1
            at(now + places[writer].collided(), "reads", writer)
    return Passed(version / LONG, vain / (version + vain), min(done))


def test_as_much_passes_with_sixty_four_writers_as_with_eight(time_stands: Time) -> None:
    few, many = modelled(8, time_stands), modelled(64, time_stands)
    assert few.a_second > 0.9 / (READ + WRITE)
    assert many.a_second > 0.8 * few.a_second
    assert many.in_vain < 0.6


def test_each_of_many_writers_gets_its_turn(time_stands: Time) -> None:
    assert modelled(64, time_stands).least > 30


def test_the_limit_grows_with_each_collision_to_its_bound_and_shrinks_with_each_write_that_held() -> None:
    turn, limits = Turn(), []
    for _ in range(12):
        assert 0 <= turn.collided() <= turn.limit_seconds
        limits.append(turn.limit_seconds)
    assert limits[0] == FIRST_LIMIT_SECONDS
    assert limits == sorted(limits)
    assert limits[-1] == LONGEST_LIMIT_SECONDS
    for _ in range(20):
        turn.held()
    turn.collided()
    assert turn.limit_seconds < LONGEST_LIMIT_SECONDS / 10


def test_a_crowd_of_long_ago_makes_nobody_wait(time_stands: Time) -> None:
    turn = Turn()
    for _ in range(12):
        turn.collided()
    time_stands.forward(turns._REMEMBERED_SECONDS + 1)
    turn.collided()
    assert turn.limit_seconds == FIRST_LIMIT_SECONDS


def test_no_wait_takes_more_than_a_part_of_what_is_left_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = Turn()
    for _ in range(12):
        turn.collided()
    for left in (4.0, 1.0, 0.1, 0.0, -1.0):
        monkeypatch.setattr(deadline, "left", lambda left=left: left)
        assert all(turn.collided() <= max(0.0, left) / 4 for _ in range(20))
    monkeypatch.setattr(deadline, "left", lambda: math.inf)
    assert turn.collided() <= LONGEST_LIMIT_SECONDS


def test_what_was_met_at_one_owner_is_remembered_for_it_alone() -> None:
    places = Turns()
    with places.of("a") as turn:
        turn.collided()
    with places.of("a") as again:
        assert again.limit_seconds == FIRST_LIMIT_SECONDS
    others = {id(place) for place in places._turns if place.limit_seconds > 0}
    assert others == {id(turn)}
    assert clock.unix() == turn.met_at
