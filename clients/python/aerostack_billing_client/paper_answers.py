"""What the service answers about what a plan would cost, what was paid, what pays, and what the month comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewLine:
    """A line of what is due now; a negative amount takes off."""

    description: str
    amount_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgrown:
    """A metric or kind of resource of which the account has more than the plan allows, by `above`."""

    name: str
    effect: str
    used: int
    limit: int | None
    hard_limit: int | None
    above: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPreview:
    """What a change of plan costs and takes away; nothing was changed."""

    effective: str
    effective_at: datetime
    currency: str
    due_now_cents: int
    credit_cents: int
    lines: tuple[PreviewLine, ...]
    next_amount_cents: int
    next_at: datetime | None
    trial_days: int
    limits_after: tuple[Outgrown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """An invoice, or the receipt of an automatic reload. Its links open for whoever has them."""

    id: str
    kind: str
    number: str | None
    status: str
    total_cents: int
    currency: str
    created_at: datetime
    description: str | None
    hosted_url: str | None
    pdf_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoices:
    """A page of invoices and receipts, newest first."""

    invoices: tuple[Paper, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """What the plan is charged to; all None where nothing is kept. A card that ends within 30 days `expires_soon`."""

    type: str | None
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    expires_soon: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricForecast:
    """A counter, and what it comes to at this pace; None where that cannot be told, or is not reached this month."""

    used: int
    limit: int | None
    hard_limit: int | None
    remaining: int | None
    state: str
    projected: int | None
    limit_reached_at: datetime | None
    hard_limit_reached_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingForecast:
    """What was spent of the balance this month, and what it comes to."""

    spent_cents: Decimal
    projected_cents: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What the month comes to if it goes on as it went; told once `needed_hours` of it are over."""

    period: str
    tier: str
    as_of: datetime
    elapsed_hours: int
    needed_hours: int
    usage: Mapping[str, MetricForecast]
    spending: SpendingForecast | None
