"""What an operation may cost, and what is held against it.

The budgets are the most that an act may cost. Those marked as promised are what the service was designed for;
the others are what the operation costs today, so that nobody makes one dearer without saying so here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.place import Place

Act = Callable[[], object]

STRIPE_FUNCTIONS = frozenset(
    {
        "auto_reload",
        "cancel",
        "checkout",
        "deposit",
        "onboard_creator",
        "payout",
        "portal",
        "reconcile",
        "resume",
        "set_auto_reload",
        "stripe_events",
        "stripe_webhook",
        "verify_session",
    }
)
"""Those that talk to Stripe."""


@dataclass(frozen=True)
class Budget:
    """The most requests to DynamoDB, write units and read units that an operation may take."""

    requests: int
    write_units: float
    read_units: float
    promised: bool = False

    def holds(self, spent: tuple[int, float, float]) -> bool:
        """Whether requests, write units and read units are within it, each."""
        return all(a <= b for a, b in zip(spent, (self.requests, self.write_units, self.read_units), strict=True))


@dataclass(frozen=True)
class Operation:
    """An operation by the name that the tables show; `prepare` does what comes before and returns the counted act."""

    name: str
    function: str
    budget: Budget
    prepare: Callable[[Place], Act]


def promised(requests: int, write_units: float, read_units: float) -> Budget:
    """A budget that the service was designed for."""
    return Budget(requests, write_units, read_units, promised=True)
