"""Records of Stripe's events in the Events table: which have taken effect, and what became of the others."""

from __future__ import annotations

from aerostack_billing import clock
from aerostack_billing.dynamo import ConditionFailed, Dynamo, Item, Write
from aerostack_billing.webhooks.models import Outcome

KEPT_SECONDS = 90 * 86400
"""Stripe sends again for three days and lists events for thirty; after that nothing can arrive twice."""


class EventStore:
    """Reads and writes event records."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def seen(self, event_id: str) -> bool:
        """Whether the event has a record: it took effect, or was found to have none."""
        return self._dynamo.get(self._table, {"event_id": _key(event_id)}) is not None

    def mark(self, outcome: Outcome) -> Write:
        """The write, for the transaction of the effect, that records the event unless it is recorded."""
        item: Item = {
            "event_id": _key(outcome.event_id),
            "type": outcome.event_type,
            "result": outcome.result,
            "received_at": clock.iso_now(),
            "expires_at": clock.seconds() + KEPT_SECONDS,
        }
        if outcome.account_id is not None:
            item["account_id"] = outcome.account_id
        return Write(self._table, {}, put=item, condition="attribute_not_exists(event_id)")

    def record(self, outcome: Outcome) -> None:
        """Record an event that has no effect on any table; one recorded before stays as it is."""
        try:
            self._dynamo.put(self.mark(outcome))
        except ConditionFailed:
            return


def _key(event_id: str) -> str:
    return f"stripe#{event_id}"
