"""What one caller holds of quotas and places, by the name in its tokens: for operators, read from the whole table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import cast

from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Dynamo, Item


@dataclass(frozen=True)
class Held:
    """A lease, or a place; `what` is the metric or the kind, `taken_at` in ISO 8601."""

    account_id: str
    kind: str
    what: str
    name: str
    quantity: int
    taken_at: str

    def view(self) -> dict[str, object]:
        """As it is shown."""
        return asdict(self)


class HeldByCaller:
    """Finds what a caller holds. A lease is found while its item is kept, a day longer than it lives."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def of_caller(self, caller: str, account_id: str | None = None) -> list[Held]:
        """All of it, oldest first; without an account it reads, and costs, the whole table."""
        names = {"#caller": "caller"}
        if account_id is None:
            found: Iterator[Item] = self._dynamo.scan(
                self._table, "#caller = :caller", {":caller": caller}, names=names
            )
        else:
            found = self._dynamo.query(self._table, "account_id = :account", {":account": account_id})
        held = [_read(item) for item in found if item.get("caller") == caller]
        return sorted(held, key=lambda each: (each.taken_at, each.account_id, each.name))


def _read(item: Item) -> Held:
    account_id, name = str(item["account_id"]), str(item["period"])
    if "granted" in item:
        taken_at = clock.iso(cast("int", item["taken_at"])) or ""
        return Held(account_id, "lease", str(item["metric"]), name, cast("int", item["granted"]), taken_at)
    _, kind, resource_id = name.split("#", 2)
    return Held(account_id, "place", kind, resource_id, 1, str(item["created_at"]))
