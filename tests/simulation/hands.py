"""Step by step, too, staff at Stripe and the bank act: right before any request to Stripe of any flow.

What a flow comes to then is open, and its own end is not asked for. But nothing is answered "try again" for ever, every
invariant holds in the end, and the owner has a way on.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tests.simulation import verbs_bank, verbs_staff
from tests.simulation.faults import STRIPE, Call
from tests.simulation.world import World


class Hand(Protocol):
    """Where somebody acts, and the chance that chooses among what is there."""

    world: World
    chance: random.Random


@dataclass
class _Hand:
    world: World
    chance: random.Random


Act = Callable[[Hand], bool]
_ACTS: tuple[Act, ...] = (
    verbs_staff.deletes_a_customer,
    verbs_staff.sells_enterprise,
    verbs_staff.sells_what_is_no_plan,
    verbs_staff.ends_a_subscription,
    verbs_staff.sets_an_end,
    verbs_staff.treats_an_invoice,
    verbs_staff.refunds_a_plan,
    verbs_staff.replaces_a_price,
    verbs_bank.inquires,
    verbs_bank.disputes_a_deposit,
    verbs_bank.refuses_a_refund,
    verbs_bank.warns,
)
HANDS: dict[str, Act] = {act.__name__.replace("_", " "): act for act in _ACTS}
"""What may be done, by its name."""


def hands_for(call: Call) -> list[str]:
    """Who may act before the call: everybody, before a request to Stripe."""
    return list(HANDS) if call.wire == STRIPE else []


def hand(world: World, kind: str, seed: str) -> Callable[[], object] | None:
    """The act of that kind, to be carried out at the moment of the call; None if no hand is of that kind."""
    act = HANDS.get(kind)
    return partial(act, _Hand(world, random.Random(seed))) if act else None
