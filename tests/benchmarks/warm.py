"""What a warm handler adds to the calls it makes: the time of an invocation beside the time inside those calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from unittest import mock

from aerostack_billing.payments.transport import Urllib3Client
from tests.benchmarks.budgets import Operation
from tests.benchmarks.place import Place, in_process


@dataclass
class Spent:
    """Seconds on the wall and of this thread's processor time."""

    wall: float = 0.0
    cpu: float = 0.0

    def timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, with what it takes added here."""

        def timed(*args: Any, **named: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return call(*args, **named)
            finally:
                self.wall += time.perf_counter() - wall
                self.cpu += time.thread_time() - cpu

        return timed


class _TimedClient:
    """A boto3 client whose operations are timed."""

    def __init__(self, client: object, spent: Spent) -> None:
        self._client = client
        self._spent = spent

    def __getattr__(self, name: str) -> Any:
        return self._spent.timed(getattr(self._client, name))


@dataclass(frozen=True)
class Warm:
    """Milliseconds of one warm invocation: all of it, and the calls to DynamoDB and Stripe in it."""

    name: str
    wall: float
    cpu: float
    calls_wall: float
    calls_cpu: float

    @property
    def wall_ratio(self) -> float:
        """The invocation over its calls."""
        return self.wall / self.calls_wall

    @property
    def cpu_ratio(self) -> float:
        """The same in processor time."""
        return self.cpu / self.calls_cpu


def measure(operation: Operation, places: Callable[[], Any], times: int) -> Warm | None:
    """The operation's cost beyond its calls; None for one that makes none.

    Each time for an account with no history, after one that is not counted.
    """
    samples = []
    with places() as place:
        for number in range(times + 1):
            with _timed(place.of(f"acct_{number}")) as (whole, calls, act):
                act(operation)
            samples.append((whole, calls))
    counted = samples[1:]
    if not any(calls.wall for _, calls in counted):
        return None
    beyond_wall = median(whole.wall - calls.wall for whole, calls in counted)
    beyond_cpu = median(whole.cpu - calls.cpu for whole, calls in counted)
    calls_wall = median(calls.wall for _, calls in counted)
    calls_cpu = median(calls.cpu for _, calls in counted)
    answer = (calls_wall + beyond_wall, calls_cpu + beyond_cpu, calls_wall, calls_cpu)
    return Warm(operation.name, *(1000 * seconds for seconds in answer))


@contextmanager
def _timed(place: Place) -> Iterator[tuple[Spent, Spent, Callable[[Operation], None]]]:
    whole, calls = Spent(), Spent()

    def act(operation: Operation) -> None:
        prepared = operation.prepare(place)
        dynamo = place.parts.dynamo
        timed_client: Any = _TimedClient(place.client, calls)
        with (
            mock.patch.object(dynamo, "_client", timed_client),
            mock.patch.object(Urllib3Client, "request", _as_method(calls)),
            mock.patch.object(place.hands, "invoke", whole.timed(in_process)),
        ):
            prepared()

    yield whole, calls, act


def _as_method(spent: Spent) -> Callable[..., Any]:
    asking = spent.timed(Urllib3Client.request)

    def request(self: Urllib3Client, *args: Any, **named: Any) -> Any:
        return asking(self, *args, **named)

    return request
