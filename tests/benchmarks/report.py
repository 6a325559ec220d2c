"""The one table of `make bench`, in parts: counts, ratios, times; and its place in docs/performance.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.paths import ROOT
from tests.benchmarks.backlog import Backlog
from tests.benchmarks.budgets import STRIPE_FUNCTIONS, Budget, promised
from tests.benchmarks.cold import Starts
from tests.benchmarks.crowds import Crowds, shown
from tests.benchmarks.many_wallets import Audited
from tests.benchmarks.rates import Charging
from tests.benchmarks.warm import Warm
from tests.benchmarks.wrappers import Wrapped

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: written by make bench -->\n", "<!-- /measured -->\n"
COUNTS = "### Counts"
FINDING_DUE = promised(2, 0, 2)
WARM_AT_MOST = 1.5
COLD_AT_MOST, COLD_WITH_STRIPE_AT_MOST = 1.3, 1.7


@dataclass(frozen=True)
class Count:
    """What an operation cost at DynamoDB, and what it may."""

    name: str
    spent: tuple[int, float, float]
    budget: Budget


def tables(
    counts: Sequence[Count],
    warmth: Sequence[Warm],
    functions: Mapping[str, Starts],
    steps: Mapping[str, Starts],
    charged: Mapping[str, Charging],
    missing: str,
    wrapped: Sequence[Wrapped],
    many: tuple[Sequence[Backlog], Sequence[Audited]],
    *,
    crowds: Crowds,
) -> str:
    """All that was measured, as Markdown: what varies least comes first."""
    parts = [
        COUNTS + ", the same on every machine",
        _counts(counts),
        _backlogs(many[0]),
        _audits(many[1]),
        "### Ratios, measured in one run",
        _warm(warmth),
        _cold(functions),
        _steps(functions["consume"], steps),
        "### Times, of this machine alone",
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}.",
        _charges(charged) + (f"\n{missing}\n" if missing else ""),
        shown(crowds, _table),
        _times(warmth, functions),
        wrappers(wrapped),
    ]
    return "\n".join(part if part.endswith("\n") else f"{part}\n" for part in parts)


def noted(text: str) -> Iterator[str]:
    """Put the tables into the page, between its marks; what is worth saying about it."""
    page = PAGE.read_text()
    head, _, rest = page.partition(BEGIN)
    before, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")
    same = _counted(before) == _counted(text)
    yield f"written to {Path(PAGE).relative_to(ROOT)}; the counts are {'as before' if same else 'other than before'}"


def _counted(text: str) -> str:
    return text.partition(COUNTS)[2].partition("###")[0].strip()


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def _counts(counts: Sequence[Count]) -> str:
    def row(count: Count) -> list[str]:
        limits = (count.budget.requests, count.budget.write_units, count.budget.read_units)
        answer = [f"{spent:g} of {limit:g}" for spent, limit in zip(count.spent, limits, strict=True)]
        return [count.name, *answer, "promised" if count.budget.promised else "noted"]

    said = "Spent of the most it may: `promised` is what the service was designed for, `noted` what it costs today.\n\n"
    return said + _table(["operation", "requests", "write units", "read units", "budget"], [row(c) for c in counts])


def _backlogs(backlogs: Sequence[Backlog]) -> str:
    """What the reconciler takes after a long outage."""
    rows = [
        [f"{one.events:,}", f"{one.requests:,}", f"{one.per_hundred:.2f}", f"{one.peak_kib:,} KiB"] for one in backlogs
    ]
    head = [
        "events that are known, looked through in one run",
        "requests to the store",
        "a hundred events",
        "peak memory",
    ]
    return _table(head, rows)


def _audits(audits: Sequence[Audited]) -> str:
    """What the audit of many wallets takes."""
    rows = [
        [
            one.name,
            one.runs,
            f"{one.requests:,}",
            f"{one.read_units:,.1f}",
            f"{one.write_units:,.0f}",
            f"{one.each(one.requests):.2f}",
            f"{one.each(one.read_units):.2f}",
            f"{one.peak_kib:,} KiB",
        ]
        for one in audits
    ]
    head = [
        "wallets audited, in segments",
        "runs",
        "requests",
        "read units",
        "write units",
        "requests a wallet",
        "read units a wallet",
        "peak memory",
    ]
    return _table(head, rows)


def _warm(warmth: Sequence[Warm]) -> str:
    rows = [
        [one.name, f"{one.wall_ratio:.2f}", f"{one.cpu_ratio:.2f}", _verdict(one.wall_ratio, WARM_AT_MOST)]
        for one in warmth
    ]
    said = (
        f"A warm invocation over the calls to DynamoDB and Stripe inside it; at most {WARM_AT_MOST} on the wall. In "
        "processor time the store's and Stripe's part is not counted, so that the second column is the stricter.\n\n"
    )
    return said + _table(["warm handler", "wall", "processor", f"≤ {WARM_AT_MOST}"], rows)


def _cold(functions: Mapping[str, Starts]) -> str:
    floor = functions["floor"].cpu

    def row(name: str, starts: Starts) -> list[str]:
        most = COLD_WITH_STRIPE_AT_MOST if name in STRIPE_FUNCTIONS else COLD_AT_MOST
        ratio = starts.cpu / floor
        return [name, f"{ratio:.2f}", f"{most}", _verdict(ratio, most)]

    said = (
        "A cold start through awslambdaric with the layer as it is deployed, from nothing to the first answer, its "
        'first requests included, over a function that does `import boto3; boto3.client("dynamodb")` and answers '
        "nothing. The least processor time of several.\n\n"
    )
    rows = [row(name, starts) for name, starts in functions.items() if name != "floor"]
    return said + _table(["cold function", "× the floor", "at most", ""], rows)


def _verdict(ratio: float, most: float) -> str:
    return "yes" if round(ratio, 2) <= most else "**no**"


def _steps(deployed: Starts, steps: Mapping[str, Starts]) -> str:
    rows = [[name, f"{100 * (starts.cpu / deployed.cpu - 1):+.0f} %"] for name, starts in steps.items()]
    rows = [[f"without {name}" if name == "bytecode" else f"with {name}", change] for name, change in rows]
    said = "What a cold start of `consume` would be otherwise, in processor time.\n\n"
    return said + _table(["instead of what is deployed", "start"], rows)


def _charges(charged: Mapping[str, Charging]) -> str:
    rows = [
        [
            name,
            f"{one.wall:.1f} ms",
            f"{one.cpu:.1f} ms",
            f"{one.requests:g}",
            f"{one.per_second:.0f}",
            f"{one.cold_import_cpu:.0f} ms" if one.cold_import_cpu else "see below",
        ]
        for name, one in charged.items()
    ]
    head = ["a charge by", "wall", "processor", "requests", "a second, 16 threads on one wallet", "cold import"]
    return _table(head, rows)


def _times(warmth: Sequence[Warm], functions: Mapping[str, Starts]) -> str:
    warm = [[one.name, f"{one.wall:.1f} ms", f"{one.cpu:.1f} ms"] for one in warmth]
    cold = [[f"cold: {name}", f"{starts.wall:.0f} ms", f"{starts.cpu:.0f} ms"] for name, starts in functions.items()]
    return _table(["invocation", "wall", "processor"], [*warm, *cold])


def _two(measured: tuple[float, float]) -> str:
    return f"{measured[0]:.3f}, {measured[1]:.3f} ms"


def wrappers(measured: Sequence[Wrapped]) -> str:
    """What each wrapper of the client adds to a call. A dash: it takes leases, or its hooks hold for each call."""

    def row(one: Wrapped) -> list[str]:
        times = [_two(measured) for measured in (one.bare, one.wrapped)]
        added = f"{one.wrapped[0] - one.bare[0]:.3f} ms"
        return [one.name, *times, added, f"{one.requests:.2f}", _two(one.allowed) if one.allowed else "—"]

    said = (
        "What each wrapper of the Python client adds to a call in the caller's own process: processor time, median and "
        "99th percentile, with providers and billing faked in memory, whose own work is in it. Requests to billing are "
        "to be added, each at the caller's own distance from the service; with leases and with an allowance they are a "
        "fraction. The time with an allowance has what captures in the background in it.\n\n"
    )
    head = ["wrapper", "bare, p50 and p99", "wrapped, p50 and p99", "adds, p50", "requests a call", "with an allowance"]
    return said + _table(head, [row(one) for one in measured])
