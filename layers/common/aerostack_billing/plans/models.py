"""The plan catalog as typed data: tiers, what they cost and what they allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, model_validator

Tier = Literal["free", "starter", "pro", "business", "enterprise"]
Interval = Literal["monthly", "yearly"]
Value = TypeVar("Value")

UNLIMITED_ROOM: Final = 10**24
"""The ceiling that a counter carries where the plan has none: more than any account can use, still a whole number."""

STORAGE: Final = "storage_bytes"
MOST_COUNTED: Final = 32
"""As many quotas, or kinds of resource, as one expression of DynamoDB's (4 KB) moves from one plan to another."""
_LONGEST_NAME: Final = 40
"""As a lease's id has room for."""
BURST_METRIC: Final = "api_requests"
"""The metric whose `consume` calls the burst limit counts."""
_YEARLY_DISCOUNT_PERCENT = 25


@dataclass(frozen=True)
class Limit:
    """What a plan allows of one thing. `limit` None is unlimited; `grace_percent` widens it to `hard_limit`."""

    limit: int | None
    grace_percent: int = 0

    @property
    def hard_limit(self) -> int | None:
        """Limit + floor(limit x grace / 100): the last unit that passes. None is unlimited."""
        return None if self.limit is None else self.limit + self.limit * self.grace_percent // 100

    @property
    def ceiling(self) -> int:
        """The hard limit as the counters carry it, a number also where unlimited."""
        hard = self.hard_limit
        return UNLIMITED_ROOM if hard is None else hard


@dataclass(frozen=True)
class Plan:
    """One tier's entitlements, as the usage counters need them."""

    tier: Tier
    quotas: dict[str, Limit]
    resources: dict[str, Limit]
    storage: Limit
    burst: Limit
    """`consume` calls for `BURST_METRIC` in a clock minute."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class PerTier(_Strict, Generic[Value]):
    """One value for each of the five tiers: none may be missing."""

    free: Value
    starter: Value
    pro: Value
    business: Value
    enterprise: Value

    def of(self, tier: Tier) -> Value:
        """The value of one tier."""
        return {
            "free": self.free,
            "starter": self.starter,
            "pro": self.pro,
            "business": self.business,
            "enterprise": self.enterprise,
        }[tier]


Amount = NonNegativeInt | None
AmountOrCustom = NonNegativeInt | Literal["custom"] | None
Price = NonNegativeInt | Literal["custom"]


class Prices(_Strict):
    """Whole US dollars by interval."""

    monthly: PerTier[Price]
    yearly: PerTier[Price]

    def of(self, interval: Interval) -> PerTier[Price]:
        """The prices of one interval."""
        return self.monthly if interval == "monthly" else self.yearly


class Range(_Strict):
    """An amount's bounds, both allowed."""

    min: NonNegativeInt
    max: NonNegativeInt


class RangeWithDefault(Range):
    """Bounds and the value taken where none is named."""

    default: NonNegativeInt


class WalletTerms(_Strict):
    """What the catalog publishes of the wallet; cents."""

    currency: Literal["usd"]
    deposit_cents: Range
    price_examples_cents: dict[str, NonNegativeInt]
    max_charge_cents: dict[str, PositiveInt]
    """The most that one charge of a kind may take."""
    agent_price_per_run_cents: RangeWithDefault


class CatalogData(_Strict):
    """catalog.json, checked when it is loaded: a wrong figure stops the function, it does not bill."""

    limits_version: PositiveInt
    """Raised by one with every release that changes a limit: counters of an older version are recomputed."""
    tiers: list[Tier]
    price_usd: Prices
    grace_percent: PerTier[Amount]
    monthly_quotas: dict[str, PerTier[Amount]]
    resources: dict[str, PerTier[Amount]]
    storage_bytes: PerTier[Amount]
    listed_limits: dict[str, PerTier[AmountOrCustom]]
    burst_requests_per_minute: PerTier[Amount]
    wallet: WalletTerms

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        for tier in self.tiers:
            month, year = self.price_usd.monthly.of(tier), self.price_usd.yearly.of(tier)
            if isinstance(month, int) and year != month * 12 * (100 - _YEARLY_DISCOUNT_PERCENT) // 100:
                raise ValueError(f"{tier}: the yearly price must be {_YEARLY_DISCOUNT_PERCENT} % below twelve months")
            if isinstance(month, int) != isinstance(year, int):
                raise ValueError(f"{tier}: both prices are custom or neither")
        for counted in (self.monthly_quotas, self.resources):
            if len(counted) > MOST_COUNTED:
                raise ValueError(f"an item counts {MOST_COUNTED} quotas, or kinds of resource, at most")
            if any(len(name) > _LONGEST_NAME for name in counted):
                raise ValueError(f"the name of a quota or kind of resource has {_LONGEST_NAME} characters at most")
        names = [*self.monthly_quotas, *self.resources, STORAGE, *self.listed_limits]
        if len(names) != len(set(names)):
            raise ValueError("a name stands twice among quotas, resources and listed limits")
        if set(self.wallet.max_charge_cents) != set(self.wallet.price_examples_cents):
            raise ValueError("each kind of charge has a highest price, and nothing else has")
        return self
