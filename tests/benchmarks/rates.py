"""How a charge is timed, whoever makes it; also in an environment that has nothing of this project."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

ONE_BY_ONE = 150
THREADS = 16
AT_ONCE = 320
WARM_SECONDS = 5.0
WINDOW_SECONDS = 10.0


@dataclass(frozen=True)
class Charging:
    """A charge under an idempotency key: milliseconds of wall and processor, requests, and a hot wallet's rate."""

    wall: float
    cpu: float
    requests: float
    per_second: float
    cold_import_cpu: float | None = None


def timed(charge: Callable[[str], object], requests: Callable[[], int]) -> Charging:
    """Charge one by one, then by 16 threads, always one wallet; `charge` is given a key, and charges 2 cents."""
    for number in range(20):
        charge(f"before-{number}")
    before, walls, cpu = requests(), [], time.process_time()
    for number in range(ONE_BY_ONE):
        began = time.perf_counter()
        charge(f"one-{number}")
        walls.append(time.perf_counter() - began)
    cpu = time.process_time() - cpu
    asked = (requests() - before) / ONE_BY_ONE
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(charge, (f"warm-{number}" for number in range(THREADS))))
        began = time.perf_counter()
        list(pool.map(charge, (f"many-{number}" for number in range(AT_ONCE))))
        rate = AT_ONCE / (time.perf_counter() - began)
    return Charging(1000 * median(walls), 1000 * cpu / ONE_BY_ONE, asked, rate)


@dataclass(frozen=True)
class Steady:
    """What many got done while nobody began or ended: acts a second, and how far a count came meanwhile."""

    per_second: float
    acts: int
    counted: int


def steadily(act: Callable[[int, str], object], workers: int, count: Callable[[], int] = lambda: 0) -> Steady:
    """What so many workers get done together, each one act after another; `act` is given the worker and a key.

    Measured for WINDOW_SECONDS, after WARM_SECONDS in which they met each other.
    """
    ended, done = threading.Event(), list[float]()

    def work(worker: int) -> None:
        for turn in itertools.takewhile(lambda _: not ended.is_set(), itertools.count()):
            act(worker, f"{workers}-{worker}-{turn}")
            done.append(time.perf_counter())

    with ThreadPoolExecutor(workers) as pool:
        working = [pool.submit(work, worker) for worker in range(workers)]
        try:
            time.sleep(WARM_SECONDS)
            began, before = time.perf_counter(), count()
            time.sleep(WINDOW_SECONDS)
            until, after = time.perf_counter(), count()
        finally:
            ended.set()
        for each in working:
            each.result()
    acts = sum(began <= at < until for at in done)
    return Steady(acts / (until - began), acts, after - before)
