from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_stripe.harness import Stack, Switchboard


@pytest.fixture(scope="session")
def board() -> Iterator[Switchboard]:
    made = Switchboard()
    yield made
    made.close()


@pytest.fixture
def stack(board: Switchboard) -> Iterator[Stack]:
    """A fresh local Stripe; when the test is over, all it answered and told is held to Stripe's document."""
    made = Stack(board)
    yield made
    made.stripe.stop()
    made.require_conformance()
