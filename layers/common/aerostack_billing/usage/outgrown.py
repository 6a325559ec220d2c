"""What an account has more of than a tier allows: what a change of plan would make read-only or put over its limit."""

from __future__ import annotations

from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform import clock
from aerostack_billing.usage.models import Counter, Figures
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM, UsageStore, limits_of


class Outgrown:
    """Compares counters with the limits of a tier; writes nothing."""

    def __init__(self, usage: UsageStore, catalog: Catalog) -> None:
        self._usage = usage
        self._catalog = catalog

    def above(self, account_id: str, tier: Tier) -> list[dict[str, object]]:
        """Each kind of resource and metric above the tier's limit as of now, with how much of it is above.

        Resources above are read-only then, newest first. Metrics above the limit are in `grace`, or `blocked`.
        """
        month = clock.period()
        items = [RESOURCES_ITEM, STORAGE_ITEM, month]
        _, counters_items = self._usage.overview(account_id, items)
        plan = self._catalog.plan(tier)
        found: list[dict[str, object]] = []
        for item in items:
            counters = counters_items[item].counters if item in counters_items else {}
            for name, limit in limits_of(plan, item).items():
                used = counters[name].used if name in counters else 0
                if limit.limit is None or used <= limit.limit:
                    continue
                figures = Figures.of(name, month, Counter(used, limit.ceiling - used), limit)
                found.append(
                    {
                        "name": name,
                        "effect": "read_only" if item == RESOURCES_ITEM else figures.state,
                        "used": used,
                        "limit": limit.limit,
                        "hard_limit": limit.hard_limit,
                        "above": used - limit.limit,
                    }
                )
        return found
