"""What holds for every test."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A slow machine fails no property: none of them is about time. In CI, Hypothesis draws the same examples each time.
settings.register_profile("untimed", parent=settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("untimed")


LONG = (
    "tests/simulation/test_steps.py",
    "tests/security/test_fuzzing.py",
    "tests/rooms/test_optimized.py",
    "tests/template/test_grants.py",
    "tests/security/test_logs.py",
    "tests/simulation/test_random.py",
    "tests/simulation/test_gain.py",
    "tests/flows/test_creators.py",
    "tests/flows/test_readme.py",
    "tests/ctl/test_doc.py",
    "tests/local/test_keeping.py",
    "tests/rooms/usage/test_lease_simulation.py",
)
"""Begun first, so that no process works on one of them alone at the end while the others have nothing left."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; and mark what needs DynamoDB Local: every test of a fixture that leads to it."""
    turn = {file: number for number, file in enumerate(LONG)}
    items.sort(key=lambda item: turn.get(item.nodeid.partition("::")[0], len(LONG)))
    for item in items:
        if "endpoint" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.dynamodb_local)
