"""What the service answers about plans and usage.

Money is `Decimal` cents, times are aware `datetime`s, unlimited is None. What names a state, a tier or a kind is
text: the service may know more of them than this client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

# Plans


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingChange:
    """A cheaper plan, or the other interval, that comes at the period's end."""

    plan_tier: str
    billing_interval: str
    effective_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentIssue:
    """Why the account's last invoice is not paid, and where its user can pay it."""

    reason: str
    message: str
    invoice_url: str | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The plan that an account is on."""

    plan_tier: str
    status: str
    billing_interval: str
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    trial_ends_at: datetime | None
    pending_change: PendingChange | None
    payment_issue: PaymentIssue | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPrice:
    """Prices in whole US dollars, or `custom`."""

    monthly: int | str
    yearly: int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimit:
    """A limit; None is unlimited, `custom` is negotiated. The hard limit is the limit with its grace."""

    limit: int | str | None
    hard_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One tier of the catalog."""

    tier: str
    name: str
    price: PlanPrice
    grace_percent: int | None
    limits: Mapping[str, PlanLimit]
    burst_requests_per_minute: int | None
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """From the least to the most."""

    min: int
    max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeWithDefault:
    """From the least to the most, and what holds where nothing is said."""

    min: int
    max: int
    default: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletTerms:
    """What a deposit may be, and examples of prices."""

    currency: str
    deposit_cents: Range
    price_examples_cents: Mapping[str, int]
    max_charge_cents: Mapping[str, int]
    agent_price_per_run_cents: RangeWithDefault


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """The catalog."""

    currency: str
    trial_days: int
    plans: tuple[Plan, ...]
    wallet: WalletTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrice:
    """What a model's tokens cost, in dollars a million. Where no cache price is published, they cost as input."""

    model: str
    provider: str
    aliases: tuple[str, ...]
    input: str
    output: str
    cache_read: str | None
    cache_write: str | None
    effective_from: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeLimits:
    """What holds of a kind of charge."""

    max_charge_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The price book: what is in force, and what is to follow."""

    version: date
    markup_bps: int
    models: tuple[ModelPrice, ...]
    upcoming: tuple[ModelPrice, ...]
    kinds: Mapping[str, ChargeLimits]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of Stripe's to send the person to."""

    url: str
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The subscription ends with its period."""

    success: bool
    message: str


# Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricUsage:
    """One counter beside its limits; `state` is `ok`, `grace` or `blocked`."""

    used: int
    limit: int | None
    hard_limit: int | None
    remaining: int | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceCount:
    """How many of a kind exist."""

    used: int
    limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastUsage:
    """A counter of a month beside its limit."""

    used: int
    limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMonth:
    """The monthly quotas of one month."""

    period: str
    usage: Mapping[str, PastUsage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A month's counters."""

    tier: str
    period: str
    usage: Mapping[str, MetricUsage]
    resource_counts: Mapping[str, ResourceCount]
    history: tuple[PastMonth, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A thing that takes a place of the plan."""

    kind: str
    id: str
    created_at: datetime
    read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesOfKind:
    """The things of one kind, oldest first."""

    used: int
    limit: int | None
    items: tuple[Resource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """All things of an account, by kind."""

    tier: str
    resources: Mapping[str, ResourcesOfKind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumed:
    """Usage was counted: the counter after it."""

    allowed: bool
    metric: str
    period: str
    used: int
    limit: int | None
    hard_limit: int | None
    remaining: int | None
    state: str
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A block of quota to use without asking."""

    lease_id: str
    period: str
    granted: int
    expires_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What went back to the quota."""

    returned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A thing has its place."""

    kind: str
    id: str
    created_at: datetime
    read_only: bool
    used: int
    limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """A thing has no place any more; `freed` tells whether it had one."""

    kind: str
    id: str
    freed: bool
    used: int
    limit: int | None
