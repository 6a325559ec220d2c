"""A meter by the clock of the service that it leases from."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

from aerostack_billing_client import (
    BillingError,
    Leased,
    LeasedMeter,
    LeaseTerms,
    PlanLimitExceeded,
    Retries,
    ServiceClient,
    Settled,
)
from aerostack_billing_client.errors import error_in
from tests.clients.conftest import HASTY
from tests.clients.faults import Answering, FaultServer
from tests.clients.quota import NOON, Clock
from tests.flows.client import until

ACCOUNT = "acct_metered"
METRIC = "api_requests"
Serving = Callable[[Answering], FaultServer]


@contextmanager
def metering(server: FaultServer, clock: Clock, *, retries: Retries = HASTY, **terms: float) -> Iterator[LeasedMeter]:
    """A meter by the service's own clock."""
    with ServiceClient(server.base_url, "token", retries=retries) as billing:
        meter = LeasedMeter(billing, LeaseTerms(**terms), retries, clock=clock.elapsed)  # type: ignore[arg-type]
        with meter:
            yield meter


def passed(meter: LeasedMeter, times: int) -> int:
    """How many of so many single units pass."""

    def one(_: int) -> int:
        try:
            meter.consume(ACCOUNT, METRIC)
        except PlanLimitExceeded:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(one, range(times)))


class Scripted:
    """Leases that a test answers one by one."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answers: queue.Queue[int | BillingError] = queue.Queue()
        self.settled: list[tuple[str, int]] = []

    def lease(self, _account: str, _metric: str, quantity: int, *, ttl_seconds: int, **_: object) -> Leased:
        self.asked.append(quantity)
        answer = self.answers.get(timeout=60)
        if isinstance(answer, BillingError):
            raise answer
        ends = NOON + timedelta(seconds=ttl_seconds)
        return Leased(lease_id=f"lease.{len(self.asked)}", period="2026-03", granted=answer, expires_at=ends)

    def settle(self, _account: str, lease_id: str, used: int) -> Settled:
        self.settled.append((lease_id, used))
        return Settled(returned=0)


@contextmanager
def waiting(leases: Scripted, threads: int) -> Iterator[tuple[LeasedMeter, list[Future[None]]]]:
    """So many threads that each want one unit: the first of them is asking, the others wait for it."""
    meter = LeasedMeter(leases, LeaseTerms(), HASTY, clock=lambda: 0.0)
    with meter, ThreadPoolExecutor(threads) as pool:
        wanting = [pool.submit(meter.consume, ACCOUNT, METRIC)]
        until(lambda: len(leases.asked) == 1)
        wanting += [pool.submit(meter.consume, ACCOUNT, METRIC) for _ in range(threads - 1)]
        until(lambda: meter._quotas[ACCOUNT, METRIC].users == threads)
        yield meter, wanting


def refused() -> BillingError:
    return error_in(403, {"error": {"code": "PLAN_LIMIT_EXCEEDED", "message": "m", "details": {"remaining": 0}}})


def outcomes(wanting: list[Future[None]]) -> list[type | None]:
    """What each thread met: an error, or nothing."""
    return [type(error) if (error := one.exception(60)) else None for one in wanting]
