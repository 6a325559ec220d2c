"""Open leases: a few inside the month's counters item, where they cost one write unit, all others beside it.

Every write of the counters item costs by its size, so it holds at most `MOST_INSIDE` open leases. Their names are
short, and an id that was made up or changed names nothing there. A further lease, and one with an idempotency key, is
an item of its own, written in one transaction with the counter and removed by the table's TTL.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from aerostack_billing.idempotency.store import KEPT_SECONDS, key_reused
from aerostack_billing.platform import clock, correlation
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, TransactionRefused, Write
from aerostack_billing.usage.counters import LEASES, CountersItem, read_counters, reset_field
from aerostack_billing.usage.inside import packed, span
from aerostack_billing.usage.store import UsageStore

MOST_INSIDE: Final = 12
"""As many as leave a month's item within one write unit."""
PREFIX: Final = "lease#"
"""How the keys of leases beside the counters begin."""
_METRIC_CHARACTERS = 3
_LEASE_CHARACTERS = 13
_BESIDE = "x"
"""No hexadecimal digit, so that no other number begins with it."""


@dataclass(frozen=True)
class Lease:
    """A block of quota handed out: how much, until when, under which number."""

    period: str
    metric: str
    granted: int
    expires_at: int
    number: str

    @property
    def name(self) -> str:
        """Under which name the counters item holds it: made of all that its id says, leases of one metric alike."""
        said = f"{self.period} {self.metric} {self.granted} {self.expires_at} {self.number}"
        return prefix_of(self.metric) + _short(said, _LEASE_CHARACTERS)

    @property
    def is_beside(self) -> bool:
        """Whether it is an item of its own."""
        return self.number.startswith(_BESIDE)


@dataclass(frozen=True)
class Taken:
    """A lease as the counters item of its period holds it: under which name, and the number that says the rest."""

    period: str
    metric: str
    name: str
    number: int
    granted: int


class ItemFull(Exception):
    """The counters item holds as many open leases as it may; `counters_item` is the item."""

    def __init__(self, counters_item: CountersItem) -> None:
        super().__init__("the counters item holds no more leases")
        self.counters_item = counters_item


class LeaseExists(Exception):
    """A lease was taken under this key before; `lease` is that one."""

    def __init__(self, lease: Lease) -> None:
        super().__init__("the lease's key was used")
        self.lease = lease


def prefix_of(metric: str) -> str:
    """How the names of a metric's leases begin."""
    return _short(metric, _METRIC_CHARACTERS)


def beside(number: str) -> str:
    """The number of a lease that is an item of its own."""
    return _BESIDE + number


def number_of(key: str) -> str:
    """The number that an idempotency key makes: the same key finds the same lease."""
    return beside(hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32])


def _names(metric: str, lease: str) -> dict[str, str]:
    """The attributes of the counters item that a lease inside it is about."""
    return {"#used": f"{metric}_used", "#room": f"{metric}_room", "#leases": LEASES, "#lease": lease}


