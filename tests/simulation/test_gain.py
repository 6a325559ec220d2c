"""A short run of the player for gain from fixed seeds; a seed that ever gained something is added to them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.simulation import gain
from tests.simulation.chance import repeatable
from tests.simulation.gain import Player, play
from tests.simulation.world import World

SEEDS = (1, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_comes_to_more_than_was_paid_refunded_and_owed(simulated: World, seed: int) -> None:
    made = play(simulated, seed, 60)
    assert sum(made.values()) >= 60


class Told(random.Random):
    """Chance that chooses what it is told, in that order."""

    def __init__(self, *chosen: str) -> None:
        super().__init__(0)
        self._chosen = list(chosen)

    def choice(self, _seq: Any) -> Any:  # noqa: ANN401 - as the method that it stands for
        return self._chosen.pop(0)


def test_a_plan_of_the_month_s_last_hour_is_one_quota_in_the_player_s_hands(simulated: World) -> None:
    simulated.back_to(simulated.bare)
    with repeatable("gain/last hour"):
        player = Player(simulated, Told("business", "monthly"))
        for move in (gain.to_the_month_s_last_hour, gain.buy, gain.cancel, gain.past_the_month_s_end, gain.use_up):
            move(player)
            simulated.hear()
            gain.use_up(player)
        player.check(settled=False)
    assert sum(quantity for _, quantity in player.used) >= 10_000_000
