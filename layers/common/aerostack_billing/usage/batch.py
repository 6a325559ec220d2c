"""Batches: up to a hundred events in one call, each answered as it would have been alone.

The events of one account and month are decided together, in their order, and counted by one write. Where all pass and
none has a key, that write is the only request. Else the counters are read first, and the write, with the records of
the keys and their answers, holds only if they are still as they were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aerostack_billing.idempotency.store import KEPT_SECONDS, IdempotencyStore, Keyed, key_reused, keyed
from aerostack_billing.plans.models import STORAGE
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.usage.counters import CountersItem
from aerostack_billing.usage.models import ConsumeRequest, Counter
from aerostack_billing.usage.service import Metering
from aerostack_billing.usage.store import STORAGE_ITEM, KeyTaken, NoRoom, Raced, UsageStore
from aerostack_billing.values.errors import BillingError, StoreUnavailable
from aerostack_billing.values.fields import validated_each

_ATTEMPTS = 20
_KEYS_AT_ONCE = 80
"""Records that one transaction writes beside the counters; it holds a hundred actions at most."""


@dataclass(frozen=True)
class Result:
    """What one event would have been answered alone."""

    status: int
    body: Mapping[str, object]

    def view(self) -> dict[str, object]:
        """As `results` lists it."""
        return {"status": self.status, **self.body}


@dataclass(frozen=True)
class _Event:
    """An event in its place."""

    place: int
    request: ConsumeRequest

    @property
    def counts(self) -> bool:
        """Whether anything is to be counted."""
        return not self.request.dry_run

    @property
    def key(self) -> str | None:
        """The key under which it is counted once."""
        return self.request.idempotency_key if self.counts else None


class Batch:
    """Counts many events at once."""

    def __init__(
        self,
        metering: Metering,
        usage: UsageStore,
        idempotency: IdempotencyStore,
        keys_kept_seconds: int = KEPT_SECONDS,
    ) -> None:
        self._metering = metering
        self._usage = usage
        self._idempotency = idempotency
        self._keys_kept_seconds = keys_kept_seconds

    def run(self, events: Sequence[Mapping[str, object]]) -> list[Result]:
        """The result of each event, in order. One that is refused refuses no other."""
        results: dict[int, Result] = {}
        groups: dict[tuple[str, str], list[_Event]] = {}
        month = clock.period()
        for place, request in enumerate(validated_each(ConsumeRequest, events)):
            try:
                if isinstance(request, BillingError):
                    raise request
                self._metering.check(request)
            except BillingError as error:
                results[place] = _refused(error)
                continue
            item = STORAGE_ITEM if request.metric == STORAGE else month
            groups.setdefault((request.account_id, item), []).append(_Event(place, request))
        for (account_id, item), group in groups.items():
            self._count(account_id, item, group, results)
        return [results[place] for place in range(len(events))]

    def _alone(self, request: ConsumeRequest) -> Result:
        try:
            return Result(200, self._metering.consume(request, batched=True).body)
        except BillingError as error:
            return _refused(error)

    def _count(self, account_id: str, item: str, group: list[_Event], results: dict[int, Result]) -> None:
        """Decide and count the events of one item, a transaction's worth of keys at a time."""
        for events in _by_keys(group):
            plain = all(event.counts and event.key is None and event.request.quantity > 0 for event in events)
            count = self._count_blindly if plain else self._count_as_read
            try:
                count(account_id, item, events, results)
            except StoreUnavailable as error:
                # What another write counted stands: its events keep their results.
                results.update({event.place: _refused(error) for event in events})

    def _count_blindly(self, account_id: str, item: str, events: list[_Event], results: dict[int, Result]) -> None:
        """Count all, in the hope that there is room for all: one request.

        Where so much is counted that it leaves a record, the counters are read instead.
        """
        totals = _totals(events)
        if self._metering.large_counts.may_be(totals):
            self._count_as_read(account_id, item, events, results)
            return
        try:
            after = self._metering.opened(account_id, item, lambda: self._usage.add_all(account_id, item, totals))
        except NoRoom as none:
            self._count_as_read(account_id, item, events, results, none.counters_item)
            return
        counters = {
            name: Counter(c.used - totals.get(name, 0), c.room + totals.get(name, 0))
            for name, c in after.counters.items()
        }
        self._decide(item, events, CountersItem(after.tier, counters), results)
        self._tell(account_id, item, totals, after)

    def _count_as_read(
        self,
        account_id: str,
        item: str,
        events: list[_Event],
        results: dict[int, Result],
        counters_item: CountersItem | None = None,
    ) -> None:
        """Decide by the counters as they are read, and count what passes if they are still so."""
        for _ in attempts(_ATTEMPTS):
            counters_item = counters_item or self._metering.opened(
                account_id, item, lambda: self._usage.counters_item(account_id, item)
            )
            passing = self._decide(item, events, counters_item, results)
            claimed = [event for event in passing if event.key is not None]
            totals = _totals(passing)
            try:
                if passing:
                    claims = [self._claim(event, results[event.place]) for event in claimed]
                    claims += self._metering.large_counts.records(account_id, item, totals, counters_item.tier)
                    self._usage.add_as_read(account_id, item, totals, counters_item, claims)
            except Raced:
                counters_item = None
                continue
            except KeyTaken as taken:
                # A key that was used before is answered by its record; the others are decided again.
                used = {claimed[place].key for place in taken.places}
                events, counters_item = self._answered(events, used, results), None
                continue
            for event in passing:
                if event.request.quantity < 0:
                    self._metering.freed(account_id, event.request.metric, -event.request.quantity)
            # A refused event whose key passed in another call is answered as then.
            fresh = {event.key for event in claimed}
            refused = {event.key for event in events if results[event.place].status == 403}
            self._answered(events, refused - fresh - {None}, results)
            self._tell(account_id, item, {event.request.metric for event in events}, _after(counters_item, totals))
            return
        self._answered(events, {event.key for event in events}, results)

    def _answered(self, events: list[_Event], keys: set[str | None], results: dict[int, Result]) -> list[_Event]:
        """Answer those that count alone whose key is among `keys`; the others."""
        for event in events:
            if event.counts and event.key in keys:
                results[event.place] = self._alone(event.request)
        return [event for event in events if event.key not in keys]

    def _claim(self, event: _Event, result: Result) -> Write:
        return self._idempotency.claim(_asked(event.request), dict(result.body), kept_seconds=self._keys_kept_seconds)

    def _decide(
        self, item: str, events: list[_Event], counters_item: CountersItem, results: dict[int, Result]
    ) -> list[_Event]:
        """Go through the events in order, as if each were alone; which of them are to be counted, all with results."""
        counters, passing, first = dict(counters_item.counters), [], dict[str, _Event]()
        now = CountersItem(counters_item.tier, counters)
        for event in events:
            request = event.request
            earlier = first.get(event.key) if event.key is not None else None
            if earlier is not None:
                results[event.place] = _again(request, earlier.request, results[earlier.place])
                continue
            counter = counters[request.metric]
            if request.quantity > max(0, counter.room) or -request.quantity > counter.used:
                results[event.place] = _refused(self._metering.refused(request, item, now))
                continue
            if event.counts:
                passing.append(event)
                first |= {event.key: event} if event.key is not None else {}
                used, room = counter.used + request.quantity, counter.room - request.quantity
                counters[request.metric] = Counter(used, room, counter.announced)
            figures = self._metering.figures(item, request.metric, now)
            results[event.place] = Result(200, {"allowed": True, **figures.view()})
        return passing

    def _tell(self, account_id: str, item: str, metrics: Iterable[str], after: CountersItem) -> None:
        for metric in sorted(metrics):
            self._metering.tell(account_id, item, metric, after)


