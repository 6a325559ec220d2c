"""Step by step: every flow, with every call of it struck in every way that such a call can be."""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from aerostack_billing.values.errors import BillingError
from tests.simulation import (  # noqa: F401 - they note their flows
    flows_charging,
    flows_creators,
    flows_money,
    flows_notices,
    flows_plans,
    flows_queued,
    flows_spending,
    flows_usage,
)
from tests.simulation.chance import repeatable
from tests.simulation.faults import DEAF, Call, kinds_for
from tests.simulation.flows import FLOWS, Flow
from tests.simulation.hands import hand, hands_for
from tests.simulation.invariants import violations
from tests.simulation.ways_on import ways_on
from tests.simulation.world import Picture, StillFailing, World

SAMPLED = 5
"""How many calls of each flow the test suite strikes, one way each; see `sampled`."""


@dataclass(frozen=True)
class Strike:
    """One replay: which call is struck, and how; number 0 strikes none: what is wrong is wrong all along."""

    number: int = 0
    kind: str = ""


@dataclass
class Row:
    """What became of a flow: its calls, how often it was replayed, and what failed."""

    flow: str
    calls: list[Call]
    tried: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0


def prepared(world: World, flow: Flow) -> Picture:
    """The world as the flow begins."""
    world.back_to(world.bare)
    world.queued = flow.queued
    with repeatable(f"{flow.name}/prepare"):
        flow.prepare(world)
    assert violations(world, settled=False) == []
    return world.picture()


def replay(world: World, flow: Flow, start: Picture, strike: Strike) -> str | None:
    """Go through the flow with one call struck, let the world go on, and look; what failed, or None."""
    world.back_to(start)
    seed = f"{flow.name}/{strike.number}/{strike.kind}"
    with repeatable(seed):
        world.strike(strike.number, strike.kind, seed)
        world.events_lost = strike.kind == DEAF
        try:
            world.calls.hand = hand(world, strike.kind, seed)
            found = _with_a_hand(world, flow) if world.calls.hand else _to_its_end(world, flow)
            if strike.number and world.calls.struck is None:
                return "the call to be struck was never made"
            found += violations(world)
        except Exception:  # noqa: BLE001 - whatever escapes is what failed
            return traceback.format_exc()
    return "; ".join(found) or None


def _to_its_end(world: World, flow: Flow) -> list[str]:
    flow.act(world)
    world.go_on()
    flow.end(world)
    return []


def _with_a_hand(world: World, flow: Flow) -> list[str]:
    """Where somebody else interferes, the flow may be refused, or come to another end than its own."""
    try:
        flow.act(world)
    except StillFailing:
        raise
    except (BillingError, AssertionError) as error:
        if isinstance(error, BillingError) and error.status >= 500:
            raise
    world.go_on()
    keys = (f"way on {number}" for number in itertools.count())
    return ways_on(world, [world.account], lambda: next(keys))


def every(calls: list[Call]) -> Iterator[Strike]:
    """Webhooks that never arrive, every call struck in every way it can be, and every hand before every one."""
    yield Strike(0, DEAF)
    for number, call in enumerate(calls, 1):
        for kind in (*kinds_for(call), *hands_for(call)):
            yield Strike(number, kind)


def sampled(calls: list[Call], turn: int, most: int) -> Iterator[Strike]:
    """Each call struck in one way, the ways taking turns; of a long flow's calls every so many, `most` in all.

    Before them, as in `every`, the flow without a webhook.
    """
    yield Strike(0, DEAF)
    stride = -(-len(calls) // most)
    for number in range(1 + turn % stride, len(calls) + 1, stride):
        kinds = [*kinds_for(calls[number - 1]), *hands_for(calls[number - 1])]
        yield Strike(number, kinds[(number // stride + turn) % len(kinds)])


def run(world: World, flow: Flow, *, turn: int | None = None, most: int = 1_000) -> Row:
    """Replay the flow with every strike, or with the sample of a turn."""
    began = time.monotonic()
    start = prepared(world, flow)
    failed = replay(world, flow, start, Strike())
    row = Row(flow.name, list(world.calls.made), 1)
    if failed is not None:
        row.failures.append(f"{flow.name}, nothing struck: {failed}")
        return row
    strikes: Iterable[Strike] = every(row.calls) if turn is None else sampled(row.calls, turn, most)
    for strike in strikes:
        row.tried += 1
        failed = replay(world, flow, start, strike)
        if failed is not None:
            call = f"call {strike.number} ({row.calls[strike.number - 1]}), " if strike.number else ""
            row.failures.append(f"{flow.name}, {call}{strike.kind}: {failed}")
    row.seconds = time.monotonic() - began
    return row


def table(rows: list[Row]) -> str:
    """The rows as lines of text, with their sum."""
    lines = [f"{'flow':48} {'calls':>6} {'faults':>7} {'failed':>7} {'seconds':>8}"]
    return "\n".join([*lines, *map(line, [*rows, total(rows)])])


def line(row: Row) -> str:
    """A row as text."""
    return f"{row.flow:48} {len(row.calls):6} {row.tried:7} {len(row.failures):7} {row.seconds:8.1f}"


def total(rows: list[Row]) -> Row:
    """All rows as one."""
    return Row(
        f"{len(rows)} flows",
        [call for row in rows for call in row.calls],
        sum(row.tried for row in rows),
        [failure for row in rows for failure in row.failures],
        sum(row.seconds for row in rows),
    )


def all_flows() -> dict[str, Flow]:
    """Every flow by its name."""
    return FLOWS
