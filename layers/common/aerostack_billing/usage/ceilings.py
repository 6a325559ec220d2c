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
from aerostack_billing.usage.counters import CountersItem
from aerostack_billing.usage.periods import (
    Began,
    Unpaid,
    above_zero,
    closed_months,
    ended_early,
    is_same_period,
    still_owes,
    storing,
    unpaid,
)
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM, UsageStore, is_month, limits_of


class Ceilings:
    """Builds the writes that join the transaction in which an account's tier changes."""

    def __init__(self, table: str, usage: UsageStore, catalog: Catalog) -> None:
        self._table = table
        self._usage = usage
        self._catalog = catalog

    def of_plan(self, account_id: str, before: PlanState, after: PlanState) -> Sequence[Write]:
        """The writes for a change of plan: those of its tier, and those of a paid period that begins or ends with it.

        Where one begins, it is stored where the counters stand; what was carried into this month from an earlier one
        is taken back, for that is paid for now, or over. Where the one before ended early, what was used of it
        and is credited with the rest of its price counts in the one that begins.
        """
        limits, quotas = (before.limits_tier, after.limits_tier), (before.quotas_tier, after.quotas_tier)
        if is_same_period(before, after):
            return self.moves(account_id, *limits, quotas=quotas)
        month = clock.period()
        stands = self._usage.standing(account_id, month)
        counters, began = stands.counters, stands.began
        carried = began.carried if began is not None and began.carried_into == month else {}
        shift = {name: -min(amount, counters[name].used) for name, amount in carried.items() if name in counters}
        current = {name: counter.used + shift.get(name, 0) for name, counter in counters.items()}
        owing = self._unpaid(account_id, before, after, began, current)
        for name, amount in owing.uncounted.items():
            shift[name] = shift.get(name, 0) + amount
        shift = {name: amount for name, amount in shift.items() if amount}
        writes = list(self.moves(account_id, *limits, shift, quotas=quotas))
        if shift and before.quotas_tier == after.quotas_tier:
            writes.append(
                self._shift(account_id, month, shift)
                if counters
                else self._born(account_id, month, after.quotas_tier, shift)
            )
        used = {name: counters[name].used if name in counters else 0 for name in {*counters, *shift}}
        paid = {name: used[name] + shift.get(name, 0) - owing.in_all.get(name, 0) for name in sorted(used)}
        known = began.brought if began is not None and began.month == month else {}
        brought = {name: known.get(name, 0) + owing.uncounted.get(name, 0) for name in {**known, **owing.uncounted}}
        owed = self._owed(after, owing)
        begins = Began(after.period_start or 0, month, paid, owed=owed, brought=above_zero(brought))
        writes.append(storing(self._table, account_id, began, begins))
        return writes

    def _owed(self, after: PlanState, owing: Unpaid) -> dict[str, int]:
        """What of it one month's quota of the plan that begins does not make up for: later months are to."""
        limits = limits_of(self._catalog.plan(after.quotas_tier), clock.period())
        return above_zero({name: used - limits[name].ceiling for name, used in owing.in_all.items() if name in limits})

    def _unpaid(
        self,
        account_id: str,
        before: PlanState,
        after: PlanState,
        began: Began | None,
        current: Mapping[str, int],
    ) -> Unpaid:
        """What was used of a period that ended early beyond what is paid of it; `current` is what this month counts."""
        if not (ended_early(before, after) or still_owes(before, after, began)):
            return Unpaid()
        closed, months = dict[str, int](), closed_months(before, after)
        found = self._usage.read(account_id, months, consistent=True) if months else {}
        for month, item in found.items():
            counted = {name: counter.used for name, counter in item.counters.items()}
            for name, amount in _of_period(began, before, month, counted).items():
                closed[name] = closed.get(name, 0) + amount
        if began is not None and began.period_start == before.period_start:
            for name, amount in began.carried_before(clock.period()).items():
                closed[name] = closed.get(name, 0) - amount
        limits = limits_of(self._catalog.plan(before.quotas_tier), clock.period())
        return unpaid(before, after, closed, _of_period(began, before, clock.period(), current), limits)

    def _born(self, account_id: str, month: str, tier: Tier, used: Mapping[str, int]) -> Write:
        return self._usage.opening(account_id, self._catalog.plan(tier), month, carried=used)

    def _shift(self, account_id: str, month: str, shift: Mapping[str, int]) -> Write:
        names, values = dict[str, str](), dict[str, object]()
        adding, conditions = list[str](), ["attribute_exists(account_id)"]
        for i, (name, amount) in enumerate(shift.items()):
            names |= {f"#used{i}": f"{name}_used", f"#room{i}": f"{name}_room"}
            values |= {f":more{i}": amount, f":less{i}": -amount}
            adding.append(f"#used{i} :more{i}, #room{i} :less{i}")
            conditions += [f"#used{i} >= :less{i}"] if amount < 0 else []
        return Write(
            self._table,
            {"account_id": account_id, "period": month},
            update=f"ADD {', '.join(adding)}",
            condition=" AND ".join(conditions),
            names=names,
            values=values,
        )

    def moves(
        self,
        account_id: str,
        before: Tier,
        after: Tier,
        shift: Mapping[str, int] = MappingProxyType({}),
        *,
        quotas: tuple[Tier, Tier] | None = None,
    ) -> Sequence[Write]:
        """The writes that carry every existing item of counters from one tier's limits to the other's.

        Each is conditional on the item being as it was read here (there with the old tier, or not there), so that an
        item born or moved in between refuses the whole transaction, which is then built again. Next month's item is
        among them: at a month's end it may be born before the transaction lands. What was announced is forgotten:
        the thresholds lie elsewhere now. By `shift` more counts as used this month, or less. The months go from the
        one to the other of `quotas` where these are named.
        """
        months = quotas or (before, after)
        this_month = clock.period()
        items = [this_month, clock.next_period(this_month)] if months[0] != months[1] else []
        items += [STORAGE_ITEM, RESOURCES_ITEM] if before != after else []
        if not items:
            return []
        existing = self._usage.read(account_id, items, consistent=True)
        return [
            self._move(
                account_id,
                item,
                existing[item],
                months[1] if is_month(item) else after,
                shift if item == this_month else {},
            )
            if item in existing
            else self._born(account_id, item, months[1], shift)
            if shift and item == this_month
            else self._absent(account_id, item)
            for item in items
        ]

    def _absent(self, account_id: str, item: str) -> Write:
        key = {"account_id": account_id, "period": item}
        return Write(self._table, key, condition="attribute_not_exists(account_id)")

    def _move(
        self, account_id: str, item: str, counters_item: CountersItem, after: Tier, shift: Mapping[str, int]
    ) -> Write:
        limits = limits_of(self._catalog.plan(after), item)
        names = {"#tier": "tier", "#limits": "limits_version"}
        values: dict[str, object] = {":before": counters_item.tier, ":after": after}
        values[":limits"] = self._catalog.data.limits_version
        settings, removals = ["#tier = :after", "#limits = :limits"], list[str]()
        conditions = ["#tier = :before AND (attribute_not_exists(#limits) OR #limits <= :limits)"]
        if is_month(item):
            names["#burst"], values[":burst"] = bursts.LIMIT, self._catalog.plan(after).burst.ceiling
            settings.append("#burst = :burst")
        for i, (name, limit) in enumerate(limits.items()):
            names |= {f"#used{i}": f"{name}_used", f"#room{i}": f"{name}_room", f"#level{i}": f"{name}_level"}
            values[f":ceiling{i}"] = limit.ceiling
            used = f"if_not_exists(#used{i}, :zero)"
            more = shift.get(name, 0) if name in counters_item.counters else 0
            if more:
                values |= {f":more{i}": more, f":left{i}": limit.ceiling - more}
                settings += [f"#used{i} = #used{i} + :more{i}", f"#room{i} = :left{i} - #used{i}"]
                del values[f":ceiling{i}"]
            else:
                # DynamoDB refuses a value that no expression names: where all of them shift, this one is not.
                values[":zero"] = 0
                settings += [f"#used{i} = {used}", f"#room{i} = :ceiling{i} - {used}"]
            if more < 0:
                values[f":fewer{i}"] = -more
                conditions.append(f"#used{i} >= :fewer{i}")
            removals.append(f"#level{i}")
        return Write(
            self._table,
            {"account_id": account_id, "period": item},
            update=f"SET {', '.join(settings)} REMOVE {', '.join(removals)}",
            condition=" AND ".join(conditions),
            names=names,
            values=values,
        )


def _of_period(began: Began | None, plan: PlanState, month: str, used: Mapping[str, int]) -> Mapping[str, int]:
    """What of a month's `used` is the plan's paid period's: in the month in which it began, what came since."""
    if began is None or (began.period_start, began.month) != (plan.period_start, month):
        return used
    return {name: max(0, amount - began.used.get(name, 0)) for name, amount in used.items()}
