"""Sends what waits in the outbox: at least once, since a record goes only after the bus has taken it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aerostack_billing.outbox.bus import MOST_AT_ONCE, MOST_BYTES, EventBus, size
from aerostack_billing.outbox.models import Record
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.platform import clock


class PublishListener(Protocol):
    """Watches that domain events are sent."""

    def event_refused(self, record: Record, code: str) -> None:
        """Called for an event that the bus did not take; the next run sends it again."""

    def events_waited(self, seconds: int) -> None:
        """Called once a run that found any: how long the oldest had waited."""


@dataclass(frozen=True)
class Published:
    """What one run did."""

    sent: int
    refused: int


class Publisher:
    """Takes domain events from the outbox to the bus."""

    def __init__(self, outbox: Outbox, bus: EventBus, listener: PublishListener) -> None:
        self._outbox = outbox
        self._bus = bus
        self._listener = listener

    def run(self, may_go_on: Callable[[], bool] = lambda: True) -> Published:
        """Send all that waits. Safe to stop anywhere and to run twice at once: then some is sent twice.

        What the bus refuses is reported and left for the next run. BusUnavailable where it cannot be reached.
        """
        sent = refused = waited = 0
        for batch in _batches(self._outbox.waiting()):
            if not may_go_on():
                break
            waited = max(waited, *map(_waited, batch))
            errors = self._bus.put(batch)
            for record in batch:
                if record.event_id in errors:
                    self._listener.event_refused(record, errors[record.event_id])
                else:
                    self._outbox.remove(record)
            sent, refused = sent + len(batch) - len(errors), refused + len(errors)
        if sent or refused:
            self._listener.events_waited(waited)
        return Published(sent, refused)


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """The records in their order, as many at once as one call takes."""
    batch: list[Record] = []
    total = 0
    for record in records:
        if batch and (len(batch) == MOST_AT_ONCE or total + size(record) > MOST_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(record)
        total += size(record)
    if batch:
        yield batch


def _waited(record: Record) -> int:
    return max(0, int(clock.unix() - datetime.fromisoformat(record.occurred_at).timestamp()))
