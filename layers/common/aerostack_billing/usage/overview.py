"""What an account has used, as `GET /api/billing/usage` shows it."""

from __future__ import annotations

import re

from aerostack_billing.accounts.models import Account
from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.platform import clock
from aerostack_billing.usage.counters import CountersItem
from aerostack_billing.usage.models import Counter, Figures
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM, UsageStore, limits_of, tier_of
from aerostack_billing.values.errors import InvalidRequest

MOST_MONTHS = 12
_PERIOD = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


class UsageOverview:
    """Shows counters; writes nothing."""

    def __init__(self, usage: UsageStore, catalog: Catalog) -> None:
        self._usage = usage
        self._catalog = catalog

    def view(self, account_id: str, period: str | None, months: str | None = None) -> dict[str, object]:
        """The figures of a month, this one where none is named, with the gauge and the places as they are now.

        With `months`, 1 to 12, also the quotas of as many months up to that one, oldest first: all in one request. A
        month in which nothing was counted is shown with zeros and the limits of the plan as it is now.
        InvalidRequest (422) for what is not a month, or is still to come, and for another number.
        """
        month = _month(period)
        past = _up_to(month, _number(months))
        account, counters_items = self._usage.overview(
            account_id, [*dict.fromkeys([month, *past]), STORAGE_ITEM, RESOURCES_ITEM]
        )
        quotas = self._figures(account, counters_items, month, month)
        storage = self._figures(account, counters_items, STORAGE_ITEM, month)
        places = self._figures(account, counters_items, RESOURCES_ITEM, month)
        return {
            "tier": counters_items[month].tier if month in counters_items else account.plan.quotas_tier,
            "period": month,
            "usage": {figures.name: figures.amounts() for figures in quotas + storage},
            "resource_counts": {figures.name: {"used": figures.used, "limit": figures.limit} for figures in places},
            "history": [
                {
                    "period": each,
                    "usage": {
                        figures.name: {"used": figures.used, "limit": figures.limit}
                        for figures in self._figures(account, counters_items, each, each)
                    },
                }
                for each in past
            ],
        }

    def _figures(
        self, account: Account, counters_items: dict[str, CountersItem], item: str, month: str
    ) -> list[Figures]:
        counters_item = counters_items.get(item, CountersItem(tier_of(account.plan, item), {}))
        limits = limits_of(self._catalog.plan(counters_item.tier), item)
        return [
            Figures.of(name, month, counters_item.counters.get(name, Counter(0, limit.ceiling)), limit)
            for name, limit in limits.items()
        ]


def _number(months: str | None) -> int:
    if months is None:
        return 0
    if not (months.isascii() and months.isdigit() and len(months) <= 2 and 1 <= int(months) <= MOST_MONTHS):
        raise InvalidRequest(f"months must be a number from 1 to {MOST_MONTHS}.", {"months": "out of range"})
    return int(months)


def _up_to(month: str, count: int) -> list[str]:
    """So many months that end with this one, oldest first."""
    last = int(month[:4]) * 12 + int(month[5:]) - 1
    return [f"{each // 12:04d}-{each % 12 + 1:02d}" for each in range(last - count + 1, last + 1)]


def _month(period: str | None) -> str:
    current = clock.period()
    if period is None:
        return current
    if not _PERIOD.fullmatch(period) or period > current:
        raise InvalidRequest("period must be a month that has begun, like 2026-03.", {"period": "not a month so far"})
    return period
