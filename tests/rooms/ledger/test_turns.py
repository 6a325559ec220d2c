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
from aerostack_billing.ledger.turns import FIRST_LIMIT, LEAST_SECONDS, LONGEST_LIMIT, LONGEST_SECONDS, Turn, Turns
from aerostack_billing.platform import clock, deadline
from tests.rooms.conftest import Time

CORES = 2
CHARGES, BATCHES, FAR = (0.004, 0.006), (0.02, 0.06), (0.005, 0.02)
"""Seconds that a read and a write take: of a charge, of a batch of ninety, of a charge at a store farther away."""
LONG = 120.0
TOOK = 0.05


class Passed(NamedTuple):
    """What so many writers got done in the model."""

    a_second: float
    in_vain: float
    least: int


def modelled(writers: int, time: Time, takes: tuple[float, float] = CHARGES) -> Passed:
    """Processes that write one owner one write after another, at a store with few cores, which serves in order.

    A write holds if nobody's held since its read. Which wait follows is the code's own.
    """
    random.seed(7)
    free, places, done = [0.0] * CORES, [Turn() for _ in range(writers)], [0] * writers
    version = vain = 0
    order: Iterator[int] = itertools.count()
    queue: list[tuple[float, int, str, int, int]] = []
    start, (reading, writing), began = time.at, takes, [0.0] * writers

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
            began[writer] = now
            at(served(now, reading), "writes", writer)
        elif what == "writes":
            at(served(now, writing), "wrote", writer, version)
        elif read == version:
            version += 1
            done[writer] += 1
            places[writer].held()
            at(now, "reads", writer)
        else:
            vain += 1
            at(now + places[writer].collided(now - began[writer]), "reads", writer)
    return Passed(version / LONG, vain / (version + vain), min(done))


@pytest.mark.parametrize("takes", [CHARGES, BATCHES, FAR])
def test_as_much_passes_with_sixty_four_writers_as_with_eight(takes: tuple[float, float], time_stands: Time) -> None:
    few, many = modelled(8, time_stands, takes), modelled(64, time_stands, takes)
    assert few.a_second > 0.9 / sum(takes)
    assert many.a_second > 0.8 * few.a_second
    assert many.in_vain < 0.6


def test_each_of_many_writers_gets_its_turn(time_stands: Time) -> None:
    assert modelled(64, time_stands).least > 30


def test_the_limit_grows_with_each_collision_to_its_bound_and_shrinks_with_each_write_that_held() -> None:
    turn, limits = Turn(), []
    for _ in range(12):
        assert 0 <= turn.collided(TOOK) <= turn.limit_seconds
        limits.append(turn.limit_seconds)
    assert limits[0] == FIRST_LIMIT * TOOK
    assert limits == sorted(limits)
    assert limits[-1] == LONGEST_LIMIT * TOOK
    for _ in range(20):
        turn.held()
    turn.collided(TOOK)
    assert turn.limit_seconds < LONGEST_LIMIT * TOOK / 10


@pytest.mark.parametrize(
    ("took", "first", "longest"), [(0.0, LEAST_SECONDS, LEAST_SECONDS), (9.0, 18.0, LONGEST_SECONDS)]
)
def test_no_attempt_is_too_short_to_stand_back_for_or_so_long_that_nobody_comes_back(
    took: float, first: float, longest: float
) -> None:
    turn = Turn()
    turn.collided(took)
    assert turn.limit_seconds == first
    for _ in range(12):
        turn.collided(took)
    assert turn.limit_seconds == longest


def test_a_crowd_of_long_ago_makes_nobody_wait(time_stands: Time) -> None:
    turn = Turn()
    for _ in range(12):
        turn.collided(TOOK)
    time_stands.at = turn.back_at + turns._REMEMBERED_SECONDS + 1
    turn.collided(TOOK)
    assert turn.limit_seconds == FIRST_LIMIT * TOOK


def test_a_crowd_is_remembered_through_a_wait_longer_than_that(
    time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda _least, most: most)
    turn = Turn()
    for _ in range(4):
        time_stands.at += turn.collided(2.0)
    assert time_stands.at == turn.back_at
    assert turn.limit_seconds == LONGEST_SECONDS


def test_no_wait_takes_more_than_a_part_of_what_is_left_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = Turn()
    for _ in range(12):
        turn.collided(TOOK)
    for left in (4.0, 1.0, 0.1, 0.0, -1.0):
        monkeypatch.setattr(deadline, "left", lambda left=left: left)
        assert all(turn.collided(TOOK) <= max(0.0, left) / 4 for _ in range(20))
    monkeypatch.setattr(deadline, "left", lambda: math.inf)
    assert turn.collided(TOOK) <= LONGEST_LIMIT * TOOK


def test_what_was_met_at_one_owner_is_remembered_for_it_alone() -> None:
    places = Turns()
    with places.of("a") as turn:
        turn.collided(TOOK)
    with places.of("a") as again:
        assert again.limit_seconds == FIRST_LIMIT * TOOK
    others = {id(place) for place in places._turns if place.limit_seconds > 0}
    assert others == {id(turn)}
    assert clock.unix() <= turn.back_at
