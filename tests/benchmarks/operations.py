"""Every operation whose cost is known."""

from __future__ import annotations

from tests.benchmarks import counting, paying, telling  # noqa: F401 - they put their operations on the list
from tests.benchmarks.registering import OPERATIONS

__all__ = ["OPERATIONS"]
