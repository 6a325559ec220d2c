"""Lives of accounts, lived on one release and continued on the next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aerostack_billing.assembly.runtime import Runtime
from tests.rooms.worlds.creators import call
from tests.rooms.worlds.creators import refund as refund_charge
from tests.rooms.worlds.usage import claim, consume, move_to, settle, take
from tests.rooms.worlds.wallet import capture, charge, fund, hold, owe

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

USED, OVER, PAID, SPENT, OWES, HOLDS, CALLER, MAKER = (
    "acct_used acct_over acct_paid acct_spent acct_owes acct_holds acct_caller acct_maker".split()  # noqa: SIM905
)
ACCOUNTS = (USED, OVER, PAID, SPENT, OWES, HOLDS, CALLER)


def live(parts: Runtime) -> dict[str, Any]:
    """Let each account do what a release must carry over; the answers that the next release is asked for again."""
    answers: dict[str, Any] = {}
    consume(parts, USED, 45_000)
    consume(parts, USED, 1_000, "storage_bytes")
    answers["keyed"] = consume(parts, USED, 10, idempotency_key="k")
    answers["lease"] = take(parts, USED, 1_000, ttl=3_600)
    for name in "abc":
        claim(parts, USED, name)
    consume(parts, OVER, 55_000)
    consume(parts, PAID, 60)
    move_to(parts, PAID, "pro")
    fund(parts, SPENT, 2_500)
    answers["charge"] = charge(parts, SPENT, "12.34", "c1", reference="run-1")
    answers["refunded"] = charge(parts, SPENT, 300, "c2")
    refund_charge(parts, SPENT, answers["refunded"]["charge_id"])
    answers["to refund"] = charge(parts, SPENT, 200, "c3")
    fund(parts, OWES, 1_000)
    charge(parts, OWES, 800, "c")
    owe(parts, OWES, 1_000)
    fund(parts, HOLDS, 1_000)
    answers["hold"] = hold(parts, HOLDS, 400, "h", ttl_seconds=86_400)
    answers["captured"] = hold(parts, HOLDS, 100, "h2")
    answers["capture"] = capture(parts, HOLDS, answers["captured"]["hold_id"], 60, "x")
    fund(parts, CALLER, 2_000)
    answers["tool call"] = call(parts, CALLER, MAKER, 500, "t1")
    answers["tool call refunded"] = call(parts, CALLER, MAKER, 300, "t2")
    refund_charge(parts, CALLER, answers["tool call refunded"]["charge_id"])
    settle(parts, USED, take(parts, USED, 100), 40)
    return answers


def dumped(client: DynamoDBClient, tables: dict[str, str]) -> dict[str, list[Any]]:
    """Every item of every table, as DynamoDB writes it, by the setting that names the table."""
    names = {setting: name for setting, name in tables.items() if setting.endswith("_TABLE")}
    return {
        setting: [item for page in client.get_paginator("scan").paginate(TableName=name) for item in page["Items"]]
        for setting, name in names.items()
    }


def written(kept: dict[str, Any]) -> str:
    """The fixture's text: an item a line."""
    lines = [
        f"{json.dumps(setting)}: [\n" + ",\n".join(json.dumps(item, sort_keys=True) for item in items) + "\n]"
        for setting, items in kept["tables"].items()
    ]
    tables = ",\n".join(lines)
    release, answers = json.dumps(kept["release"]), json.dumps(kept["answers"])
    return f'{{"release": {release},\n"answers": {answers},\n"tables": {{\n{tables}\n}}}}\n'
