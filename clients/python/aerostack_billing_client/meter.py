"""Counting without a request for each count: leases are taken ahead, used here, and settled with what was used.

One lock guards everything and is never held during a request. Threads that need quota ask for it themselves, one at a
time for an account; a few threads in the background take the next block before the last one is used up, and settle
blocks that are used up or whose time is over.
"""

from __future__ import annotations

import atexit
import copy
import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from aerostack_billing_client import forking
from aerostack_billing_client.blocks import Block, Blocks, Elapsed, Leases, LeaseTerms, Pace, block_of
from aerostack_billing_client.calling import Retries
from aerostack_billing_client.errors import BillingError, Unanswered
from aerostack_billing_client.plan_answers import Leased
from aerostack_billing_client.refusals import LeaseTooLarge, PlanLimitExceeded, RateLimited, ServerError

_log = logging.getLogger(__name__)
_TRIES = 3
"""How often quota is asked for where answers are lost: each time it may have been counted."""
_PAUSE_SECONDS = 5.0
"""How long no block is taken ahead after one was refused or failed."""
_FOR_ALL = (Unanswered, ServerError, RateLimited)
"""What every thread that waited for the same block is told, instead of each waiting for a failure of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterStats:
    """What a meter did so far, in units. `lost` may be counted though it was not used: a lease or settlement failed."""

    consumed: int
    granted: int
    returned: int
    lost: int


@dataclass(eq=False)
class _Quota:
    """What is in hand of one account's metric, and who asks for more."""

    account_id: str
    metric: str
    pace: Pace
    changed: threading.Condition
    blocks: Blocks = field(default_factory=Blocks)
    users: int = 0
    asking: bool = False
    asks: int = 0
    failed: tuple[int, BillingError] | None = None
    wanted: bool = False
    paused_until: float = 0.0

    def wants_more(self, now: float) -> bool:
        """Whether the next block should be taken ahead."""
        if self.asking or self.wanted or now < self.paused_until:
            return False
        return 2 * self.blocks.left(now) <= self.pace.size

    @property
    def idle(self) -> bool:
        """Whether nobody would miss it."""
        return not (self.blocks or self.users or self.asking or self.wanted)


