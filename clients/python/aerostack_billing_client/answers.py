"""What the service answers. Money is `Decimal` cents, times are aware `datetime`s, unlimited is None.

What names a state, a tier or a kind is text: the service may know more of them than this client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

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
    agent_price_per_run_cents: RangeWithDefault


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """The catalog."""

    currency: str
    plans: tuple[Plan, ...]
    wallet: WalletTerms


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
class Usage:
    """A month's counters."""

    tier: str
    period: str
    usage: Mapping[str, MetricUsage]
    resource_counts: Mapping[str, ResourceCount]


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


# Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadFailure:
    """Why the last reload failed."""

    code: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReload:
    """How the wallet is kept filled, and how that stands."""

    enabled: bool
    threshold_cents: Decimal | None
    amount_cents: Decimal | None
    monthly_cap_cents: Decimal | None
    state: str
    last_error: ReloadFailure | None
    next_attempt_at: datetime | None
    action_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A wallet. `balance_cents` is rounded down; `balance_micros` is exact, 10,000 to the cent."""

    balance_cents: int
    balance_micros: int
    held_cents: Decimal
    debt_cents: Decimal
    currency: str
    auto_reload: AutoReload
    monthly_spend_cap_cents: Decimal | None
    monthly_spent_cents: Decimal
    lifetime_deposited_cents: Decimal
    lifetime_spent_cents: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A line of the statement; the amount is negative where the wallet has less after it.

    `kind` is what was paid for, where something was.
    """

    id: str
    type: str
    kind: str | None
    amount_cents: Decimal
    balance_after_cents: Decimal
    debt_after_cents: Decimal
    created_at: datetime
    description: str
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transactions:
    """A page of the statement, newest first; `next_cursor` leads to the next one."""

    transactions: tuple[Transaction, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A charge, and the wallet after it."""

    charge_id: str
    account_id: str
    kind: str
    amount_cents: Decimal
    billing_mode: str
    balance_cents: int
    balance_micros: int
    created_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """A charge was given back."""

    charge_id: str
    refund_id: str
    refunded_cents: Decimal
    balance_cents: int
    balance_micros: int
    created_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Money is set aside."""

    hold_id: str
    amount_cents: Decimal
    expires_at: datetime
    balance_cents: int
    balance_micros: int
    held_cents: Decimal
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Work was paid from a hold; `short_cents` is what was not there."""

    hold_id: str
    charge_id: str
    captured_cents: Decimal
    short_cents: Decimal
    balance_cents: int
    balance_micros: int
    held_cents: Decimal
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A hold was given back."""

    hold_id: str
    released_cents: Decimal
    balance_cents: int
    balance_micros: int
    held_cents: Decimal
    replayed: bool = False


# Creators


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDay:
    """What becomes payable on a day."""

    day: date
    amount_cents: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutView:
    """A payout; `reason` says why it failed."""

    id: str
    amount_cents: Decimal
    state: str
    created_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatorAccount:
    """What a creator earned, and how it is paid."""

    onboarding: str
    pending_cents: Decimal
    pending_by_day: tuple[PendingDay, ...]
    payable_cents: Decimal
    owed_cents: Decimal
    in_transit_cents: Decimal
    paid_cents: Decimal
    last_error: str | None
    payouts: tuple[PayoutView, ...]
