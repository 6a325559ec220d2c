"""One local stack for the attacks; the fuzzing has its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.testing import running_stack
from tests.flows.client import Api


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """The API of a stack that is empty at first."""
    with running_stack(parameters={"StripeRequestsPerMinute": "100000"}) as stack:
        yield Api(stack)
