"""What several tests of the charge queue put aside into."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from tests.rooms.worlds.usage import Letters


@pytest.fixture
def refused(parts: Runtime) -> Letters:
    """Where what pages nobody is kept."""
    refused = Letters()
    parts.wallet.refused_charges = refused  # type: ignore[assignment]
    return refused


@pytest.fixture
def letters(parts: Runtime, refused: Letters) -> Letters:
    """Where what pages is put."""
    letters = Letters()
    parts.wallet.dead_letters = letters  # type: ignore[assignment]
    return letters
