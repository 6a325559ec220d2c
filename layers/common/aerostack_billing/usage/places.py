"""The places that resources take: one item each beside the counter, claimed and freed with it in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from aerostack_billing.platform import clock, correlation
from aerostack_billing.platform.dynamo import Dynamo, Item, TransactionRefused, Write
from aerostack_billing.usage.counters import CountersItem, read_counters
from aerostack_billing.usage.models import Place
from aerostack_billing.usage.store import RESOURCES_ITEM, UsageStore

_PREFIX = "place#"


@dataclass(frozen=True)
class Claim:
    """A place that is held; `new` if this call took it."""

    place: Place
    new: bool


class PlaceStore:
    """Conditional writes of places in the Usage table."""

    def __init__(self, dynamo: Dynamo, table: str, usage: UsageStore) -> None:
        self._dynamo = dynamo
        self._table = table
        self._usage = usage

    def claim(self, account_id: str, kind: str, resource_id: str) -> Claim:
        """Take a place for the resource, or find that it holds one.

        One transaction: the counter has room for one more, and no such place exists. NoRoom or NotOpen otherwise.
        """
        place = Place(kind, resource_id, clock.iso_now())
        put = {**self._key(account_id, kind, resource_id), "created_at": place.created_at, **correlation.asked_by()}
        writes = [
            Write(self._table, {}, put=put, condition="attribute_not_exists(account_id)"),
            self._usage.addition(account_id, RESOURCES_ITEM, kind, 1),
        ]
        try:
            self._dynamo.transact(writes)
        except TransactionRefused as refused:
            placing, counting = refused.reasons
            held = placing.item or self._dynamo.get(self._table, self._key(account_id, kind, resource_id))
            if held is None:
                raise self._usage.refusal(counting.item, kind) from refused
            return Claim(_read(held), new=False)
        return Claim(place, new=True)

    def free(self, account_id: str, kind: str, resource_id: str) -> bool:
        """Give the place back; False if the resource held none, and nothing was changed."""
        writes = [
            Write(
                self._table,
                self._key(account_id, kind, resource_id),
                delete=True,
                condition="attribute_exists(account_id)",
            ),
            self._usage.addition(account_id, RESOURCES_ITEM, kind, -1),
        ]
        try:
            self._dynamo.transact(writes)
        except TransactionRefused:
            return False
        return True

    def all(self, account_id: str) -> list[Place]:
        """Every place of the account, oldest first within a kind."""
        items = self._dynamo.query(
            self._table,
            "account_id = :account AND begins_with(#period, :prefix)",
            {":account": account_id, ":prefix": _PREFIX},
            names={"#period": "period"},
        )
        return sorted(map(_read, items), key=lambda place: (place.kind, place.created_at, place.resource_id))

    def with_counters(self, account_id: str) -> tuple[list[Place], CountersItem | None]:
        """Likewise, with the counters of places, which stand behind them in the table, in the same request.

        None where no place was ever claimed.
        """
        items = list(
            self._dynamo.query(
                self._table,
                "account_id = :account AND #period BETWEEN :first AND :last",
                {":account": account_id, ":first": _PREFIX, ":last": RESOURCES_ITEM},
                names={"#period": "period"},
            )
        )
        places = [_read(item) for item in items if str(item["period"]).startswith(_PREFIX)]
        found = next((read_counters(item) for item in items if item["period"] == RESOURCES_ITEM), None)
        return sorted(places, key=lambda place: (place.kind, place.created_at, place.resource_id)), found

    @staticmethod
    def _key(account_id: str, kind: str, resource_id: str) -> Item:
        return {"account_id": account_id, "period": f"{_PREFIX}{kind}#{resource_id}"}


def _read(item: Item) -> Place:
    _, kind, resource_id = str(item["period"]).split("#", 2)
    return Place(kind, resource_id, str(item["created_at"]))
