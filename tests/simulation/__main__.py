"""Both modes, by hand: `make simulate [SEED=] [STEPS=] [FLOW=]`."""

from __future__ import annotations

import os
import random
import sys
import time

from tests.simulation import steps
from tests.simulation.place import dynamodb
from tests.simulation.randomly import Broken, play
from tests.simulation.world import World, world

_RUN = 500
"""Steps of one run; more are done in further runs, from the seeds that follow."""


def main() -> int:
    """Every flow that FLOW names (all where nothing is said) with every fault, then STEPS at random from SEED."""
    wanted, number = os.environ.get("FLOW", ""), int(os.environ.get("STEPS") or 1_000)
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    with dynamodb() as url, world(url) as made:
        clean = _step_by_step(made, wanted) if wanted != "none" else True
        return 0 if _at_random(made, seed, number) and clean else 1


def _step_by_step(made: World, wanted: str) -> bool:
    rows = []
    for flow in steps.all_flows().values():
        if wanted in flow.name:
            rows.append(steps.run(made, flow))
            _say(steps.line(rows[-1]))
            for failure in rows[-1].failures:
                _say(failure)
    _say(steps.table(rows))
    return not steps.total(rows).failures


def _at_random(made: World, seed: int, number: int) -> bool:
    began, done = time.monotonic(), 0
    while done < number:
        count = min(_RUN, number - done)
        _say(f"at random: SEED={seed} STEPS={count}")
        try:
            play(made, seed, count)
        except Broken as broken:
            _say(str(broken))
            return False
        done, seed = done + count, seed + 1
    _say(f"at random: {done} steps clean in {time.monotonic() - began:.0f} s")
    return True


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is its output


if __name__ == "__main__":
    sys.exit(main())
