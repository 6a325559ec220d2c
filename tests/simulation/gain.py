"""The player for gain: pairs of accounts in one pair of hands that want the most for the least.

Of each pair one buys plans and uses up whatever they allow, in the last hour of a month and of a paid period above all.
It deposits, is granted money, pays its accomplice's tools by charges, holds, allowances and batches, has charges taken
back and disputes its payments. The accomplice is a creator who is paid out, and a payer too. All requests are good:
nothing breaks here, and every webhook arrives. What nobody may come to is in `gain_bounds`, the moves in `gain_moves`.

Several pairs live in one world, so that a month passes for all of them at once. A life has `LIFE` moves; more are made
in further lives, from seeds of their own.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import BillingError, PlanLimitExceeded
from tests.rooms.worlds.usage import consume
from tests.simulation.chance import repeatable
from tests.simulation.gain_bounds import Used, gains
from tests.simulation.invariants import violations
from tests.simulation.randomly import Broken
from tests.simulation.tables import Tables
from tests.simulation.world import SCHEDULES, World

LIFE = 1_000
"""Moves of one life, of all its pairs together."""
METRICS = ("api_requests", "ai_tokens")
_DAY = 86_400
_PAIRS = 4
_ROUND = 5
"""Moves of a pair between two jumps of the clock."""
_CHECK_EVERY = 500
_LOG = 80


@dataclass
class Player:
    """Two accounts in one pair of hands."""

    world: World
    chance: random.Random
    name: str = ""
    log: list[str] = field(default_factory=list)
    charges: list[tuple[str, str]] = field(default_factory=list)
    """Payer and id."""
    holds: list[tuple[str, str, int]] = field(default_factory=list)
    """Payer, id and cents."""
    leases: list[dict[str, Any]] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    """Opened at Stripe, and not paid."""
    used: list[Used] = field(default_factory=list)
    keys: int = 0

    def __post_init__(self) -> None:
        self.payer, self.maker = f"acct_gain{self.name}", f"acct_maker{self.name}"

    @property
    def pair(self) -> tuple[str, str]:
        """Both accounts."""
        return self.payer, self.maker

    def either(self) -> tuple[str, str]:
        """Who pays, and whom: mostly the one that has the plan."""
        return self.pair if self.chance.random() < 0.8 else (self.maker, self.payer)

    def key(self) -> str:
        """A new idempotency key."""
        self.keys += 1
        return f"gain{self.name}_{self.keys}"

    def count(self, metric: str, quantity: int) -> None:
        """Note what was used."""
        self.used.append(Used(self.payer, metric, self.world.time.at, quantity))

    def ask(self, act: Callable[[Runtime], Any]) -> Any:  # noqa: ANN401 - what the act answers
        """A request; None where it is refused. What fails for good breaks the run."""
        try:
            return act(self.world.parts)
        except BillingError as error:
            if error.status >= 500:
                raise
            self.log.append(f"  refused: {error.code}")
            return None

    def move(self, move: Callable[[Player], None]) -> None:
        """A move, and at once the most of what it opened."""
        at = datetime.fromtimestamp(self.world.time.at, UTC).strftime("%Y-%m-%d %H:%M")
        self.log.append(f"{at} {self.name} {move.__name__}")
        move(self)
        self.world.hear()
        use_up(self)


def use_up(player: Player) -> None:
    """All that the month leaves."""
    for metric in METRICS:
        while True:
            try:
                figures: dict[str, Any] = consume(player.world.parts, player.payer, 1, metric)
                player.count(metric, 1)
                if figures["remaining"]:
                    consume(player.world.parts, player.payer, figures["remaining"], metric)
                    player.count(metric, figures["remaining"])
            except PlanLimitExceeded:
                break


Move = Callable[[Player], None]


@dataclass
class Life:
    """The pairs of one world, and the time that passes for them: `moves` are made in turn, `jumps` for all at once."""

    world: World
    chance: random.Random
    moves: Mapping[Move, int]
    jumps: Mapping[Move, int]
    log: list[str] = field(default_factory=list)
    made: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        names = "abcdefgh"[:_PAIRS]
        self.players = [Player(self.world, self.chance, name, self.log) for name in names]

    def play(self, count: int) -> None:
        """So many moves. Broken where anything was gained."""
        verbs, weights = list(self.moves), list(self.moves.values())
        jumps, jump_weights = list(self.jumps), list(self.jumps.values())
        for number in range(1, count + 1):
            if number % (_PAIRS * _ROUND) == 0:
                move, player = self.chance.choices(jumps, jump_weights)[0], self.chance.choice(self.players)
                player.move(move)
                for other in self.players:
                    use_up(other)
            else:
                move, player = self.chance.choices(verbs, weights)[0], self.players[number % _PAIRS]
                player.move(move)
            self.made[move.__name__] += 1
            if number % _CHECK_EVERY == 0:
                self.check()
        self.end()

    def end(self) -> None:
        """Days pass, every schedule runs, and then nobody may have gained."""
        for _ in range(2):
            self.world.later(2 * _DAY)
            self.world.hear()
            for schedule in SCHEDULES:
                assert self.world.fire(schedule), f"{schedule} fails"
            self.world.hear()
        self.check()

    def check(self) -> None:
        """Every invariant of the simulation, and that nobody has gained."""
        found = violations(self.world, settled=False)
        tables = Tables(self.world)
        for player in self.players:
            found += gains(self.world, tables, player.pair, player.used)
        if found:
            raise Broken("\n".join(found))


def play(world: World, seed: str, count: int, moves: Mapping[Move, int], jumps: Mapping[Move, int]) -> dict[str, int]:
    """A life of so many moves from the seed; how often each was made. Broken if anything was gained."""
    world.back_to(world.bare)
    # As a run at random before it may have left it.
    world.queued = False
    with repeatable(f"gain/{seed}") as chance:
        life = Life(world, chance, moves, jumps)
        try:
            life.play(count)
        except Exception as error:
            done = "\n".join(life.log[-_LOG:])
            made = sum(life.made.values())
            raise Broken(f"SEED={seed}, after move {made}:\n{error!r}\n{error}\n\nbefore it:\n{done}") from error
    return dict(life.made)
