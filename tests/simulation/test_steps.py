"""Every flow ends where it should, whichever of its calls breaks and however: here a sample, all in `make simulate`."""

from __future__ import annotations

import pytest

from tests.simulation import steps
from tests.simulation.faults import DUPLICATE
from tests.simulation.world import World

_FLOWS = steps.all_flows()


@pytest.mark.parametrize("name", _FLOWS)
def test_a_flow_ends_as_it_should_whichever_call_breaks(simulated: World, name: str) -> None:
    turn = list(_FLOWS).index(name)
    row = steps.run(simulated, _FLOWS[name], turn=turn, most=steps.SAMPLED)
    assert row.failures == []
    assert row.calls


FOUND = [
    ("hold, lapsed and then captured", "query wallets", DUPLICATE),
    ("hold, lapsed and then captured", "get_item ledger", DUPLICATE),
    ("deposit disputed, what it paid for pending", "transact_write_items creators+ledger+wallets", DUPLICATE),
]
"""Flow, call and kind of what once broke."""


@pytest.mark.parametrize(("name", "call", "kind"), FOUND)
def test_what_once_broke_a_flow_breaks_it_no_more(simulated: World, name: str, call: str, kind: str) -> None:
    flow = _FLOWS[name]
    start = steps.prepared(simulated, flow)
    assert steps.replay(simulated, flow, start, steps.Strike()) is None
    numbers = [number for number, made in enumerate(simulated.calls.made, 1) if str(made) == call]
    assert numbers
    for number in numbers:
        assert steps.replay(simulated, flow, start, steps.Strike(number, kind)) is None


MEANWHILE = [name for name in _FLOWS if "while" in name]


@pytest.mark.parametrize("name", MEANWHILE)
def test_an_older_answer_of_stripes_never_stands_over_a_newer_one(simulated: World, name: str) -> None:
    """Between any two calls of one process more happens at Stripe, and another process takes it in.

    Whoever asked before and writes after must find that something was written since. A dispute that was won was taken
    for an open one, and a cancellation that was taken back for one that stands, as long as an event that brought
    nothing new wrote its mark alone.
    """
    flow = _FLOWS[name]
    start = steps.prepared(simulated, flow)
    assert steps.replay(simulated, flow, start, steps.Strike()) is None
    first_half = range(1, len(simulated.calls.made) // 2 + 1)
    failed = [steps.replay(simulated, flow, start, steps.Strike(number, DUPLICATE)) for number in first_half]
    assert [answer for answer in failed if answer is not None] == []
