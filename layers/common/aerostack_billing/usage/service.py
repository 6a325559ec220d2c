"""Metering: count what is used, refuse what is over the limit, tell when a threshold is passed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.idempotency.store import Answered, IdempotencyStore, Keyed, keyed
from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import BURST_METRIC, STORAGE
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import EXPECTED_SECONDS, attempts
from aerostack_billing.usage.bursts import BurstReached
from aerostack_billing.usage.counters import CountersItem
from aerostack_billing.usage.domain_events import threshold_event
from aerostack_billing.usage.large import LargeCounts
from aerostack_billing.usage.models import Burst, ConsumeRequest, Counter, Figures, Level
from aerostack_billing.usage.store import (
    RESOURCES_ITEM,
    STORAGE_ITEM,
    KeyTaken,
    NoRoom,
    NotOpen,
    UsageStore,
    is_month,
    item_of,
    limits_of,
    tier_of,
)
from aerostack_billing.usage.thresholds import Thresholds
from aerostack_billing.values.errors import (
    GaugeBelowZero,
    InvalidRequest,
    PlanLimitExceeded,
    RateLimitExceeded,
    StoreUnavailable,
)

Result = TypeVar("Result")
_OPEN_ATTEMPTS = 5


class ThresholdListener(Protocol):
    """Whoever wants to know that an account came near, or over, a limit."""

    def threshold_passed(self, account_id: str, level: Level, figures: Figures) -> None:
        """Called once for each level of a counter."""

    def given_back(self, account_id: str, name: str, quantity: int) -> None:
        """Called when storage was given back, or the place of a resource: it makes room that may be sold again."""


@dataclass(frozen=True)
class Consumed:
    """The answer to a consume that passed; `replayed` when it is the first answer to the key, given again."""

    body: dict[str, object]
    replayed: bool = False
    burst: Burst | None = None
    """The calls of the minute, where they were counted against a limit."""

    @property
    def headers(self) -> dict[str, str]:
        """What the answer tells of the burst limit."""
        return _rate_headers(self.burst) if self.burst else {}


class Metering:
    """Counts usage against the ceilings that the counters carry."""

    def __init__(
        self,
        usage: UsageStore,
        accounts: AccountStore,
        idempotency: IdempotencyStore,
        catalog: Catalog,
        thresholds: Thresholds,
        listener: ThresholdListener,
        large_counts: LargeCounts,
    ) -> None:
        self._usage = usage
        self._accounts = accounts
        self._idempotency = idempotency
        self._catalog = catalog
        self._thresholds = thresholds
        self._listener = listener
        self.large_counts = large_counts

    def consume(self, request: ConsumeRequest, *, batched: bool = False) -> Consumed:
        """Count the quantity if the limit and its grace allow; the figures after it.

        PlanLimitExceeded (403) with the figures and nothing counted if they do not; RateLimitExceeded (429), nothing
        counted either, over the burst limit, which an event of a batch (`batched`) is not under; UnknownMetric and
        InvalidRequest (422) for what cannot be counted; IdempotencyKeyReused (409) for a key that stood for another
        request.
        """
        self.check(request)
        item, throttled = item_of(request.metric), request.metric == BURST_METRIC and not batched
        if request.dry_run:
            return self._rehearse(request, item, throttled=throttled)
        if request.idempotency_key is not None:
            return self._consume_once(request, item, request.idempotency_key, throttled=throttled)
        try:
            counters_item = self.opened(
                request.account_id, item, lambda: self._counted(request, item, throttled=throttled)
            )
        except NoRoom as none:
            self.tell(request.account_id, item, request.metric, none.counters_item)
            raise self.refused(request, item, none.counters_item) from none
        except BurstReached as reached:
            raise _too_fast(reached.burst) from reached
        return self._passed(request, item, counters_item, throttled=throttled)

    def _counted(self, request: ConsumeRequest, item: str, *, throttled: bool) -> CountersItem:
        """Count without a key: by one write, and where the count is a large one together with its record."""
        account_id, metric, quantity = request.account_id, request.metric, request.quantity
        records = self._records(request, item)
        if not records:
            return self._usage.add(account_id, item, metric, quantity, throttled=throttled)
        self._usage.add_with(account_id, item, metric, quantity, records, throttled=throttled)
        return self._usage.read(account_id, [item], consistent=True)[item]

    def _records(self, request: ConsumeRequest, item: str) -> list[Write]:
        """What records the count, where it is a large one under the plan whose rooms the item carries."""
        totals = {request.metric: request.quantity}
        if not self.large_counts.may_be(totals):
            return []
        tier = self._usage.counters_item(request.account_id, item).tier
        return self.large_counts.records(request.account_id, item, totals, tier)

    def opened(self, account_id: str, item: str, attempt: Callable[[], Result]) -> Result:
        """What `attempt` returns; where it finds no counter, the counter is created and the attempt made again."""
        for _ in attempts(_OPEN_ATTEMPTS, first_wait_seconds=EXPECTED_SECONDS):
            try:
                return attempt()
            except NotOpen as missing:
                self._usage.open(self._accounts.get(account_id), item, missing.counters_item)
        raise StoreUnavailable("The account's plan is changing right now. Try again.")

    def check(self, request: ConsumeRequest) -> None:
        """Return if the request names what can be counted; UnknownMetric or InvalidRequest (422) if not."""
        self._catalog.check_metric(request.metric)
        if request.quantity == 0:
            raise InvalidRequest("quantity must not be 0.", {"quantity": "must not be 0"})
        if request.quantity < 0 and request.metric != STORAGE:
            raise InvalidRequest(
                f"quantity must be at least 1: only {STORAGE} can be given back.", {"quantity": "must be at least 1"}
            )

    def _consume_once(self, request: ConsumeRequest, item: str, key: str, *, throttled: bool) -> Consumed:
        """Count under a key: the record of the key and the count are one transaction, so neither is without the other.

        The answer is kept after it. Whoever finds a record without an answer (its maker broke off) makes it. An
        answer that is given again is no call that the burst limit counts.
        """
        asked = keyed("consume", request.account_id, key, {"metric": request.metric, "quantity": request.quantity})
        try:
            earlier = self.opened(
                request.account_id, item, lambda: self._count_under(asked, request, item, throttled=throttled)
            )
        except NoRoom as none:
            self.tell(request.account_id, item, request.metric, none.counters_item)
            raise self.refused(request, item, none.counters_item) from none
        except BurstReached as reached:
            raise _too_fast(reached.burst) from reached
        if isinstance(earlier, Answered):
            return Consumed(earlier.body, replayed=True)
        counters_item = self._usage.read(request.account_id, [item], consistent=True)[item]
        passed = self._passed(request, item, counters_item, throttled=throttled)
        return replace(passed, body=self._idempotency.answer(asked, passed.body))

    def _count_under(self, asked: Keyed, request: ConsumeRequest, item: str, *, throttled: bool) -> Answered | None:
        claim = self._idempotency.claim(asked)
        try:
            self._usage.add_with(
                request.account_id,
                item,
                request.metric,
                request.quantity,
                [claim, *self._records(request, item)],
                throttled=throttled,
            )
        except KeyTaken as taken:
            return self._idempotency.read(asked, taken.record)
        except (NoRoom, BurstReached):
            earlier = self._idempotency.find(asked)
            if earlier is None:
                raise
            return earlier
        return None

    def _rehearse(self, request: ConsumeRequest, item: str, *, throttled: bool) -> Consumed:
        account, counters_items = self._usage.overview(request.account_id, [item])
        tier = tier_of(account.plan, item)
        limit = limits_of(self._catalog.plan(tier), item)[request.metric]
        unused = CountersItem(tier, {request.metric: Counter(0, limit.ceiling)})
        counters_item = counters_items.get(item, unused)
        counter = counters_item.counters.get(request.metric, unused.counters[request.metric])
        if request.quantity > max(0, counter.room) or -request.quantity > counter.used:
            raise self.refused(request, item, CountersItem(counters_item.tier, {request.metric: counter}))
        burst = counters_item.burst if throttled else None
        if burst is not None and burst.minute == clock.minute() and burst.remaining == 0:
            raise _too_fast(burst)
        figures = self.figures(item, request.metric, CountersItem(counters_item.tier, {request.metric: counter}))
        return Consumed({"allowed": True, **figures.view()})

    def freed(self, account_id: str, name: str, quantity: int) -> None:
        """Leave a line of who gave back what."""
        self._listener.given_back(account_id, name, quantity)

    def _passed(self, request: ConsumeRequest, item: str, counters_item: CountersItem, *, throttled: bool) -> Consumed:
        if request.quantity < 0:
            self.freed(request.account_id, request.metric, -request.quantity)
        self.tell(request.account_id, item, request.metric, counters_item)
        limited = throttled and self._catalog.plan(counters_item.tier).burst.limit is not None
        body = {"allowed": True, **self.figures(item, request.metric, counters_item).view()}
        return Consumed(body, burst=counters_item.burst if limited else None)

    def tell(self, account_id: str, item: str, metric: str, counters_item: CountersItem) -> None:
        """Announce the thresholds that a counter passed and that nobody has announced.

        What is counted is counted: where the store does not take the record, the answer stays what it is, and the next
        call of the metric tells, or `catch_up`.
        """
        with suppress(StoreUnavailable):
            self._tell(account_id, item, metric, counters_item)

    def _tell(self, account_id: str, item: str, metric: str, counters_item: CountersItem) -> None:
        figures, announced = self.figures(item, metric, counters_item), counters_item.counters[metric].announced
        if figures.level != announced:
            passed = self._thresholds.announce(
                account_id,
                item,
                metric,
                figures.level,
                announced=announced,
                event_of=lambda level: threshold_event(account_id, counters_item.tier, level, figures),
            )
            for level in passed:
                self._listener.threshold_passed(account_id, level, figures)

    def catch_up(self, account_id: str, item: str, counters_item: CountersItem) -> None:
        """Announce the thresholds that calls passed which failed before they announced them.

        Places have no thresholds; a month before the last is over, and what was its limit may be another today.
        StoreUnavailable where the store does not take the record.
        """
        if item == RESOURCES_ITEM or (is_month(item) and clock.next_period(item) < clock.period()):
            return
        limits = limits_of(self._catalog.plan(counters_item.tier), item)
        for metric, counter in counters_item.counters.items():
            if metric in limits and self.figures(item, metric, counters_item).level > counter.announced:
                self._tell(account_id, item, metric, counters_item)

    def figures(self, item: str, name: str, counters_item: CountersItem) -> Figures:
        """A counter of an item beside the limit of the plan whose rooms it carries."""
        period = clock.period() if item == STORAGE_ITEM else item
        limit = limits_of(self._catalog.plan(counters_item.tier), item)[name]
        return Figures.of(name, period, counters_item.counters[name], limit)

    def refused(
        self, request: ConsumeRequest, item: str, counters_item: CountersItem
    ) -> PlanLimitExceeded | GaugeBelowZero:
        """The refusal of what the counter leaves no room for, with its figures."""
        figures = self.figures(item, request.metric, counters_item)
        details = {**figures.view(), "requested": request.quantity}
        if request.quantity < 0:
            return GaugeBelowZero(
                f"Only {figures.used} of {request.metric} are in use. Give back at most that.", details
            )
        way_out = "" if request.metric == STORAGE else " or wait for the next month"
        return PlanLimitExceeded(
            f"The {counters_item.tier} plan's hard limit of {figures.hard_limit} {request.metric} leaves no room for "
            f"{request.quantity}. Upgrade the plan{way_out}.",
            details,
        )


def _rate_headers(burst: Burst) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(burst.ceiling),
        "x-ratelimit-remaining": str(burst.remaining),
        "x-ratelimit-reset": str(burst.resets_at),
    }


def _too_fast(burst: Burst) -> RateLimitExceeded:
    """The refusal of a call that its minute has no place for, with the seconds until the next one."""
    wait = max(1, burst.resets_at - clock.seconds())
    return RateLimitExceeded(
        f"The plan's burst limit is {burst.ceiling} calls a minute. Try again in {wait} s, "
        "use batches or leases, or upgrade the plan.",
        {"limit": burst.ceiling, "remaining": 0, "reset_at": clock.iso(burst.resets_at), "retry_after_seconds": wait},
        {"retry-after": str(wait), **_rate_headers(burst)},
    )
