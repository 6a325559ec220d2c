"""What holds for every test."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A slow machine fails no property: none of them is about time. In CI, Hypothesis draws the same examples each time.
settings.register_profile("untimed", parent=settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs DynamoDB Local: every test of a fixture that leads to it."""
    for item in items:
        if "endpoint" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.dynamodb_local)
