"""What must hold of the domain events: told at least once, of what is stored and of nothing else.

An event that was lost leaves a gap, one that was told of nothing a piece too many: both are looked for in the tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from aerostack_billing.plans.catalog import load
from aerostack_billing.platform import clock
from aerostack_billing.usage.counters import read_counters
from aerostack_billing.usage.models import Figures, Level
from aerostack_billing.usage.store import RESOURCES_ITEM, is_month, limits_of
from aerostack_billing.values.money import cents, micros
from local.event_schemas import TYPES
from tests.simulation.tables import Tables
from tests.simulation.world import World

Json = dict[str, Any]
_THRESHOLD: Final = 5_000_000
"""In micros: what the stack says, and what every flow sets for auto-reload."""
THRESHOLDS_CENTS: Final = (300, 800, 3_000)
"""What the random mode saves as a wallet's own threshold; the flows save the stack's."""
_FREE: Final[Json] = {
    "plan_tier": "free",
    "status": "active",
    "billing_interval": "monthly",
    "cancel_at_period_end": False,
    "cancel_at": None,
    "pending_change": None,
}
_LEVELS = {"usage.limit_near": Level.NEAR, "usage.grace_entered": Level.GRACE, "usage.blocked": Level.BLOCKED}
_PAYOUTS = {"payout_paid": "payout.paid", "payout_failed": "payout.failed", "payout_reversal": "payout.reversed"}
_TROUBLES = {"suspended": "reload.suspended", "action_required": "reload.action_required"}


def events(world: World, *types: str) -> list[Json]:
    """The events that were told, each once however often it was sent."""
    by_id = {detail["id"]: detail for detail in world.bus.put}
    return [detail for detail in by_id.values() if not types or detail["type"] in types]


@cache
def _described(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(TYPES[kind])


def each_is_as_described(world: World, tables: Tables) -> list[str]:
    """An event fits the schema of its type, and is the same whenever it is sent again."""
    wrong = []
    first: dict[str, Json] = {}
    for detail in world.bus.put:
        if first.setdefault(detail["id"], detail) != detail:
            wrong.append(f"{detail['id']} was sent with two meanings")
        try:
            _described(detail["type"]).validate_python(detail["data"])
        except ValidationError as error:
            wrong.append(f"{detail['type']}: {error}")
    return wrong


def each_is_stored(world: World, tables: Tables) -> list[str]:
    """Of every event its effect is in the tables."""
    lines = {(row["account_id"], row["transfer_id"]): row for row in tables.of("LedgerTable")}
    used = {(row["account_id"], row["period"]): row for row in tables.of("UsageTable")}
    wrong = []
    for event in events(world):
        account, data = event["account_id"], event["data"]
        if event["type"] in {"balance.low", "reload.succeeded"}:
            line = lines.get((account, data["transfer_id"]), {})
            if line.get("balance_after") != data["balance_micros"] and event["type"] == "balance.low":
                wrong.append(f"{event}: no such line")
            if event["type"] == "reload.succeeded" and line.get("type") != "reload":
                wrong.append(f"{event}: no such reload")
        # What was used then may have been given back, by a lease or a gauge: that it is counted is all there is to see.
        item = "storage" if data.get("metric") == "storage_bytes" else data.get("period")
        if event["type"] in _LEVELS and f"{data['metric']}_used" not in used.get((account, item), {}):
            wrong.append(f"{event}: nothing is counted")
    return wrong


def plans_are_told(world: World, tables: Tables) -> list[str]:
    """The plans that were told of lead from Free to the plan that is stored, with no gap and no piece too many."""
    wrong = []
    stored = {row["account_id"]: _facts(row.get("plan", {})) for row in tables.of("AccountsTable")}
    for account in {*stored, *(event["account_id"] for event in events(world, "plan.changed"))}:
        changes = [event["data"] for event in events(world, "plan.changed") if event["account_id"] == account]
        left = [*(data["before"] for data in changes), stored.get(account, _FREE)]
        for reached in [_FREE, *(data["after"] for data in changes)]:
            if reached not in left:
                wrong.append(f"{account}: {changes} do not lead to {stored.get(account)}")
                break
            left.remove(reached)
    return wrong


def _facts(plan: Json) -> Json:
    pending = plan.get("pending_change")
    return {
        "plan_tier": plan.get("tier", "free"),
        "status": plan.get("status", "active"),
        "billing_interval": plan.get("interval", "monthly"),
        "cancel_at_period_end": plan.get("cancel_at_period_end", False),
        "cancel_at": _moment(plan.get("cancel_at")),
        "pending_change": pending
        and {
            "plan_tier": pending["tier"],
            "billing_interval": pending["interval"],
            "effective_at": _moment(pending["effective_at"]),
        },
    }


def _moment(unix: float | None) -> str | None:
    return None if unix is None else datetime.fromtimestamp(int(unix), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def thresholds_are_told(world: World, tables: Tables) -> list[str]:
    """What a counter has come to was told, level by level; of months long over, what is noted on it."""
    announced = {(e["account_id"], e["data"]["metric"], e["type"]) for e in events(world, *_LEVELS)}
    return [
        f"{row['account_id']} {row['period']} {metric}: {name} was not told"
        for row in tables.of("UsageTable")
        for metric, reached in _reached(row)
        for name, level in _LEVELS.items()
        if level <= reached and (row["account_id"], metric, name) not in announced
    ]


def _reached(row: Json) -> Iterator[tuple[str, Level]]:
    """The level of each counter of an item: the one noted, or the one that its figures show where that is higher."""
    if "tier" not in row or row["period"] == RESOURCES_ITEM:
        return
    counters_item, limits = read_counters(row), limits_of(load().plan(row["tier"]), row["period"])
    recent = not is_month(row["period"]) or clock.next_period(row["period"]) >= clock.period()
    for metric, counter in counters_item.counters.items():
        level = Figures.of(metric, row["period"], counter, limits[metric]).level
        yield metric, max(counter.announced, level) if recent else counter.announced


def low_balances_are_told(world: World, tables: Tables) -> list[str]:
    """Where a wallet's lines lead below the threshold, one of them was told of.

    Which of its own thresholds stood when is not to be seen in the lines: there a fall through all of them is certain.
    """
    announced = {(e["account_id"], e["data"]["transfer_id"]) for e in events(world, "balance.low")}
    own = {
        row["account_id"]
        for row in tables.of("WalletsTable", "wallet")
        if row["reload"].get("threshold", _THRESHOLD) != _THRESHOLD
    }
    every = [_THRESHOLD, *map(micros, THRESHOLDS_CENTS)]
    wrong = []
    for account, lines in _ledgers(tables).items():
        highest, lowest = (max(every), min(every)) if account in own else (_THRESHOLD, _THRESHOLD)
        owned = 0
        for moment, of_then in groupby(lines, lambda line: line["created_at"]):
            together = list(of_then)
            last = together[-1]
            after = int(last["balance_after"] + last["held_after"] - last["debt_after"])
            if (
                owned >= highest
                and after < lowest
                and not {(account, line["transfer_id"]) for line in together} & announced
            ):
                wrong.append(f"{account} fell to {after} at {moment}, and was not told")
            owned = after
    return wrong


def _ledgers(tables: Tables) -> dict[str, list[Json]]:
    ledgers: dict[str, list[Json]] = defaultdict(list)
    for line in sorted(tables.of("LedgerTable"), key=lambda line: int(line["seq"])):
        if not line["account_id"].startswith("creator:"):
            ledgers[line["account_id"]].append(line)
    return ledgers


def reloads_are_told(world: World, tables: Tables) -> list[str]:
    """Each reload that brought money, and what the wallet says of the last that did not."""
    announced = {e["data"]["transfer_id"] for e in events(world, "reload.succeeded")}
    wrong = [
        f"{line['transfer_id']} was not told"
        for line in tables.of("LedgerTable")
        if line["type"] == "reload" and line["transfer_id"] not in announced
    ]
    troubles = events(world, "reload.failed", *_TROUBLES.values())
    codes = {(e["account_id"], e["type"], e["data"]["code"]) for e in troubles}
    for row in tables.of("WalletsTable", "wallet"):
        reload = row["reload"]
        error = reload.get("last_error")
        name = _TROUBLES.get(reload.get("state"), "reload.failed")
        if error is not None and (row["account_id"], name, error["code"]) not in codes:
            wrong.append(f"{row['account_id']}: {name} {error['code']} was not told")
    return wrong


def payouts_are_told(world: World, tables: Tables) -> list[str]:
    """What became of payouts is told as often as the ledger has it, and no more."""
    announced = sorted((e["account_id"], e["type"], e["data"]["payout_id"]) for e in events(world, *_PAYOUTS.values()))
    there = sorted(
        (line["account_id"].removeprefix("creator:"), _PAYOUTS[line["type"]], line["transfer_id"].split(":")[0])
        for line in tables.of("LedgerTable")
        if line["type"] in _PAYOUTS
    )
    return [] if announced == there else [f"{announced} were sent, {there} are there"]


def tools_are_told(world: World, tables: Tables) -> list[str]:
    """What was told last of a tool is what it costs, or that it is sold no more."""
    newest: dict[str, Json] = {}
    for data in (event["data"] for event in events(world, "tool.changed")):
        if data["version"] > newest.get(data["tool_id"], {"version": 0})["version"]:
            newest[data["tool_id"]] = data
    wrong = []
    for row in tables.of("CreatorsTable", "tool"):
        if row["item"] == "tool":
            data = newest.get(row["tool_id"], {})
            if (data.get("price_cents"), data.get("change") == "removed") != (cents(int(row["price"])), row["deleted"]):
                wrong.append(f"{row['tool_id']}: {data} was told last, {row} is stored")
    return wrong


def nothing_waits(world: World, tables: Tables) -> list[str]:
    """All that was stored to be sent is sent."""
    return [f"{row['type']} waits" for row in tables.of("OutboxTable")]


ALWAYS = (each_is_as_described, each_is_stored)
SETTLED = (
    plans_are_told,
    thresholds_are_told,
    low_balances_are_told,
    reloads_are_told,
    payouts_are_told,
    tools_are_told,
    nothing_waits,
)