def _short(text: str, characters: int) -> str:
    """A few characters that stand for a text: five bits each."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:characters]


class LeaseStore:
    """Takes and settles leases."""

    def __init__(self, dynamo: Dynamo, table: str, usage: UsageStore) -> None:
        self._dynamo = dynamo
        self._table = table
        self._usage = usage

    def take_inside(self, account_id: str, lease: Lease, least_room: int) -> CountersItem:
        """Count a lease as used and record it in the counters item, by one write; the item after it.

        Condition: there is `least_room`, and the item holds fewer leases than it may. ItemFull, NoRoom with the item,
        or NotOpen if they do not hold.
        """
        counting = self._usage.addition(account_id, lease.period, lease.metric, lease.granted)
        write = replace(
            counting,
            update=f"{counting.update} SET #leases.#lease = :lease",
            condition=f"{counting.condition} AND #room >= :least AND size(#leases) < :most",
            names={**(counting.names or {}), "#leases": LEASES, "#lease": lease.name},
            values={
                **(counting.values or {}),
                ":lease": packed(lease.expires_at, lease.granted, correlation.caller()),
                ":least": least_room,
                ":most": MOST_INSIDE,
            },
        )
        try:
            return read_counters(self._dynamo.update(write))
        except ConditionFailed as failed:
            refusal = self._usage.refusal(failed.item, lease.metric)
            counters_item = refusal.counters_item
            if (
                counters_item
                and least_room <= counters_item.counters[lease.metric].room
                and len(counters_item.leases) >= MOST_INSIDE
            ):
                raise ItemFull(counters_item) from failed
            raise refusal from failed

    def take_beside(self, account_id: str, lease: Lease, least_room: int, fingerprint: str) -> CountersItem:
        """Count a lease as used and put its own item, in one transaction; the counters item, read after it.

        Conditions: there is `least_room`, and no live lease has this number. LeaseExists with the first one if it has
        and asked the same; IdempotencyKeyReused (409) if it asked something else; NoRoom, NotOpen as `UsageStore.add`.
        """
        now = clock.seconds()
        put: Item = {
            **self._key(account_id, lease),
            "lease_period": lease.period,
            "metric": lease.metric,
            "granted": lease.granted,
            "ends_at": lease.expires_at,
            "taken_at": now,
            "fingerprint": fingerprint,
            "expires_at": lease.expires_at + KEPT_SECONDS,
            **correlation.asked_by(),
        }
        free = "attribute_not_exists(account_id) OR expires_at <= :now"
        counting = self._usage.addition(account_id, lease.period, lease.metric, lease.granted)
        counting = replace(
            counting,
            condition=f"{counting.condition} AND #room >= :least",
            values={**(counting.values or {}), ":least": least_room},
        )
        try:
            self._dynamo.transact([Write(self._table, {}, put=put, condition=free, values={":now": now}), counting])
        except TransactionRefused as refused:
            putting, counted = refused.reasons
            # A refused transaction need not report every condition that failed: the counter's may hide the key's.
            held = putting.item if putting.failed else self._live(account_id, lease, now)
            if held is None:
                raise self._usage.refusal(counted.item, lease.metric) from refused
            if held["fingerprint"] != fingerprint:
                raise key_reused() from refused
            raise LeaseExists(read_lease(held)) from refused
        return self._usage.counters_item(account_id, lease.period)

    def earlier(self, account_id: str, lease: Lease, fingerprint: str) -> Lease | None:
        """The live lease of this number; None if there is none. IdempotencyKeyReused (409) for another request."""
        held = self._live(account_id, lease, clock.seconds()) if lease.is_beside else None
        if held is None:
            return None
        if held["fingerprint"] != fingerprint:
            raise key_reused()
        return read_lease(held)

    def settle(self, account_id: str, lease: Lease, unused: int) -> bool:
        """End a lease and give back what was not used; False if it is not open, and nothing was changed."""
        return (self._settle_beside if lease.is_beside else self._settle_inside)(account_id, lease, unused)

    def _settle_inside(self, account_id: str, lease: Lease, unused: int) -> bool:
        first, last = span(lease.expires_at)
        write = Write(
            self._table,
            {"account_id": account_id, "period": lease.period},
            update="ADD #used :less, #room :unused REMOVE #leases.#lease",
            # The seconds alone are those of a lease that a release before 0.3 took.
            condition="#leases.#lease BETWEEN :first AND :last OR #leases.#lease = :lease",
            names=_names(lease.metric, lease.name),
            values={
                ":less": -unused,
                ":unused": unused,
                ":first": first,
                ":last": last,
                ":lease": lease.expires_at,
            },
        )
        try:
            self._dynamo.update(write)
        except ConditionFailed as failed:
            return self._settle_older(account_id, lease, unused, failed.item or {})
        return True

    def end_inside(self, account_id: str, taken: Taken) -> bool:
        """End a lease as it stands in the counters item, and give all of it back; False if it stands there no more."""
        write = Write(
            self._table,
            {"account_id": account_id, "period": taken.period},
            update="ADD #used :less, #room :all REMOVE #leases.#lease",
            condition="#leases.#lease = :lease",
            names=_names(taken.metric, taken.name),
            values={":less": -taken.granted, ":all": taken.granted, ":lease": taken.number},
        )
        try:
            self._dynamo.update(write)
        except ConditionFailed:
            return False
        return True

    def _settle_older(self, account_id: str, lease: Lease, unused: int, item: Item) -> bool:
        """End a lease that a release before 0.2 recorded as an attribute of the item; they lapse within an hour."""
        field = f"lease_{lease.name}"
        if field not in item:
            return False
        write = Write(
            self._table,
            {"account_id": account_id, "period": lease.period},
            update="ADD #used :less, #room :unused REMOVE #lease",
            condition="#lease = :lease",
            names={"#used": f"{lease.metric}_used", "#room": f"{lease.metric}_room", "#lease": field},
            values={":less": -unused, ":unused": unused, ":lease": lease.expires_at},
        )
        try:
            self._dynamo.update(write)
        except ConditionFailed:
            return False
        return True

    def _settle_beside(self, account_id: str, lease: Lease, unused: int) -> bool:
        """Under the conditions that the lease is open and that its counter was not reset since it was taken."""
        held = self._live(account_id, lease, clock.seconds())
        if held is None or read_lease(held) != lease:
            return False
        end = Write(
            self._table,
            self._key(account_id, lease),
            update="SET settled = :true",
            condition="ends_at = :ends AND attribute_not_exists(settled)",
            values={":true": True, ":ends": lease.expires_at},
        )
        back = Write(
            self._table,
            {"account_id": account_id, "period": lease.period},
            update="ADD #used :less, #room :unused",
            condition="#used >= :unused AND (attribute_not_exists(#reset) OR #reset < :taken)",
            names={
                "#used": f"{lease.metric}_used",
                "#room": f"{lease.metric}_room",
                "#reset": reset_field(lease.metric),
            },
            values={":less": -unused, ":unused": unused, ":taken": held["taken_at"]},
        )
        try:
            self._dynamo.transact([end, back])
        except TransactionRefused:
            return False
        return True

    def forget(self, account_id: str, period: str, names: Sequence[str]) -> None:
        """Remove lapsed leases from the counters item: they count as used and can never be settled any more.

        `names` are at most those that an item holds, so the expression is bounded.
        """
        fields = {f"#lease{i}": name for i, name in enumerate(names[:MOST_INSIDE])}
        update = f"REMOVE {', '.join(f'#leases.{field}' for field in fields)}"
        key = {"account_id": account_id, "period": period}
        self._dynamo.update(Write(self._table, key, update=update, names={"#leases": LEASES, **fields}))

    def open_beside(self, account_id: str, period: str, metric: str) -> Iterator[Lease]:
        """The open leases of a metric that are items of their own."""
        now = clock.seconds()
        items = self._dynamo.query(
            self._table,
            "account_id = :account AND begins_with(#period, :prefix)",
            {":account": account_id, ":prefix": PREFIX},
            names={"#period": "period"},
        )
        for item in items:
            lease = read_lease(item)
            if (lease.period, lease.metric) == (period, metric) and lease.expires_at > now and "settled" not in item:
                yield lease

    def _live(self, account_id: str, lease: Lease, now: int) -> Item | None:
        """The lease's own item, unless it has expired."""
        item = self._dynamo.get(self._table, self._key(account_id, lease))
        return None if item is None or cast("int", item["expires_at"]) <= now else item

    @staticmethod
    def _key(account_id: str, lease: Lease) -> Item:
        return {"account_id": account_id, "period": f"{PREFIX}{lease.number}"}


def read_lease(item: Item) -> Lease:
    """A lease that is an item of its own."""
    return Lease(
        period=str(item["lease_period"]),
        metric=str(item["metric"]),
        granted=cast("int", item["granted"]),
        expires_at=cast("int", item["ends_at"]),
        number=str(item["period"]).removeprefix(PREFIX),
    )
