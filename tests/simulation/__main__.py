"""All modes, manually: `make simulate [SEED=] [STEPS=] [FLOW=] [GAIN=] [SEEDS=] [WORKERS=]`."""

from __future__ import annotations

import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.simulation import steps
from tests.simulation.gain import LIFE
from tests.simulation.workers import play_for_gain, play_seed, players, run_flow, workers

_RUN = 500
"""Steps of one run; more are done in further runs, from the seeds that follow."""


def main() -> int:
    """Every flow that FLOW names (all where nothing is said) with every fault, STEPS at random, GAIN moves a seed."""
    wanted, number = os.environ.get("FLOW", ""), int(os.environ.get("STEPS") or 1_000)
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    flows = [name for name in steps.all_flows() if wanted in name]
    runs = {seed + begun // _RUN: min(_RUN, number - begun) for begun in range(0, number, _RUN)}
    count = min(int(os.environ.get("WORKERS") or os.cpu_count() or 1), max(len(flows), len(runs), 1))
    clean = True
    if wanted != "none" or runs:
        with workers(count) as pool:
            clean = _step_by_step(pool, flows) if wanted != "none" else True
            clean = _at_random(pool, runs) and clean
    moves, seeds = int(os.environ.get("GAIN") or 0), int(os.environ.get("SEEDS") or 1)
    return 0 if _for_gain(range(seed, seed + seeds), moves) and clean else 1


def _step_by_step(pool: ProcessPoolExecutor, flows: list[str]) -> bool:
    began, rows = time.monotonic(), {}
    # From the last on, where the longest are: a long one that is begun when the others end keeps one worker alone.
    for done in as_completed([pool.submit(run_flow, name) for name in reversed(flows)]):
        row = done.result()
        rows[row.flow] = row
        _say(steps.line(row))
        for failure in row.failures:
            _say(failure)
    in_order = [rows[name] for name in flows]
    _say(steps.table(in_order))
    _say(f"step by step: {time.monotonic() - began:.0f} s")
    return not steps.total(in_order).failures


def _at_random(pool: ProcessPoolExecutor, runs: dict[int, int]) -> bool:
    began = time.monotonic()
    playing = {pool.submit(play_seed, seed, count): seed for seed, count in runs.items()}
    for done in as_completed(playing):
        seed, broken = playing[done], done.result()
        _say(f"at random: SEED={seed} STEPS={runs[seed]}")
        if broken is not None:
            _say(broken)
            return False
    _say(f"at random: {sum(runs.values())} steps clean in {time.monotonic() - began:.0f} s")
    return True


def _for_gain(seeds: range, number: int) -> bool:
    """So many moves of the player for gain from each seed, in lives: the first of every seed, then the second."""
    began, done = time.monotonic(), dict.fromkeys(seeds, 0)
    lives = [(seed, first) for first in range(0, number, LIFE) for seed in seeds]
    if not lives:
        return True
    with players(min(int(os.environ.get("WORKERS") or os.cpu_count() or 1), len(lives))) as pool:
        playing = {
            pool.submit(play_for_gain, f"{seed}/{first // LIFE}", min(LIFE, number - first)): (seed, first)
            for seed, first in lives
        }
        for life in as_completed(playing):
            seed, first = playing[life]
            broken = life.result()
            if broken is not None:
                _say(broken)
                return False
            done[seed] += min(LIFE, number - first)
            made, seconds = sum(done.values()), time.monotonic() - began
            _say(f"for gain: {made} moves, {min(done.values())} and more of {len(seeds)} seeds, {seconds:.0f} s")
    return True


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is its output


if __name__ == "__main__":
    sys.exit(main())
