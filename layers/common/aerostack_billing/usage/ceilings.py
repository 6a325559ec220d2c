"""What a change of plan does to counters under way: `used` stays, the room becomes the new ceiling less `used`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.usage import bursts
from aerostack_billing.usage.periods import Began, storing
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM, CountersItem, UsageStore, is_month, limits_of


class Ceilings:
    """Builds the writes that join the transaction in which an account's tier changes."""

    def __init__(self, table: str, usage: UsageStore, catalog: Catalog) -> None:
        self._table = table
        self._usage = usage
        self._catalog = catalog

    def of_plan(self, account_id: str, before: PlanState, after: PlanState) -> Sequence[Write]:
        """The writes for a change of plan: those of its tier, and those of a paid period that begins or ends with it.

        Where one begins, it is stored where the counters stand; what was carried into this month from the last one is
        taken back, for that is paid for now, or over.
        """
        if (before.period_start, before.limits_tier) == (after.period_start, after.limits_tier):
            return []
        if before.period_start == after.period_start:
            return self.moves(account_id, before.limits_tier, after.limits_tier)
        month = clock.period()
        stands = self._usage.standing(account_id, month)
        counters, began = stands.counters, stands.began
        carried = began.carried if began is not None and began.carried_into == month else {}
        lifted = {name: min(amount, counters[name].used) for name, amount in carried.items() if name in counters}
        writes = list(self.moves(account_id, before.limits_tier, after.limits_tier, lifted))
        if lifted and before.limits_tier == after.limits_tier:
            writes.append(self._lift(account_id, month, lifted))
        used = {name: counter.used - lifted.get(name, 0) for name, counter in counters.items()}
        writes.append(storing(self._table, account_id, began, Began(after.period_start or 0, month, used)))
        return writes

    def _lift(self, account_id: str, month: str, lifted: Mapping[str, int]) -> Write:
        names, values = dict[str, str](), dict[str, object]()
        adding, conditions = list[str](), list[str]()
        for i, (name, amount) in enumerate(lifted.items()):
            names |= {f"#used{i}": f"{name}_used", f"#room{i}": f"{name}_room"}
            values |= {f":less{i}": -amount, f":more{i}": amount}
            adding.append(f"#used{i} :less{i}, #room{i} :more{i}")
            conditions.append(f"#used{i} >= :more{i}")
        return Write(
            self._table,
            {"account_id": account_id, "period": month},
            update=f"ADD {', '.join(adding)}",
            condition=" AND ".join(conditions),
            names=names,
            values=values,
        )

    def moves(
        self, account_id: str, before: Tier, after: Tier, lifted: Mapping[str, int] = MappingProxyType({})
    ) -> Sequence[Write]:
        """The writes that carry every existing item of counters from one tier's limits to the other's.

        Each is conditional on the item being as it was read here (there with the old tier, or not there), so that an
        item born or moved in between refuses the whole transaction, which is then built again. Next month's item is
        among them: at a month's end it may be born before the transaction lands. What was announced is forgotten:
        the thresholds lie elsewhere now. What is `lifted` of this month counts no more.
        """
        if before == after:
            return []
        this_month = clock.period()
        items = [this_month, clock.next_period(this_month), STORAGE_ITEM, RESOURCES_ITEM]
        existing = self._usage.read(account_id, items, consistent=True)
        return [
            self._move(account_id, item, existing[item], after, lifted if item == this_month else {})
            if item in existing
            else self._absent(account_id, item)
            for item in items
        ]

    def _absent(self, account_id: str, item: str) -> Write:
        key = {"account_id": account_id, "period": item}
        return Write(self._table, key, condition="attribute_not_exists(account_id)")

    def _move(
        self, account_id: str, item: str, counters_item: CountersItem, after: Tier, lifted: Mapping[str, int]
    ) -> Write:
        limits = limits_of(self._catalog.plan(after), item)
        names = {"#tier": "tier", "#limits": "limits_version"}
        values: dict[str, object] = {":before": counters_item.tier, ":after": after, ":zero": 0}
        values[":limits"] = self._catalog.data.limits_version
        settings, removals = ["#tier = :after", "#limits = :limits"], list[str]()
        conditions = ["#tier = :before AND (attribute_not_exists(#limits) OR #limits <= :limits)"]
        if is_month(item):
            names["#burst"], values[":burst"] = bursts.LIMIT, self._catalog.plan(after).burst.ceiling
            settings.append("#burst = :burst")
        for i, (name, limit) in enumerate(limits.items()):
            names |= {f"#used{i}": f"{name}_used", f"#room{i}": f"{name}_room", f"#level{i}": f"{name}_level"}
            values[f":ceiling{i}"] = limit.ceiling
            used, fewer = f"if_not_exists(#used{i}, :zero)", 0
            if name in lifted and name in counters_item.counters:
                fewer = min(lifted[name], counters_item.counters[name].used)
            if fewer > 0:
                values |= {f":fewer{i}": fewer, f":left{i}": limit.ceiling + fewer}
                conditions.append(f"#used{i} >= :fewer{i}")
                settings += [f"#used{i} = #used{i} - :fewer{i}", f"#room{i} = :left{i} - #used{i}"]
                del values[f":ceiling{i}"]
            else:
                settings += [f"#used{i} = {used}", f"#room{i} = :ceiling{i} - {used}"]
            removals.append(f"#level{i}")
        return Write(
            self._table,
            {"account_id": account_id, "period": item},
            update=f"SET {', '.join(settings)} REMOVE {', '.join(removals)}",
            condition=" AND ".join(conditions),
            names=names,
            values=values,
        )
