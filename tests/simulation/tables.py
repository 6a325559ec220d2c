"""The tables as they are, read past the code that writes them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from tests.simulation.world import World

Json = dict[str, Any]
_from_wire = TypeDeserializer()


class Tables:
    """Every item of every table, read at once."""

    def __init__(self, world: World) -> None:
        self.rows: dict[str, list[Json]] = defaultdict(list)
        by_name = {name: logical for logical, name in world.tables.items()}
        for name, logical in ((n, by_name[n]) for n in by_name):
            start: Json = {}
            while True:
                page = world.client.scan(TableName=name, ConsistentRead=True, **start)
                self.rows[logical] += [
                    {field: _from_wire.deserialize(value) for field, value in item.items()} for item in page["Items"]
                ]
                if "LastEvaluatedKey" not in page:
                    break
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def operators(self) -> list[Json]:
        """The lines of the operators' log, which lie beside the transfers."""
        return [row for row in self.rows["LedgerTable"] if _is_log(row)]

    def of(self, table: str, prefix: str = "") -> list[Json]:
        """The items of a table, where it has kinds of items those whose name begins so; of the ledger the transfers."""
        if table == "LedgerTable":
            return [row for row in self.rows[table] if not _is_log(row)]
        kind = {
            "UsageTable": "period",
            "WalletsTable": "item",
            "CreatorsTable": "item",
            "NotificationsTable": "item",
        }.get(table)
        return [row for row in self.rows[table] if kind is None or str(row[kind]).startswith(prefix)]


def _is_log(row: Json) -> bool:
    return str(row["account_id"]).startswith("operator#")
