"""How far the reconciler has come."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from aerostack_billing.ledger.ledger import present
from aerostack_billing.platform.dynamo import Dynamo, Item, Write
from aerostack_billing.values.fields import adapter

_PROGRESS = "reconcile#progress"


@dataclass(frozen=True)
class Window:
    """A span of time that is being looked through. Times are unix seconds.

    `listing` is the list that is read, newest first, and `after` the id behind which it goes on. `types` is the
    group of types that a list of events is of. `failed`: something on an earlier page could not be taken in.
    """

    since: int
    until: int
    listing: Literal["events", "payments"] = "events"
    after: str | None = None
    failed: bool = False
    types: int = 0


@dataclass(frozen=True)
class Progress:
    """Up to when all was looked through (None before the first run), and the window in which a run ended, if any."""

    through: int | None = None
    window: Window | None = None


class ProgressStore:
    """How far the reconciler came: one item of the Events table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def read(self) -> Progress:
        """The progress as it is stored."""
        item = self._dynamo.get(self._table, _key())
        if item is None:
            return Progress()
        progress: Progress = adapter(Progress).validate_python(item)
        return progress

    def keep(self, window: Window | None) -> None:
        """Keep the window that a run is in, so that one that is cut off goes on there; None: none any more."""
        if window is None:
            self._dynamo.update(Write(self._table, _key(), update="REMOVE #window", names={"#window": "window"}))
            return
        self._dynamo.update(
            Write(
                self._table,
                _key(),
                update="SET #window = :window",
                names={"#window": "window"},
                values={":window": present(asdict(window))},
            )
        )

    def advance(self, through: int) -> None:
        """Record that all up to `through` was looked through, the window too; never goes back."""
        self._dynamo.advance(
            Write(
                self._table,
                _key(),
                update="SET through = :through REMOVE #window",
                condition="attribute_not_exists(through) OR through < :through",
                names={"#window": "window"},
                values={":through": through},
            )
        )


def _key() -> Item:
    return {"event_id": _PROGRESS}
