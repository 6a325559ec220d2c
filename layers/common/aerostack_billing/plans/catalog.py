"""The catalog loaded: the one place that knows what a tier costs and allows."""

from __future__ import annotations

from importlib import resources
from typing import get_args

from aerostack_billing.plans.models import STORAGE, CatalogData, Interval, Limit, Plan, Tier
from aerostack_billing.values.errors import UnknownMetric, UnknownResourceKind

PAID_TIERS: tuple[Tier, ...] = ("starter", "pro", "business")
"""The tiers that Checkout sells."""
SUBSCRIBED_TIERS: tuple[Tier, ...] = (*PAID_TIERS, "enterprise")
"""The tiers that a subscription may be to: Enterprise's is made manually, at a price of its own."""


class Catalog:
    """Answers what a plan allows; refuses every name it does not know."""

    def __init__(self, data: CatalogData) -> None:
        self.data = data
        self._plans = {tier: _plan(data, tier) for tier in data.tiers}

    @property
    def metrics(self) -> tuple[str, ...]:
        """What `consume` counts: the monthly quotas and the storage gauge."""
        return (*self.data.monthly_quotas, STORAGE)

    def plan(self, tier: Tier) -> Plan:
        """The entitlements of a tier."""
        return self._plans[tier]

    def check_metric(self, metric: str) -> str:
        """`metric` if `consume` counts it; UnknownMetric (422) if not."""
        if metric not in self.metrics:
            raise UnknownMetric(
                f"There is no metric {metric!r}. Known: {', '.join(self.metrics)}.", {"metric": "unknown"}
            )
        return metric

    def lease_most(self, metric: str, share_percent: int, tier: Tier | None = None) -> int | None:
        """The most of a quota that one lease takes under a plan, under any plan where none is named; None: unlimited.

        A share of the limit, and at least 1.
        """
        tiers = self.data.tiers if tier is None else (tier,)
        limits = [limit for each in tiers if (limit := self.plan(each).quotas[metric].limit) is not None]
        return min((max(1, limit * share_percent // 100) for limit in limits), default=None)

    def large_from(self, metric: str, share_percent: int, tier: Tier) -> int:
        """From what quantity on one count of a metric is a large one: a share of the plan's limit, and at least 1.

        Where the plan has no limit, of the largest limit of any plan.
        """

        def limit_of(tier: Tier) -> int | None:
            plan = self.plan(tier)
            return (plan.storage if metric == STORAGE else plan.quotas[metric]).limit

        limit = limit_of(tier)
        if limit is None:
            limit = max(found for each in self.data.tiers if (found := limit_of(each)) is not None)
        return max(1, limit * share_percent // 100)

    def check_kind(self, kind: str) -> str:
        """`kind` if it is a resource that takes a place; UnknownResourceKind (422) if not."""
        if kind not in self.data.resources:
            known = ", ".join(self.data.resources)
            raise UnknownResourceKind(f"There is no resource kind {kind!r}. Known: {known}.", {"kind": "unknown"})
        return kind

    def published(self) -> dict[str, object]:
        """All of the catalog as `GET /api/billing/plans` shows it."""
        return {
            "currency": self.data.wallet.currency,
            "plans": [self._published(tier) for tier in self.data.tiers],
            "wallet": self.data.wallet.model_dump(),
        }

    def _published(self, tier: Tier) -> dict[str, object]:
        plan, prices = self.plan(tier), self.data.price_usd
        return {
            "tier": tier,
            "name": tier.capitalize(),
            "price": {interval: prices.of(interval).of(tier) for interval in get_args(Interval)},
            "grace_percent": self.data.grace_percent.of(tier),
            "limits": {
                **{name: _limits(limit) for name, limit in plan.quotas.items()},
                **{name: _limits(limit) for name, limit in plan.resources.items()},
                STORAGE: _limits(plan.storage),
                **{name: {"limit": value.of(tier)} for name, value in self.data.listed_limits.items()},
            },
            "burst_requests_per_minute": self.data.burst_requests_per_minute.of(tier),
            "features": _features(plan),
        }


def load() -> Catalog:
    """The catalog of this release. A figure that does not hang together raises pydantic's ValidationError."""
    text = resources.files(__package__).joinpath("catalog.json").read_bytes()
    return Catalog(CatalogData.model_validate_json(text))


def _plan(data: CatalogData, tier: Tier) -> Plan:
    grace = data.grace_percent.of(tier) or 0
    return Plan(
        tier=tier,
        quotas={name: Limit(amounts.of(tier), grace) for name, amounts in data.monthly_quotas.items()},
        resources={name: Limit(amounts.of(tier)) for name, amounts in data.resources.items()},
        storage=Limit(data.storage_bytes.of(tier), grace),
        burst=Limit(data.burst_requests_per_minute.of(tier)),
    )


def _limits(limit: Limit) -> dict[str, int | None]:
    return {"limit": limit.limit, "hard_limit": limit.hard_limit}


def _features(plan: Plan) -> list[str]:
    def amount(limit: Limit) -> str:
        return "Unlimited" if limit.limit is None else f"{limit.limit:,}"

    def words(name: str) -> str:
        return name.replace("_", " ")

    storage = plan.storage.limit
    return [
        *(f"{amount(limit)} {words(name)} a month" for name, limit in plan.quotas.items()),
        *(f"{amount(limit)} {words(name)}" for name, limit in plan.resources.items()),
        "Unlimited storage" if storage is None else f"{storage / 10**9:g} GB of storage",
    ]
