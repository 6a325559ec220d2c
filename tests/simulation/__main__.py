"""Both modes, by hand: `make simulate [SEED=] [STEPS=]`."""

from __future__ import annotations

import sys

from tests.simulation import steps
from tests.simulation.place import dynamodb
from tests.simulation.world import world


def main() -> int:
    """Every flow with every fault; 1 if anything failed."""
    rows = []
    with dynamodb() as client, world(client) as made:
        for flow in steps.all_flows().values():
            rows.append(steps.run(made, flow))
            print(steps.line(rows[-1]), flush=True)  # noqa: T201 - this is its output
            for failure in rows[-1].failures:
                print(failure, file=sys.stderr)  # noqa: T201
    print(steps.table(rows))  # noqa: T201
    return 1 if steps.total(rows).failures else 0


if __name__ == "__main__":
    sys.exit(main())
