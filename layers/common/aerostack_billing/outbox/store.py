"""The Outbox table: domain events, stored together with their effect and deleted once the bus has them.

What is there is what was not sent yet, so that a publisher reads no more than that, and consistently: there is no index
that could lag. Domain events are spread over a few partitions, because they are written inside transactions that move
money, and those must not wait for one another here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from aerostack_billing.outbox.models import DomainEvent, Record
from aerostack_billing.platform.dynamo import Dynamo, Item, Write
from aerostack_billing.values.fields import adapter

LANES: Final = 8

_PAGE = 100
_PUT_AT_ONCE = 100
"""What one transaction of DynamoDB takes."""


class Outbox:
    """Writes, reads and deletes of domain events."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def adding(self, event: DomainEvent) -> Write:
        """The write, for the transaction of the effect, that has the event sent. It has no condition of its own."""
        item: Item = {
            "lane": str(int(event.event_id[-8:], 16) % LANES),
            "queued": f"{event.occurred_at}#{event.event_id}",
            "event_id": event.event_id,
            "type": event.type,
            "occurred_at": event.occurred_at,
            "detail": event.detail(),
        }
        return Write(self._table, {}, put=item)

    def put(self, events: Sequence[DomainEvent]) -> None:
        """Have events sent that go along with no other write; the same one put again, or named twice, is one record."""
        each = list({event.event_id: event for event in events}.values())
        for first in range(0, len(each), _PUT_AT_ONCE):
            self._dynamo.transact(list(map(self.adding, each[first : first + _PUT_AT_ONCE])))

    def waiting(self) -> Iterator[Record]:
        """All that was not sent yet, partition by partition, oldest first in each."""
        for lane in map(str, range(LANES)):
            items = self._dynamo.query(self._table, "lane = :lane", {":lane": lane}, page_size=_PAGE)
            yield from map(adapter(Record).validate_python, items)

    def oldest(self) -> Record | None:
        """What has waited longest; None where nothing waits. A request for each partition."""
        heads = [
            record
            for lane in map(str, range(LANES))
            for item in islice(self._dynamo.query(self._table, "lane = :lane", {":lane": lane}, page_size=1), 1)
            for record in [adapter(Record).validate_python(item)]
        ]
        return min(heads, key=lambda record: record.queued, default=None)

    def remove(self, record: Record) -> None:
        """Take away what the bus has; what is gone already stays gone."""
        self._dynamo.delete(Write(self._table, {"lane": record.lane, "queued": record.queued}, delete=True))
