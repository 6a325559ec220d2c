"""The Usage table's counters: each carries its own ceiling, so that consuming is one conditional write.

An item of counters holds, per name, `{name}_used` and `{name}_room` (= hard limit - used). One item a month holds the
quotas; two that never reset, `storage` and `resources`, hold the gauge and the places. All of them name the `tier` and
the `limits_version` whose limits they carry. A change of plan sets `tier` and the rooms in the transaction that writes
the account. A release that changes limits raises the catalog's `limits_version`: the first write that touches an older
item is refused, and the item is recomputed before the write is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final, TypeVar

from aerostack_billing.accounts.models import Account, PlanState
from aerostack_billing.accounts.store import AccountStore, read_account
from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import STORAGE, Limit, Plan, Tier
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, TransactionRefused, Write
from aerostack_billing.platform.retry import EXPECTED_SECONDS, attempts
from aerostack_billing.usage.bursts import LIMIT as BURST_LIMIT
from aerostack_billing.usage.bursts import Turn
from aerostack_billing.usage.counters import LEASES, VERSION, CountersItem, read_counters
from aerostack_billing.usage.periods import BEGAN_ITEM, Standing, carried_into, read_began, storing
from aerostack_billing.values.errors import StoreUnavailable

STORAGE_ITEM = "storage"
RESOURCES_ITEM = "resources"
_TURNS = 10
"""Writes that one call may need where minutes begin and others are faster; two are rare."""

_VERSION_NAME: Final = {"#limits": VERSION}
_CURRENT: Final = "#limits >= :limits"
"""The condition that an item carries this release's limits, or, during a deployment, a newer release's."""

Result = TypeVar("Result")


class NotOpen(Exception):
    """The counters item, or the name in it, does not exist or carries an older release's limits: open it, then repeat.

    `counters_item` is the item of older limits.
    """

    def __init__(self, counters_item: CountersItem | None = None) -> None:
        super().__init__("the counter is not open")
        self.counters_item = counters_item


class NoRoom(Exception):
    """The counter's ceiling, or for what is given back its zero, forbids it; `counters_item` is the item as read."""

    def __init__(self, counters_item: CountersItem) -> None:
        super().__init__("the counter has no room")
        self.counters_item = counters_item


class KeyTaken(Exception):
    """An idempotency key is held; `record` is what holds it, `places` which of the claims were refused."""

    def __init__(self, record: Item | None, places: tuple[int, ...] = (0,)) -> None:
        super().__init__("the idempotency key is held")
        self.record = record
        self.places = places


class Raced(Exception):
    """The counters are not as they were read: nothing was counted; read them again."""


def limits_of(plan: Plan, item: str) -> Mapping[str, Limit]:
    """The names that an item of the Usage table counts under a plan, with their limits."""
    if item == STORAGE_ITEM:
        return {STORAGE: plan.storage}
    return plan.resources if item == RESOURCES_ITEM else plan.quotas


def is_month(item: str) -> bool:
    """Whether an item of counters is a month's: those end with it, and carry the burst limit."""
    return item not in {STORAGE_ITEM, RESOURCES_ITEM}


def tier_of(plan: PlanState, item: str) -> Tier:
    """The tier whose limits hold in an item: a plan on trial has its places and storage, and Free's months."""
    return plan.quotas_tier if is_month(item) else plan.limits_tier


def item_of(metric: str) -> str:
    """The item that counts a metric now: the gauge's, or this month's."""
    return STORAGE_ITEM if metric == STORAGE else clock.period()


