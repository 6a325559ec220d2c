"""Every flow ends where it should, whichever of its calls breaks and however: here a sample, all in `make simulate`."""

from __future__ import annotations

import pytest

from tests.simulation import steps
from tests.simulation.world import World

_FLOWS = steps.all_flows()


@pytest.mark.parametrize("name", _FLOWS)
def test_a_flow_ends_as_it_should_whichever_call_breaks(simulated: World, name: str) -> None:
    turn = list(_FLOWS).index(name)
    row = steps.run(simulated, _FLOWS[name], turn=turn, most=steps.SAMPLED)
    assert row.failures == []
    assert row.calls
