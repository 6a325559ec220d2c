"""Many on one wallet, as `make bench` shows it: the curve of contention beside others, and what an allowance takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks import allowance, charges, contention
from tests.benchmarks.allowance import Allowed
from tests.benchmarks.points import Point

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

FLAT_AT_LEAST = 0.8
"""What 64 processes get of what 8 do."""
P99_AT_MOST_MS = 1.0
REQUESTS_AT_MOST = 400
"""For 10,000 charges out of an allowance."""
ALLOWED = 10_000


@dataclass(frozen=True)
class Crowds:
    """The curve, why a part of it is missing, and what an allowance takes."""

    points: Sequence[Point]
    missing: str
    allowed: Allowed


def measured(client: DynamoDBClient) -> Crowds:
    """Everything, once."""
    points, missing = list(contention.curve(client)), ""
    try:
        points += charges.stapel_points(contention.PROCESSES)
    except charges.Unavailable as why:
        missing = f"stapel-billing on PostgreSQL was left out: {why}."
    return Crowds(points, missing, allowance.measured(ALLOWED))


def shown(crowds: Crowds, table: Callable[[Sequence[str], Sequence[Sequence[object]]], str]) -> str:
    """As Markdown."""
    rows = [[*point.cells, *_flat(point, crowds.points)] for point in crowds.points]
    head = [
        "charges of one wallet",
        "processes",
        "a second",
        "transactions",
        "in vain",
        f"64 over 8, ≥ {FLAT_AT_LEAST}",
    ]
    said = (
        "What 2 to 64 processes get of one wallet together, each one charge after another, for ten seconds after five. "
        "Here they are threads, each with a runtime of its own, which share nothing but the tables; in vain are "
        "transactions that found the wallet changed.\n\n"
    )
    missing = f"\n{crowds.missing}\n" if crowds.missing else ""
    return said + table(head, rows) + missing + "\n" + "".join(_allowed(crowds.allowed, table))


def _flat(point: Point, points: Sequence[Point]) -> list[str]:
    """Whether a way keeps its throughput, beside its last row."""
    of_eight = next((p.per_second for p in points if p.way == point.way and p.processes == 8), None)
    if point.processes != 64 or of_eight is None:
        return [""]
    ratio = point.per_second / of_eight
    promised = point.way in contention.WAYS
    verdict = "" if not promised else ", yes" if ratio >= FLAT_AT_LEAST else ", **no**"
    return [f"{ratio:.2f}{verdict}"]


def _allowed(allowed: Allowed, table: Callable[[Sequence[str], Sequence[Sequence[object]]], str]) -> Iterator[str]:
    yield "Charges out of an allowance of 500 cents by the Python client, on the local stack, to the last capture.\n\n"
    few, quick = allowed.requests <= REQUESTS_AT_MOST, allowed.p99 < P99_AT_MOST_MS
    rows = [
        ["requests", f"{allowed.requests:,}", f"≤ {REQUESTS_AT_MOST}", "yes" if few else "**no**"],
        ["the caller waits, p50", f"{allowed.p50:.4f} ms", "", ""],
        ["the caller waits, p99", f"{allowed.p99:.4f} ms", f"< {P99_AT_MOST_MS:g} ms", "yes" if quick else "**no**"],
        ["the caller waits, most", f"{allowed.most:.1f} ms", "", ""],
        ["charges a second until all are captured", f"{allowed.per_second:,.0f}", "", ""],
        ["lost", f"{allowed.lost} cents", "0", "yes" if not allowed.lost else "**no**"],
    ]
    yield table([f"{allowed.charges:,} charges of half a cent", "measured", "at most", ""], rows)
