"""What must hold of budgets and spending, told from the tables' own rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from aerostack_billing.values.money import cents
from aerostack_billing.wallet.spending_view import Question, SpendingBehind
from tests.simulation.tables import Json, Tables
from tests.simulation.world import World


def budgets_held(tables: Tables, most: Mapping[str, int]) -> list[str]:
    """No budget took more than the highest limit that its account ever set."""
    return [
        f"{row['account_id']} {row['item']}: {row.get('spent', 0)} spent, {row.get('held', 0)} held of {limit}"
        for row in tables.of("WalletsTable", "budget#")
        if row.get("spent", 0) + row.get("held", 0) > (limit := most.get(row["account_id"], 0))
    ]


def spending_true(world: World, tables: Tables, *, settled: bool) -> list[str]:
    """What is shown as spent, by each agent too, is what the ledger's lines say.

    Before all is settled it may not be shown at all: it may be about to be added up anew.
    """
    spent: dict[tuple[str, str | None], int] = defaultdict(int)
    for line in tables.of("LedgerTable"):
        spent[line["account_id"], line.get("labels", {}).get("agent")] += _of(line)
    today = datetime.fromtimestamp(world.time.at, UTC).date()
    wrong = []
    for row in tables.of("WalletsTable", "wallet"):
        account = row["account_id"]
        since = (today - timedelta(days=365)).isoformat()
        question = Question.asked(since, today.isoformat(), "total", "agent")
        try:
            answer = world.eyes.wallet.spending.show(account, question)
        except SpendingBehind:
            if settled:
                raise
            continue
        shown = {group["value"]: group["amount_cents"] for group in _groups(answer)}
        expected = {value: cents(amount) for (who, value), amount in spent.items() if who == account}
        if {value: amount for value, amount in shown.items() if amount} != {v: a for v, a in expected.items() if a}:
            wrong.append(f"{account}: {shown} is shown, the ledger says {expected}")
    return wrong


def _groups(answer: Mapping[str, object]) -> list[Json]:
    buckets = answer["buckets"]
    assert isinstance(buckets, list)
    return [group for bucket in buckets for group in bucket["groups"]]


def _of(line: Json) -> int:
    if line["type"] in {"charge", "capture"}:
        return int(line["amount"])
    return -int(line["amount"]) if line["type"] == "charge_refund" else 0
