"""A short run of the player for gain from fixed seeds; a seed that ever gained something is added to them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from aerostack_billing.platform import clock
from aerostack_billing.platform.config import Settings
from tests.rooms.bounds.kinds import unlisted
from tests.rooms.worlds.wallet import fund
from tests.simulation import gain_moves
from tests.simulation.chance import repeatable
from tests.simulation.gain import Life, use_up
from tests.simulation.gain_bounds import Used
from tests.simulation.gain_moves import JUMPS, MOVES, play
from tests.simulation.randomly import Broken
from tests.simulation.tables import Tables
from tests.simulation.world import World, world

SEEDS = ("1", "2")


@pytest.fixture(scope="module")
def in_memory(simulated: World) -> Iterator[World]:
    """A world whose tables are in this process."""
    with world(None) as made:
        yield made


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_comes_to_more_than_was_paid_refunded_and_owed(in_memory: World, seed: str) -> None:
    assert sum(play(in_memory, seed, 400).values()) == 400


def test_nobody_comes_to_more_by_trials(in_memory: World) -> None:
    plain = in_memory.settings
    in_memory.settings = Settings({**plain.environment, "TRIAL_DAYS": "14"})
    try:
        play(in_memory, "trials", 400)
        tried = [s for s in in_memory.stripe.world.all("subscription").values() if "trial_days" in s["metadata"]]
        assert len(tried) >= 4
        assert any(s["status"] == "active" and s["trial_end"] for s in tried)
    finally:
        in_memory.settings = plain
        in_memory.restart()


def test_the_tables_in_memory_end_as_those_of_dynamodb_local(simulated: World, in_memory: World) -> None:
    ends = []
    for each in (simulated, in_memory):
        with clock.using(each.time.unix):
            play(each, "alike", 200)
        rows = Tables(each).rows
        assert [item for name, items in rows.items() for item in unlisted(name.removesuffix("Table"), items)] == []
        ends.append({name: sorted(repr(_comparable(item)) for item in items) for name, items in rows.items()})
    assert ends[0] == ends[1]
    assert sum(map(len, ends[0].values())) > 200


_BY_TURN = {"seq", "hash", "previous_hash", "head", "balance_after", "held_after"}
"""What says which came first: an index has no order among holds that end in one second."""


def _comparable(item: object) -> object:
    if isinstance(item, dict):
        return {name: _comparable(item[name]) for name in sorted(item) if name not in _BY_TURN}
    return sorted(item) if isinstance(item, set) else item


GOOD = "4242424242424242"


class Told(random.Random):
    """Chance that chooses what it is told, in that order."""

    def __init__(self, *chosen: str) -> None:
        super().__init__(0)
        self._chosen = list(chosen)

    def choice(self, _seq: Any) -> Any:  # noqa: ANN401 - as the method that it stands for
        return self._chosen.pop(0)


@pytest.fixture
def life(in_memory: World) -> Iterator[Life]:
    in_memory.back_to(in_memory.bare)
    with repeatable("gain/told") as chance:
        yield Life(in_memory, chance, MOVES, JUMPS)


def test_a_plan_of_the_month_s_last_hour_is_one_quota_in_the_player_s_hands(life: Life) -> None:
    player = life.players[0]
    player.chance = Told("business", "monthly", GOOD)
    for move in (gain_moves.to_the_month_s_last_hour, gain_moves.buy, gain_moves.cancel):
        player.move(move)
    turn = datetime(2026, 4, 1, tzinfo=UTC).timestamp()
    assert life.world.time.at < turn
    life.world.later(turn + 60 - life.world.time.at)
    use_up(player)
    life.check()
    assert sum(each.quantity for each in player.used if each.metric == "api_requests") >= 12_000_000


def test_more_than_was_paid_for_is_a_gain(life: Life) -> None:
    player = life.players[0]
    player.move(gain_moves.lease_and_settle)
    player.used.append(Used(player.payer, "api_requests", life.world.time.at, 12_000_000))
    with pytest.raises(Broken, match=r"12055000 api_requests, and 55000 were Free's"):
        life.check()


def test_money_that_nobody_deposited_is_a_gain(life: Life) -> None:
    player = life.players[0]
    fund(life.world.parts, player.payer, 500)
    with pytest.raises(Broken, match="5000000 in wallets and 0 earned of 0 deposited"):
        life.check()
