"""What one caller took of quotas and places, by the name in its tokens: for operators, read from the whole table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, cast

from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Dynamo, Item
from aerostack_billing.usage.counters import LEASES
from aerostack_billing.usage.inside import ends_at, granted, is_of
from aerostack_billing.usage.large import PREFIX as COUNT
from aerostack_billing.usage.large import LargeCounts
from aerostack_billing.usage.lease_store import LeaseStore, Taken, prefix_of, read_lease
from aerostack_billing.usage.places import PlaceStore
from aerostack_billing.usage.store import STORAGE_ITEM

Kind = Literal["lease", "place", "count"]
_FOUND: Final = "#caller = :caller OR attribute_exists(#leases)"
"""Which items may hold something of a caller: its own, and those of counters that hold leases."""


@dataclass(frozen=True)
class Held:
    """A lease, a place, or a count above a size; `what` is the metric or the kind of resource.

    `taken_at` in ISO 8601; of a lease in the counters item only its end is known, `ends_at`. `open`: whether it can
    still be given back.
    """

    account_id: str
    kind: Kind
    what: str
    name: str
    quantity: int
    taken_at: str | None
    ends_at: str | None
    open: bool
    give_back: Callable[[], bool]

    @property
    def moment(self) -> str:
        """When it was taken, or where that is not known, when it ends."""
        return self.taken_at or self.ends_at or ""

    def view(self) -> dict[str, object]:
        """As it is shown."""
        return {
            "account_id": self.account_id,
            "kind": self.kind,
            "what": self.what,
            "name": self.name,
            "quantity": self.quantity,
            "taken_at": self.taken_at,
            "ends_at": self.ends_at,
            "open": self.open,
        }


class HeldByCaller:
    """Finds what a caller took, and gives it back.

    A lease of its own item is found for a day longer than it lives, one in the counters item until it is tidied away, a
    count for three months.
    """

    def __init__(
        self,
        dynamo: Dynamo,
        table: str,
        leases: LeaseStore,
        places: PlaceStore,
        large_counts: LargeCounts,
        catalog: Catalog,
    ) -> None:
        self._dynamo = dynamo
        self._table = table
        self._leases = leases
        self._places = places
        self._large_counts = large_counts
        self._catalog = catalog

    def of_caller(self, caller: str, account_id: str | None = None) -> list[Held]:
        """All of it, oldest first; without an account it reads, and costs, the whole table."""
        if account_id is None:
            found: Iterator[Item] = self._dynamo.scan(
                self._table,
                _FOUND,
                {":caller": caller},
                names={"#caller": "caller", "#leases": LEASES},
            )
        else:
            found = self._dynamo.query(self._table, "account_id = :account", {":account": account_id})
        held = [each for item in found for each in self._of_item(item, caller)]
        return sorted(held, key=lambda each: (each.moment, each.account_id, each.name))

    def _of_item(self, item: Item, caller: str) -> Iterator[Held]:
        if LEASES in item:
            yield from self._inside(item, caller)
        elif item.get("caller") == caller:
            name = str(item["period"])
            if "granted" in item:
                yield self._lease(item)
            elif name.startswith(COUNT):
                yield self._count(item)
            else:
                yield self._place(item)

    def _inside(self, item: Item, caller: str) -> Iterator[Held]:
        account_id, period, now = str(item["account_id"]), str(item["period"]), clock.seconds()
        metrics = {prefix_of(metric): metric for metric in self._catalog.data.monthly_quotas}
        for name, number in cast("dict[str, int]", item[LEASES]).items():
            quantity, metric = granted(number), next((m for p, m in metrics.items() if name.startswith(p)), None)
            if quantity is None or metric is None or not is_of(number, caller):
                continue
            end = ends_at(number)
            taken = Taken(period, metric, name, number, quantity)
            yield Held(
                account_id,
                "lease",
                metric,
                name,
                quantity,
                None,
                clock.iso(end),
                end > now,
                lambda taken=taken: self._leases.end_inside(account_id, taken),  # type: ignore[misc]
            )

    def _lease(self, item: Item) -> Held:
        account_id, lease = str(item["account_id"]), read_lease(item)
        return Held(
            account_id,
            "lease",
            lease.metric,
            lease.number,
            lease.granted,
            clock.iso(cast("int", item["taken_at"])),
            clock.iso(lease.expires_at),
            lease.expires_at > clock.seconds() and "settled" not in item,
            lambda: self._leases.settle(account_id, lease, lease.granted),
        )

    def _place(self, item: Item) -> Held:
        account_id, (_, kind, resource_id) = str(item["account_id"]), str(item["period"]).split("#", 2)
        return Held(
            account_id,
            "place",
            kind,
            resource_id,
            1,
            str(item["created_at"]),
            None,
            True,  # noqa: FBT003 - a place that is there can be given back
            lambda: self._places.free(account_id, kind, resource_id),
        )

    def _count(self, item: Item) -> Held:
        account_id, metric = str(item["account_id"]), str(item["metric"])
        _, counters, moment = str(item["period"]).split("#", 2)
        return Held(
            account_id,
            "count",
            metric,
            moment,
            cast("int", item["quantity"]),
            clock.iso(cast("int", item["counted_at"])),
            None,
            "given_back" not in item and counters in {STORAGE_ITEM, clock.period()},
            lambda: self._large_counts.give_back(item),
        )
