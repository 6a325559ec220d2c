"""The announced levels of a counter. Each is announced once, and its domain event is stored in the same write.

The announced level stands on the counter's own item. Every answer carries it, so the next caller announces what one
that failed midway did not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, TransactionRefused, Write
from aerostack_billing.usage.counters import read_counters
from aerostack_billing.usage.models import Level


class Thresholds:
    """Conditional writes of the announced levels."""

    def __init__(self, dynamo: Dynamo, table: str, outbox: Outbox) -> None:
        self._dynamo = dynamo
        self._table = table
        self._outbox = outbox

    def announce(
        self,
        account_id: str,
        item: str,
        name: str,
        level: Level,
        *,
        announced: Level,
        event_of: Callable[[Level], DomainEvent],
    ) -> list[Level]:
        """Record that the counter has come to `level`. Returns the levels that this caller, and no other, announces.

        `announced` is the level that the caller read. A level is handed out once, however many callers pass it at the
        same time. Its domain event is stored in the same transaction, or neither is.
        """
        for _ in Level:
            if announced == level:
                return []
            passed = [between for between in Level if announced < between <= level]
            writes = [self._outbox.adding(event_of(between)) for between in passed]
            stood = self._write(account_id, item, name, level, announced, writes)
            if stood is None:
                return passed
            if stood > level > announced:
                return []
            announced = stood
        return []

    def _write(
        self, account_id: str, item: str, name: str, level: Level, instead_of: Level, events: Sequence[Write]
    ) -> Level | None:
        """Write the level, with its events, if the one read still stands. None if done, else what stands."""
        unset = "attribute_not_exists(#level) OR " if instead_of is Level.QUIET else ""
        write = Write(
            self._table,
            {"account_id": account_id, "period": item},
            update="SET #level = :level",
            condition=f"{unset}#level = :before",
            names={"#level": f"{name}_level"},
            values={":level": int(level), ":before": int(instead_of)},
        )
        try:
            if events:
                self._dynamo.transact([write, *events])
            else:
                self._dynamo.update(write)
        except (ConditionFailed, TransactionRefused) as failed:
            there = failed.item if isinstance(failed, ConditionFailed) else failed.reasons[0].item
            return read_counters(there).counters[name].announced if there else level
        return None
