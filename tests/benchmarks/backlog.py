"""The reconciler after a long outage: a million events that are all known, looked through page by page."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aerostack_billing.payments.history import PAGE, ListedPayment, Page
from aerostack_billing.platform import clock
from aerostack_billing.reconcile.connected import ConnectedAccounts
from aerostack_billing.reconcile.service import Reconciler
from aerostack_billing.reconcile.store import ProgressStore
from aerostack_billing.webhooks.models import Record
from tests.benchmarks.place import Place
from tests.rooms.conftest import metered

SIZES = (10_000, 1_000_000)
_TYPE = "invoice.paid"
_BODY = "x" * 18_000
"""About what an invoice's event has."""


@dataclass(frozen=True)
class Backlog:
    """What one run took; requests are those to the store."""

    events: int
    requests: int
    peak_kib: int

    @property
    def per_hundred(self) -> float:
        """Requests to the store a hundred events."""
        return 100 * self.requests / self.events


def measured(place: Place) -> Iterator[Backlog]:
    """A run over as many events as each of `SIZES` says."""
    for size in SIZES:
        history, known = _History(size), _Known()
        parts = place.parts
        progress = ProgressStore(parts.dynamo, parts.settings.events_table)
        webhooks = parts.webhooks.service
        reading, webhooks._events = webhooks._events, known
        reconciler = Reconciler(
            progress,
            history,
            webhooks,
            parts.wallet.settlement,
            parts.wallet.store,
            parts.accounts.store,
            parts.accounts.sync,
            parts.telemetry,
            connected=ConnectedAccounts(parts.creators.store, parts.creators.accounts, parts.payments.history),
        )
        progress.advance(clock.seconds() - 60)
        tracemalloc.start()
        with metered(parts.dynamo._client) as meter:
            done = reconciler.run()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        webhooks._events = reading
        yield Backlog(done.events, meter.requests + known.asked, peak // 1024)


class _History:
    """As many events as wanted, all in the first window that is asked for; no payments."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._of: tuple[int, int] | None = None

    def events(
        self, since: int, until: int, after: str | None = None, types: Sequence[str] = ()
    ) -> Page[dict[str, object]]:
        self._of = self._of or (since, until)
        if self._of != (since, until) or _TYPE not in types:
            return Page([], None)
        begin = int(after.removeprefix("evt_")) + 1 if after else 0
        numbers = range(begin, min(begin + PAGE, self._size))
        page = [_event(number, until) for number in numbers]
        return Page(page, str(page[-1]["id"]) if numbers.stop < self._size else None)

    def payments(self, _since: int, _until: int, _after: str | None = None) -> Page[ListedPayment]:
        return Page([], None)


def _event(number: int, at: int) -> dict[str, object]:
    made = {"object": {"id": f"in_{number}", "object": "invoice", "padding": _BODY[: 18_000 - number % 7]}}
    return {"id": f"evt_{number}", "type": _TYPE, "created": at - 1, "data": made}


class _Known:
    """Records of every event that is asked for; how often that was."""

    asked = 0

    def records(self, event_ids: Sequence[str]) -> dict[str, Record]:
        self.asked += 1
        return {event_id: Record(event_id, "invoice.paid", "processed", "", None) for event_id in event_ids}
