"""What the tests of accounts share."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from tests.rooms.worlds.plans import Heard, listening
from tests.rooms.worlds.stripe import StripeWorld


@pytest.fixture
def heard(parts: Runtime, world: StripeWorld) -> Heard:
    """What operators are told of plans; after `world`, which the rooms are to talk to."""
    del world
    return listening(parts)
