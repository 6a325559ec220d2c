"""What a change of plan does to counters under way: `used` stays, the room becomes the new ceiling less `used`."""

from __future__ import annotations

from collections.abc import Sequence

from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.usage import bursts
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM, CountersItem, UsageStore, is_month, limits_of


class Ceilings:
    """Builds the writes that join the transaction in which an account's tier changes."""

    def __init__(self, table: str, usage: UsageStore, catalog: Catalog) -> None:
        self._table = table
        self._usage = usage
        self._catalog = catalog

    def moves(self, account_id: str, before: Tier, after: Tier) -> Sequence[Write]:
        """The writes that carry every existing item of counters from one tier's limits to the other's.

        Each is conditional on the item being as it was read here (there with the old tier, or not there), so that an
        item born or moved in between refuses the whole transaction, which is then built again. Next month's item is
        among them: at a month's end it may be born before the transaction lands. What was announced is forgotten:
        the thresholds lie elsewhere now.
        """
        if before == after:
            return []
        this_month = clock.period()
        items = [this_month, clock.next_period(this_month), STORAGE_ITEM, RESOURCES_ITEM]
        existing = self._usage.read(account_id, items, consistent=True)
        return [
            self._move(account_id, item, existing[item], after) if item in existing else self._absent(account_id, item)
            for item in items
        ]

    def _absent(self, account_id: str, item: str) -> Write:
        key = {"account_id": account_id, "period": item}
        return Write(self._table, key, condition="attribute_not_exists(account_id)")

    def _move(self, account_id: str, item: str, counters_item: CountersItem, after: Tier) -> Write:
        limits = limits_of(self._catalog.plan(after), item)
        names = {"#tier": "tier", "#limits": "limits_version"}
        values: dict[str, object] = {":before": counters_item.tier, ":after": after, ":zero": 0}
        values[":limits"] = self._catalog.data.limits_version
        settings, removals = ["#tier = :after", "#limits = :limits"], []
        if is_month(item):
            names["#burst"], values[":burst"] = bursts.LIMIT, self._catalog.plan(after).burst.ceiling
            settings.append("#burst = :burst")
        for i, (name, limit) in enumerate(limits.items()):
            names |= {f"#used{i}": f"{name}_used", f"#room{i}": f"{name}_room", f"#level{i}": f"{name}_level"}
            values[f":ceiling{i}"] = limit.ceiling
            used = f"if_not_exists(#used{i}, :zero)"
            settings += [f"#used{i} = {used}", f"#room{i} = :ceiling{i} - {used}"]
            removals.append(f"#level{i}")
        return Write(
            self._table,
            {"account_id": account_id, "period": item},
            update=f"SET {', '.join(settings)} REMOVE {', '.join(removals)}",
            condition="#tier = :before AND (attribute_not_exists(#limits) OR #limits <= :limits)",
            names=names,
            values=values,
        )