class UsageStore:
    """Reads and conditional writes of counters."""

    def __init__(self, dynamo: Dynamo, table: str, accounts: AccountStore, catalog: Catalog) -> None:
        self._dynamo = dynamo
        self._table = table
        self._accounts = accounts
        self._catalog = catalog
        self._version = catalog.data.limits_version

    def read(self, account_id: str, items: Sequence[str], *, consistent: bool = False) -> dict[str, CountersItem]:
        """The items that exist, by name, in one request."""
        found = self._dynamo.batch_get(
            {self._table: [self._key(account_id, item) for item in items]}, consistent=consistent
        )
        return {str(item["period"]): read_counters(item) for item in found[self._table]}

    def add(self, account_id: str, item: str, name: str, quantity: int, *, throttled: bool = False) -> CountersItem:
        """Count `quantity` if there is room; the item after it. One request, one write unit, exact at any concurrency.

        NoRoom, with the item, if there is not; NotOpen if the counter does not exist. Nothing is counted then.
        `throttled` counts the call too, as one of this minute: BurstReached if none is left.
        """

        def send(write: Write) -> CountersItem:
            try:
                return read_counters(self._dynamo.update(write))
            except ConditionFailed as failed:
                raise self.refusal(failed.item, name) from failed

        counting = self.addition(account_id, item, name, quantity)
        return _in_its_minute(counting, name, quantity, send) if throttled else send(counting)

    def add_with(
        self, account_id: str, item: str, name: str, quantity: int, beside: Sequence[Write], *, throttled: bool = False
    ) -> None:
        """Count together with the writes `beside`: all or nothing. One of them may take an idempotency key.

        KeyTaken, with the record, if the key is held; NoRoom, NotOpen and BurstReached as in `add`. A refused
        transaction need not report every condition that failed, so that they do not tell that the key is free.
        """

        def send(write: Write) -> None:
            try:
                self._dynamo.transact([write, *beside])
            except TransactionRefused as refused:
                counting, *others = refused.reasons
                for reason in others:
                    if reason.failed:
                        raise KeyTaken(reason.item) from refused
                raise self.refusal(counting.item, name) from refused

        counting = self.addition(account_id, item, name, quantity)
        return _in_its_minute(counting, name, quantity, send) if throttled else send(counting)

    def addition(self, account_id: str, item: str, name: str, quantity: int) -> Write:
        """The conditional write that counts `quantity`, which is below zero where some is given back.

        Its condition: the room of this release's limits suffices, or, for what is given back, that as much is used.
        Giving back is allowed also where a cheaper plan left the room below zero, and under any release's limits.
        """
        return Write(
            self._table,
            self._key(account_id, item),
            update="ADD #used :quantity, #room :opposite",
            condition=f"{_CURRENT} AND #room >= :quantity" if quantity > 0 else "#used >= :opposite",
            names={"#used": f"{name}_used", "#room": f"{name}_room", **(_VERSION_NAME if quantity > 0 else {})},
            values={
                ":quantity": quantity,
                ":opposite": -quantity,
                **({":limits": self._version} if quantity > 0 else {}),
            },
        )

    def counters_item(self, account_id: str, item: str) -> CountersItem:
        """The item's counters, consistently read; NotOpen if there is none, or one of older limits."""
        found = self.read(account_id, [item], consistent=True)
        if item not in found:
            raise NotOpen
        if found[item].limits_version < self._version:
            raise NotOpen(found[item])
        return found[item]

    def add_all(self, account_id: str, item: str, totals: Mapping[str, int]) -> CountersItem:
        """Count several names of one item if there is room for all: one request, one write unit.

        NoRoom, with the item, if there is not; NotOpen if one of the counters does not exist.
        """
        write = self._additions(account_id, item, totals, [f"#room{i} >= :add{i}" for i in range(len(totals))], {})
        try:
            return read_counters(self._dynamo.update(write))
        except ConditionFailed as failed:
            raise self._refusal_of_all(failed.item, totals) from failed

    def add_all_once(self, account_id: str, item: str, totals: Mapping[str, int], claims: Sequence[Write]) -> None:
        """Count as `add_all` does, together with `claims`: all or nothing.

        KeyTaken, with which of them, if a claim was refused; NoRoom and NotOpen as in `add_all`.
        """
        write = self._additions(account_id, item, totals, [f"#room{i} >= :add{i}" for i in range(len(totals))], {})
        try:
            self._dynamo.transact([write, *claims])
        except TransactionRefused as refused:
            counting, *claiming = refused.reasons
            taken = tuple(i for i, reason in enumerate(claiming) if reason.failed)
            if taken:
                raise KeyTaken(None, taken) from refused
            raise self._refusal_of_all(counting.item, totals) from refused

    def add_as_read(
        self,
        account_id: str,
        item: str,
        totals: Mapping[str, int],
        counters_item: CountersItem,
        claims: Sequence[Write],
    ) -> None:
        """Count several names of one item, with `claims`, if the counters are as they were read.

        Raced if they are not; KeyTaken, with which of them, if a claim was refused.
        """
        conditions = [f"#used{i} = :was{i} AND #room{i} = :left{i}" for i in range(len(totals))]
        read = [counters_item.counters[name] for name in totals]
        values: dict[str, object] = {f":was{i}": counter.used for i, counter in enumerate(read)}
        values |= {f":left{i}": counter.room for i, counter in enumerate(read)}
        try:
            self._dynamo.transact([self._additions(account_id, item, totals, conditions, values), *claims])
        except TransactionRefused as refused:
            counting, *claiming = refused.reasons
            if counting.failed:
                raise Raced from refused
            raise KeyTaken(None, tuple(i for i, reason in enumerate(claiming) if reason.failed)) from refused

    def _additions(
        self,
        account_id: str,
        item: str,
        totals: Mapping[str, int],
        conditions: Sequence[str],
        values: Mapping[str, object],
    ) -> Write:
        names: dict[str, str] = {}
        adding, amounts = [], dict(values)
        for i, (name, total) in enumerate(totals.items()):
            names |= {f"#used{i}": f"{name}_used", f"#room{i}": f"{name}_room"}
            amounts |= {f":add{i}": total, f":sub{i}": -total}
            adding.append(f"#used{i} :add{i}, #room{i} :sub{i}")
        names |= _VERSION_NAME
        amounts[":limits"] = self._version
        return Write(
            self._table,
            self._key(account_id, item),
            update=f"ADD {', '.join(adding)}",
            condition=" AND ".join([_CURRENT, *conditions]),
            names=names,
            values=amounts,
        )

    def open(self, account: Account, item: str, outdated: CountersItem | None = None) -> None:
        """Create the item, or recompute its rooms, with the limits of the account's plan in this release's catalog.

        Each room becomes the ceiling less what is used; a name that the catalog added begins at 0. Where a ceiling
        differs from the one in `outdated`, the threshold last announced is dropped: the thresholds lie elsewhere now.

        Written under the conditions that the account's plan is still the one given, so that no item is born with the
        limits of a plan that has just ended, and that the item carries no newer limits. Where they do not hold, nothing
        is raised: the caller reads the account again and repeats while the counter is missing.
        """
        plan = self._catalog.plan(tier_of(account.plan, item))
        limits = limits_of(plan, item)
        standing = partial(self.standing, account.account_id)
        began, carried = carried_into(item, account.plan, limits, standing) if outdated is None else (None, {})
        write = self.opening(account.account_id, plan, item, carried=carried, outdated=outdated)
        also = []
        if began is not None and carried:
            also = [storing(self._table, account.account_id, began, began.carrying(item, carried))]
        try:
            self._dynamo.transact([write, self._accounts.unchanged(account), *also])
        except TransactionRefused:
            return

    def opening(
        self,
        account_id: str,
        plan: Plan,
        item: str,
        *,
        carried: Mapping[str, int] = MappingProxyType({}),
        outdated: CountersItem | None = None,
    ) -> Write:
        """The write that creates an item with the plan's limits, of which `carried` is used, or recomputes its rooms.

        Its condition: there is none, or one of the same tier that carries older limits.
        """
        limits = limits_of(plan, item)
        names, settings, removals = {"#tier": "tier", **_VERSION_NAME}, ["#tier = :tier", "#limits = :limits"], []
        values: dict[str, object] = {":tier": plan.tier, ":limits": self._version}
        for i, (name, limit) in enumerate(limits.items()):
            names |= {f"#u{i}": f"{name}_used", f"#r{i}": f"{name}_room"}
            values |= {f":c{i}": limit.ceiling, f":k{i}": carried.get(name, 0)}
            used = f"if_not_exists(#u{i}, :k{i})"
            settings += [f"#u{i} = {used}", f"#r{i} = :c{i} - {used}"]
            counter = outdated.counters.get(name) if outdated else None
            if counter is not None and counter.used + counter.room != limit.ceiling:
                names[f"#l{i}"] = f"{name}_level"
                removals.append(f"#l{i}")
        if is_month(item):
            names["#burst"], values[":burst"] = BURST_LIMIT, plan.burst.ceiling
            settings.append("#burst = :burst")
            names["#leases"], values[":none"] = LEASES, {}
            settings.append("#leases = if_not_exists(#leases, :none)")
        return Write(
            self._table,
            self._key(account_id, item),
            update=f"SET {', '.join(settings)}" + (f" REMOVE {', '.join(removals)}" if removals else ""),
            condition=(
                "attribute_not_exists(#tier) OR "
                "(#tier = :tier AND (attribute_not_exists(#limits) OR #limits < :limits))"
            ),
            names=names,
            values=values,
        )

    def refusal(self, item: Item | None, name: str) -> NoRoom | NotOpen:
        """Why a counter refused: it does not exist yet, it carries older limits, or it has no room."""
        if item is None or f"{name}_room" not in item:
            return NotOpen()
        counters_item = read_counters(item)
        return NotOpen(counters_item) if counters_item.limits_version < self._version else NoRoom(counters_item)

    def _refusal_of_all(self, item: Item | None, names: Iterable[str]) -> NoRoom | NotOpen:
        refusals = [self.refusal(item, name) for name in names]
        return next((r for r in refusals if isinstance(r, NotOpen)), refusals[0])

    def in_force(self, item: str, counters_item: CountersItem) -> CountersItem:
        """The item as its next write will find it: rooms of older limits are recomputed, nothing is written."""
        if counters_item.limits_version >= self._version:
            return counters_item
        limits = limits_of(self._catalog.plan(counters_item.tier), item)
        counters = {
            name: replace(counter, room=limits[name].ceiling - counter.used)
            for name, counter in counters_item.counters.items()
            if name in limits
        }
        return replace(counters_item, counters=counters, limits_version=self._version)

    def standing(self, account_id: str, month: str) -> Standing:
        """A month's counters, and where they stood when the paid period began, consistently read in one request."""
        keys = [self._key(account_id, name) for name in (month, BEGAN_ITEM)]
        items = self._dynamo.batch_get({self._table: keys}, consistent=True)[self._table]
        found = {str(item["period"]): item for item in items}
        return Standing(
            read_counters(found[month]).counters if month in found else {}, read_began(found.get(BEGAN_ITEM))
        )

    def overview(self, account_id: str, items: Sequence[str]) -> tuple[Account, dict[str, CountersItem]]:
        """The account and the items that exist, in one request; read with eventual consistency, for showing."""
        found = self._dynamo.batch_get(
            {
                self._accounts.table: [self._accounts.key(account_id)],
                self._table: [self._key(account_id, item) for item in items],
            }
        )
        account = next(iter(found[self._accounts.table]), None)
        return read_account(account_id, account), {
            (name := str(item["period"])): self.in_force(name, read_counters(item)) for item in found[self._table]
        }

    def _key(self, account_id: str, item: str) -> Item:
        return {"account_id": account_id, "period": item}


def _in_its_minute(counting: Write, name: str, quantity: int, send: Callable[[Write], Result]) -> Result:
    """What `send` makes of `counting` with the call counted beside it; the first write is all but always the only one.

    BurstReached if no call is left; NoRoom and NotOpen are those of `send`.
    """
    turn = Turn(clock.minute())
    for _ in attempts(_TURNS, first_wait_seconds=EXPECTED_SECONDS):
        try:
            return send(turn.counted(counting))
        except NoRoom as none:
            if quantity > none.counters_item.counters[name].room:
                raise
            if none.counters_item.burst is None:
                raise NotOpen from none
            turn = turn.after(none.counters_item.burst)
    raise StoreUnavailable("The database is busy. Nothing was counted. Try again in a moment.")
