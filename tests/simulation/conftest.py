"""The simulation's world, on a DynamoDB Local of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.place import dynamodb
from tests.simulation.world import World, world


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.dynamodb_local)


@pytest.fixture(scope="session")
def simulated() -> Iterator[World]:
    """One world, which each test sets back to its beginning."""
    with dynamodb() as url, world(url) as made:
        yield made
