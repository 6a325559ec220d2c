"""What several tests of the usage queue put aside into."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from tests.rooms.worlds.usage import Letters


@pytest.fixture
def refused(parts: Runtime) -> Letters:
    """Where what a stopped sender sent is kept, and pages nobody."""
    refused = Letters()
    parts.usage.refused_usage = refused  # type: ignore[assignment]
    return refused


@pytest.fixture
def letters(parts: Runtime, refused: Letters) -> Letters:
    """Where what pages is put."""
    assert refused.kept == []
    letters = Letters()
    parts.usage.dead_letters = letters  # type: ignore[assignment]
    return letters