class LeasedMeter:
    """Counts usage of any number of accounts and metrics, from any number of threads.

    `consume` returns when the units are counted, mostly without a request. Close the meter at the end, or use it as a
    context manager: what was leased and not used goes back. At the interpreter's exit it closes itself. A process that
    dies without leaves its blocks counted as used, at most what it had in hand; nothing is ever counted too little.
    Child processes start with nothing in hand.
    """

    def __init__(
        self,
        leases: Leases,
        terms: LeaseTerms,
        retries: Retries,
        *,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.terms = terms
        self._leases = leases
        self._retries = retries
        self._clock = clock or Elapsed()
        self._sleep = sleep
        self._closed = False
        self.start_anew()
        forking.tend(self)

    def __repr__(self) -> str:
        return f"LeasedMeter({self.stats()})"

    def start_anew(self) -> None:
        """Forget everything in hand: in a child process it is the parent's."""
        self._lock = threading.Lock()
        self._busy = threading.Condition(self._lock)
        self._quotas: dict[tuple[str, str], _Quota] = {}
        self._ends: list[tuple[float, int, _Quota]] = []
        self._order = itertools.count()
        self._settling: deque[tuple[_Quota, Block]] = deque()
        self._wanting: deque[_Quota] = deque()
        self._workers: list[threading.Thread] = []
        self._consumed = self._granted = self._returned = self._lost = 0

    def consume(self, account_id: str, metric: str, quantity: int = 1) -> None:
        """Count `quantity` units, one at least.

        PlanLimitExceeded exactly when the service refuses, with nothing counted; what else `ServiceClient.lease`
        raises when there is nothing in hand and the service fails. RuntimeError once the meter is closed.
        """
        if quantity < 1:
            raise ValueError("quantity must be at least 1")
        with self._lock:
            self._open()
            now = self._clock()
            quota = self._quota(account_id, metric, now)
            quota.users += 1
            try:
                taken, before = quota.blocks.take(quantity, now), quota.asks
                while not taken:
                    taken = self._get(quota, quantity, before)
            finally:
                quota.users -= 1
                self._forget_if_idle(quota)
                if self._closed:
                    # It closed while this thread was asking: nobody else will settle what came.
                    self._settle_all()
            self._count(quota, quantity)

    def consume_at_hand(self, account_id: str, metric: str, quantity: int = 1) -> bool:
        """Count `quantity` units if they are in hand, without waiting; False if they are not, and nothing is counted.

        RuntimeError once the meter is closed.
        """
        if quantity < 1:
            raise ValueError("quantity must be at least 1")
        with self._lock:
            self._open()
            now = self._clock()
            quota = self._quotas.get((account_id, metric))
            if quota is None or not quota.blocks.take(quantity, now):
                return False
            self._count(quota, quantity)
            return True

    def stats(self) -> MeterStats:
        """What it did so far."""
        with self._lock:
            return MeterStats(consumed=self._consumed, granted=self._granted, returned=self._returned, lost=self._lost)

    def close(self) -> None:
        """Settle everything in hand. Never raises for a settlement that fails: that is logged, and in the stats.

        When `Retries.deadline_seconds` are over, no further settlement is begun: what is left then lapses by itself.
        Not for a signal handler, which may have interrupted this meter: raise SystemExit there.
        """
        with self._lock:
            self._closed = True
            self._busy.notify_all()
            workers, self._workers = self._workers, []
        for worker in workers:
            worker.join()
        with self._lock:
            self._settle_all()
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # All below is called with the lock held; what asks the service lets go of it meanwhile.

    def _open(self) -> None:
        if self._closed:
            raise RuntimeError("the meter is closed")
        if self._workers:
            return
        for number in range(self.terms.workers):
            worker = threading.Thread(target=self._work, name=f"aerostack-meter-{number}", daemon=True)
            self._workers.append(worker)
            worker.start()
        atexit.register(self.close)

    def _quota(self, account_id: str, metric: str, now: float) -> _Quota:
        quota = self._quotas.get((account_id, metric))
        if quota is None:
            changed = threading.Condition(self._lock)
            quota = _Quota(account_id, metric, Pace(self.terms, now), changed)
            self._quotas[account_id, metric] = quota
        return quota

    def _get(self, quota: _Quota, quantity: int, before: int) -> bool:
        """Get more, or wait for who is getting it; whether the quantity was taken."""
        if quota.asking:
            self._wait(quota, quantity, before)
            return quota.blocks.take(quantity, self._clock())
        now = self._clock()
        missing = quantity - quota.blocks.left(now)
        size = quota.pace.next(now)
        try:
            added_at = self._ask_for(quota, size, missing)
        except BillingError as error:
            quota.failed = quota.asks, error
            raise
        # A block that came at the very end of its month is for those who asked for it then.
        return quota.blocks.take(quantity, added_at)

    def _ask_for(self, quota: _Quota, size: int, missing: int) -> float:
        """Take a lease of the usual size, or of what is missing; if that is too large, of as much as one may take."""
        if size >= missing:
            return self._ask(quota, size, missing, allow_partial=True)
        try:
            # What is more than usual is asked for as it is: a part of it would help nobody here, nor elsewhere.
            return self._ask(quota, missing, missing, allow_partial=False)
        except LeaseTooLarge:
            # There is room, and several leases hold it together: the rest is asked for after this one.
            return self._ask(quota, missing, missing, allow_partial=True)

    def _wait(self, quota: _Quota, quantity: int, before: int) -> None:
        """Wait for the block that is being asked for. Raises what its asker was told where that holds here as well."""
        number = quota.asks
        while quota.asking and quota.asks == number:
            quota.changed.wait()
        if quota.failed is None or quota.failed[0] < number:
            return
        # Of this ask, or of a later one if this thread was slow to wake up.
        failed, error = quota.failed
        if isinstance(error, PlanLimitExceeded):
            # Only a refusal that was asked for after this thread came is an answer to it.
            missing = quantity - quota.blocks.left(self._clock())
            holds = failed > before and error.remaining is not None and error.remaining < missing
        else:
            holds = isinstance(error, _FOR_ALL)
        if holds:
            raise copy.copy(error)

    def _ask(self, quota: _Quota, size: int, least: int, *, allow_partial: bool, tries: int = _TRIES) -> float:
        """Take a lease, the only one at a time for this quota; when it was asked for, by the meter's time."""
        quota.asking = True
        quota.asks += 1
        try:
            with _letting_go(self._lock):
                lease, sent_at = self._leased(quota, size, least, tries, allow_partial=allow_partial)
        finally:
            quota.asking = False
            quota.changed.notify_all()
        block = block_of(lease, self.terms, sent_at)
        self._granted += block.granted
        quota.blocks.add(block)
        heapq.heappush(self._ends, (block.ends_at, next(self._order), quota))
        self._busy.notify()
        return sent_at

    def _leased(self, quota: _Quota, size: int, least: int, tries: int, *, allow_partial: bool) -> tuple[Leased, float]:
        """A lease, without the lock; as little as needed where an answer was lost, whose size may be counted by now."""
        for attempt in itertools.count(1):
            with self._lock:
                sent_at = self._clock()
            try:
                lease = self._leases.lease(
                    quota.account_id,
                    quota.metric,
                    size,
                    ttl_seconds=self.terms.ttl_seconds,
                    allow_partial=allow_partial,
                )
            except BillingError as error:
                if not error.outcome_unknown:
                    raise
                with self._lock:
                    self._lost += size
                if attempt >= tries:
                    raise
                self._sleep(self._retries.wait_seconds(attempt))
                size = least
            else:
                return lease, sent_at
        raise AssertionError

    def _count(self, quota: _Quota, quantity: int) -> None:
        quota.pace.note(quantity)
        self._consumed += quantity
        self._look_ahead(quota)

    def _look_ahead(self, quota: _Quota) -> None:
        """Hand to the workers what is to be done after something was taken."""
        now = self._clock()
        self._settle_later(quota, now)
        if not self._closed and quota.wants_more(now):
            quota.wanted = True
            self._wanting.append(quota)
            self._busy.notify()

    def _settle_later(self, quota: _Quota, now: float) -> None:
        for block in quota.blocks.over(now):
            self._settling.append((quota, block))
            self._busy.notify()

    # The workers

    def _work(self) -> None:
        with self._lock:
            while not self._closed:
                now = self._clock()
                self._retire(now)
                job = self._job()
                if job is not None:
                    job()
                else:
                    self._busy.wait(max(0.0, self._ends[0][0] - now) + 0.001 if self._ends else None)

    def _retire(self, now: float) -> None:
        """Let the time of blocks end, and forget quotas that nobody uses."""
        while self._ends and self._ends[0][0] < now:
            _, _, quota = heapq.heappop(self._ends)
            self._settle_later(quota, now)
            self._forget_if_idle(quota)

    def _forget_if_idle(self, quota: _Quota) -> None:
        if quota.idle:
            self._quotas.pop((quota.account_id, quota.metric), None)

    def _job(self) -> Callable[[], None] | None:
        if self._settling:
            return partial(self._settle, *self._settling.popleft())
        if self._wanting:
            return partial(self._ask_ahead, self._wanting.popleft())
        return None

    def _ask_ahead(self, quota: _Quota) -> None:
        quota.wanted = False
        now = self._clock()
        if not quota.wants_more(now):
            return
        size = quota.pace.next(now)
        try:
            self._ask(quota, size, size, allow_partial=True, tries=1)
        except BillingError as error:
            # Whoever needs it will ask for itself, and be told.
            _log.debug("no block could be taken ahead: %s", error)
            quota.paused_until = self._clock() + _PAUSE_SECONDS

    def _settle(self, quota: _Quota, block: Block) -> None:
        """Give back what is left of a block that is not among the live ones any more."""
        returned = 0
        with _letting_go(self._lock):
            try:
                returned = self._leases.settle(quota.account_id, block.lease_id, block.used).returned
            except BillingError as error:
                if block.left:
                    _log.warning(
                        "%d units of %s could not be given back and stay counted: %s", block.left, quota.metric, error
                    )
        self._returned += returned
        self._lost += max(0, block.left - returned)

    def _settle_all(self) -> None:
        for quota in list(self._quotas.values()):
            self._settling.extend((quota, block) for block in quota.blocks.over(float("inf")))
        end = self._clock() + self._retries.deadline_seconds
        while self._settling and self._clock() < end:
            self._settle(*self._settling.popleft())
        units = sum(block.left for _, block in self._settling)
        self._settling.clear()
        self._lost += units
        if units:
            _log.warning("%d units could not be given back in time and stay counted", units)


@contextmanager
def _letting_go(lock: threading.Lock) -> Iterator[None]:
    """The block without a lock that is held around it."""
    lock.release()
    try:
        yield
    finally:
        lock.acquire()
