"""How far the reconciler has come."""

from __future__ import annotations

from aerostack_billing.platform.dynamo import Dynamo, Write

_PROGRESS = "reconcile#progress"


class ProgressStore:
    """How far the reconciler came: one item of the Events table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def through(self) -> int | None:
        """Up to when all was looked through; None before the first run."""
        item = self._dynamo.get(self._table, {"event_id": _PROGRESS})
        through = item.get("through") if item else None
        return through if isinstance(through, int) else None

    def advance(self, through: int) -> None:
        """Record that all up to `through` was looked through; never goes back."""
        self._dynamo.advance(
            Write(
                self._table,
                {"event_id": _PROGRESS},
                update="SET through = :through",
                condition="attribute_not_exists(through) OR through < :through",
                values={":through": through},
            )
        )
