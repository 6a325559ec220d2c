"""How a charge is timed, whoever makes it; also in an environment that has nothing of this project."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

ONE_BY_ONE = 150
THREADS = 16
AT_ONCE = 320


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


def at_once(charge: Callable[[str], object], threads: int, charges: int) -> float:
    """Charges a second of one wallet by so many threads, each of which charged once before."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(charge, (f"first-{threads}-{number}" for number in range(threads))))
        began = time.perf_counter()
        list(pool.map(charge, (f"crowd-{threads}-{number}" for number in range(charges))))
        return charges / (time.perf_counter() - began)