def _by_keys(events: list[_Event]) -> Iterator[list[_Event]]:
    """The events in their order, in runs that have few enough keys for one transaction."""
    run: list[_Event] = []
    keys: set[str] = set()
    for event in events:
        if event.key is not None and event.key not in keys and len(keys) == _KEYS_AT_ONCE:
            yield run
            run, keys = [], set()
        keys |= {event.key} if event.key is not None else set()
        run.append(event)
    yield run


def _again(request: ConsumeRequest, first: ConsumeRequest, result: Result) -> Result:
    """The result of a key that passed earlier in the same batch."""
    if (request.metric, request.quantity) == (first.metric, first.quantity):
        return result
    return _refused(key_reused())


def _asked(request: ConsumeRequest) -> Keyed:
    asked = {"metric": request.metric, "quantity": request.quantity}
    return keyed("consume", request.account_id, request.idempotency_key or "", asked)


def _totals(events: Sequence[_Event]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for event in events:
        totals[event.request.metric] = totals.get(event.request.metric, 0) + event.request.quantity
    return totals


def _after(counters_item: CountersItem, totals: Mapping[str, int]) -> CountersItem:
    counters = {
        name: Counter(c.used + totals.get(name, 0), c.room - totals.get(name, 0), c.announced)
        for name, c in counters_item.counters.items()
    }
    return CountersItem(counters_item.tier, counters)


def _refused(error: BillingError) -> Result:
    return Result(error.status, error.view())
