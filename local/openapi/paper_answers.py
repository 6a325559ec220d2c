"""The answers about what a plan would cost, what a company books, and what pays."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from aerostack_billing.payments.models import InvoiceStatus
from aerostack_billing.plans.models import Tier
from local.openapi.answers import Cents, Count, MetricUsage, Month, Time, Unlimited, Url

SignedCents = Annotated[int, Field(description="Whole US cents; negative takes off.")]


class PreviewLine(BaseModel):
    """A line of what is due now."""

    description: str
    amount_cents: SignedCents


class Outgrown(BaseModel):
    """A metric or kind of resource of which the account has more than the plan allows."""

    name: Annotated[str, Field(description="A metric or a kind of resource.")]
    effect: Annotated[
        Literal["read_only", "grace", "blocked"],
        Field(description="`read_only`: the newest resources above the limit; else the metric's state."),
    ]
    used: Count
    limit: Unlimited
    hard_limit: Unlimited
    above: Annotated[int, Field(ge=1, description="How much of it is above the limit.")]


class PlanPreview(BaseModel):
    """What a change of plan costs and takes away."""

    effective: Literal["now", "period_end"]
    effective_at: Time
    currency: Literal["usd"]
    due_now_cents: Annotated[int, Field(ge=0, description="The sum of `lines`, or 0 where it is a credit.")]
    credit_cents: Annotated[
        int, Field(ge=0, description="What `lines` take off for the unused part of the plan and for earlier credit.")
    ]
    lines: list[PreviewLine]
    next_amount_cents: Annotated[
        int, Field(ge=0, description="What the next period costs, before discounts and credit.")
    ]
    next_at: Time | None
    trial_days: Annotated[
        int, Field(ge=0, description="How many days are free before `next_at`: the first plan of an account may be.")
    ]
    limits_after: Annotated[list[Outgrown], Field(description="By what is used now.")]


class Paper(BaseModel):
    """An invoice, or the receipt of an automatic reload."""

    id: str
    kind: Literal["invoice", "receipt"]
    number: str | None
    status: InvoiceStatus
    total_cents: Annotated[int, Field(description="Hundredths of `currency`, tax included.")]
    currency: str
    created_at: Time
    description: str | None
    hosted_url: Annotated[Url | None, Field(description="The page at Stripe. Whoever has the link can open it.")]
    pdf_url: Annotated[Url | None, Field(description="The PDF; null for a receipt, whose page has one.")]


class Invoices(BaseModel):
    """A page of invoices and receipts, newest first."""

    invoices: list[Paper]
    next_cursor: str | None


class PaymentMethod(BaseModel):
    """What the plan is charged to: the subscription's own, or else the customer's default. All null: nothing kept."""

    type: Annotated[str | None, Field(description="Stripe's name for the kind, such as `card`.")]
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    expires_soon: Annotated[bool, Field(description="The card ends within 30 days, or has ended.")]


class MetricForecast(MetricUsage):
    """A counter, and what it comes to at this pace."""

    projected: Annotated[Count | None, Field(description="At the month's end; null before 24 hours of it are over.")]
    limit_reached_at: Annotated[Time | None, Field(description="Null: not this month, or reached already.")]
    hard_limit_reached_at: Annotated[Time | None, Field(description="Likewise, for the limit with its grace.")]


class SpendingForecast(BaseModel):
    """What was spent of the balance this month, and what it comes to."""

    spent_cents: Cents
    projected_cents: Cents | None


class Forecast(BaseModel):
    """What the month comes to if it goes on as it went."""

    period: Month
    tier: Tier
    as_of: Time
    elapsed_hours: Count
    needed_hours: Annotated[Count, Field(description="Of the month, before anything is forecast.")]
    usage: dict[str, MetricForecast]
    spending: Annotated[SpendingForecast | None, Field(description="Null while spending is being added up.")]
