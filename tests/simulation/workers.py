"""Processes among which the simulation shares its work, each with a world on a DynamoDB Local of its own."""

from __future__ import annotations

import multiprocessing
import multiprocessing.queues
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager

from tests.simulation import gain_moves, steps
from tests.simulation.place import dynamodb
from tests.simulation.randomly import Broken, play
from tests.simulation.world import World, world


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of so many, ready for the functions below; what was not begun when the block ends is left."""
    own = multiprocessing.get_context("spawn")
    with ExitStack() as running:
        urls = own.SimpleQueue()
        for _ in range(count):
            urls.put(running.enter_context(dynamodb()))
        pool = ProcessPoolExecutor(count, mp_context=own, initializer=_begin, initargs=(urls,))
        running.callback(pool.shutdown, cancel_futures=True)
        yield pool


_kept = ExitStack()
_worlds: list[World] = []
"""This process's one world: made when the process begins, and used by all that is handed to it."""


def _begin(urls: multiprocessing.queues.SimpleQueue[str]) -> None:
    _worlds.append(_kept.enter_context(world(urls.get())))


def run_flow(name: str) -> steps.Row:
    """A flow with every fault."""
    return steps.run(_worlds[0], steps.all_flows()[name])


@contextmanager
def players(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of so many for `play_for_gain`, whose worlds keep their tables in memory."""
    own = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=own, initializer=_begin_in_memory)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_in_memory() -> None:
    _worlds.append(_kept.enter_context(world(None)))


def play_for_gain(seed: str, count: int) -> str | None:
    """A life of so many moves of the player for gain; what was gained, or None."""
    try:
        gain_moves.play(_worlds[0], seed, count)
    except Broken as broken:
        return str(broken)
    return None


def play_seed(seed: int, count: int) -> str | None:
    """So many steps at random; what broke, or None."""
    try:
        play(_worlds[0], seed, count)
    except Broken as broken:
        return str(broken)
    return None
