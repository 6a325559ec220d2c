"""What the routes answer, as models: only the OpenAPI document is made of them, no function imports them.

The functions build their answers by hand, and the fuzzing tests hold those to these models, field by field.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from aerostack_billing.accounts.models import IssueReason, Status
from aerostack_billing.creators.models import Onboarding, PayoutState
from aerostack_billing.ledger.models import TransferType
from aerostack_billing.plans.models import Interval, Price, Tier, WalletTerms
from aerostack_billing.usage.models import State
from aerostack_billing.wallet.requests import BillingMode, ChargeKind

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Url = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
Month = Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", examples=["2026-03"])]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Cents = Annotated[float, Field(description="US cents, exact, with up to four decimals.")]
WholeCents = Annotated[int, Field(description="US cents, rounded down.")]
Micros = Annotated[int, Field(description="Millionths of a US dollar, exact: 10,000 are a cent.")]
Count = Annotated[int, Field(ge=0)]
Unlimited = Annotated[Count | None, Field(description="Null is unlimited.")]


class GatewayMessage(BaseModel):
    """An answer of API Gateway's own, given before a function ran."""

    message: str


class ErrorFields(BaseModel):
    """What was refused, and why."""

    code: str
    message: Annotated[str, Field(description="What is wrong and what to do.")]
    details: Annotated[dict[str, object], Field(description="The figures, or each wrong field and why.")]


class Error(BaseModel):
    """A refusal or failure of the functions' own."""

    error: ErrorFields


class Document(BaseModel):
    """An OpenAPI document."""

    model_config = ConfigDict(extra="allow")

    openapi: Literal["3.1.0"]
    info: dict[str, str]
    paths: dict[str, dict[str, object]]


class Page(BaseModel):
    """A page of Stripe's to send the person to."""

    url: Url


# Plans


class PendingChange(BaseModel):
    """A cheaper plan that starts when the period ends."""

    plan_tier: Tier
    billing_interval: Interval
    effective_at: Time


class PaymentIssue(BaseModel):
    """Why the last invoice is open, and the page that settles it."""

    reason: IssueReason
    message: str
    invoice_url: Url | None
    next_attempt_at: Time | None


class Account(BaseModel):
    """The account's plan."""

    plan_tier: Tier
    status: Status
    billing_interval: Interval
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    current_period_start: Time | None
    current_period_end: Time | None
    cancel_at_period_end: bool
    pending_change: PendingChange | None
    payment_issue: PaymentIssue | None


class PlanPrice(BaseModel):
    """Whole US dollars."""

    monthly: Price
    yearly: Price


class PlanLimit(BaseModel):
    """What a plan allows of one thing."""

    limit: Annotated[Count | Literal["custom"] | None, Field(description="Null is unlimited.")]
    hard_limit: Annotated[Count | None, Field(description="With the grace; only where usage is counted.")] = None


class Plan(BaseModel):
    """One tier of the catalog."""

    tier: Tier
    name: str
    price: PlanPrice
    grace_percent: Count | None
    limits: dict[str, PlanLimit]
    burst_requests_per_minute: Unlimited
    features: list[str]


class Plans(BaseModel):
    """The catalog."""

    currency: Literal["usd"]
    plans: list[Plan]
    wallet: WalletTerms


class Cancelled(BaseModel):
    """The subscription ends with its period."""

    success: Literal[True]
    message: str


# Usage


class MetricUsage(BaseModel):
    """A counter beside its limit. `hard_limit` is the last unit that passes, grace included."""

    used: Count
    limit: Unlimited
    hard_limit: Unlimited
    remaining: Unlimited
    state: State


class ResourceCount(BaseModel):
    """How many of a kind exist."""

    used: Count
    limit: Unlimited


class Usage(BaseModel):
    """What the account used in a month."""

    tier: Tier
    period: Month
    usage: dict[str, MetricUsage]
    resource_counts: dict[str, ResourceCount]


class Consumed(MetricUsage):
    """The figures after the quantity was counted."""

    allowed: Literal[True]
    metric: str
    period: Month


class CountedEvent(Consumed):
    """An event of a batch that was counted, as it would have been answered alone."""

    status: Literal[200]


class RefusedEvent(Error):
    """An event of a batch that was not counted, with the status that it would have had alone."""

    status: Annotated[int, Field(ge=400, le=599)]


class BatchResults(BaseModel):
    """What became of each event, in their order."""

    results: list[CountedEvent | RefusedEvent]


class Leased(BaseModel):
    """A block of quota that counts as used until it is settled."""

    lease_id: str
    period: Month
    granted: Annotated[int, Field(ge=1, description="What was asked, or with `allow_partial` what there was of it.")]
    expires_at: Annotated[Time, Field(description="Settled later than this, nothing is given back.")]


class Settled(BaseModel):
    """What was given back of a lease: 0 when it was settled before, or too late."""

    returned: Count


class Resource(BaseModel):
    """One resource that takes a place."""

    kind: str
    id: str
    created_at: Time
    read_only: Annotated[bool, Field(description="Over the plan's limit since a downgrade.")]


class ResourcesOfKind(ResourceCount):
    """The resources of a kind, oldest first."""

    items: list[Resource]


class Resources(BaseModel):
    """What exists, by kind."""

    tier: Tier
    resources: dict[str, ResourcesOfKind]


class Claimed(Resource, ResourceCount):
    """The place that is held, and how many are."""


class Freed(ResourceCount):
    """The place that was given back; `freed` is false where none was held."""

    kind: str
    id: str
    freed: bool


# Wallet


class ReloadFailure(BaseModel):
    """Why the last reload did not bring money."""

    code: str
    message: str
    at: Time


class AutoReload(BaseModel):
    """What the user set, and where it stands."""

    enabled: bool
    threshold_cents: Cents | None
    amount_cents: Cents | None
    monthly_cap_cents: Cents | None
    state: Literal["off", "armed", "due", "pending", "retrying", "suspended", "action_required"]
    last_error: ReloadFailure | None
    next_attempt_at: Time | None
    action_url: Annotated[Url | None, Field(description="Leads to the bank's question (3-D Secure).")]


class Balance(BaseModel):
    """A wallet."""

    balance_cents: WholeCents
    balance_micros: Micros
    held_cents: Cents
    debt_cents: Cents
    currency: Literal["usd"]
    auto_reload: AutoReload
    monthly_spend_cap_cents: Cents | None
    monthly_spent_cents: Cents
    lifetime_deposited_cents: Cents
    lifetime_spent_cents: Cents


class Transaction(BaseModel):
    """One line of the ledger, as the account's owner sees it."""

    id: str
    type: TransferType
    kind: Annotated[ChargeKind | None, Field(description="What was paid for, where something was.")]
    amount_cents: Annotated[Cents, Field(description="Signed: what it did to the balance.")]
    balance_after_cents: Cents
    debt_after_cents: Cents
    created_at: Time
    description: str
    reference: str | None


class Transactions(BaseModel):
    """A page of transactions, newest first."""

    transactions: list[Transaction]
    next_cursor: Annotated[str | None, Field(description="For the next page; null at the end.")]


class Charged(BaseModel):
    """A charge that was taken."""

    charge_id: str
    account_id: str
    kind: ChargeKind
    amount_cents: Cents
    billing_mode: BillingMode
    balance_cents: WholeCents
    balance_micros: Micros
    created_at: Time


class Refunded(BaseModel):
    """A charge that was given back."""

    charge_id: str
    refund_id: str
    refunded_cents: Cents
    balance_cents: WholeCents
    balance_micros: Micros
    created_at: Time


class _Balances(BaseModel):
    balance_cents: WholeCents
    balance_micros: Micros
    held_cents: Cents


class Held(_Balances):
    """Money that is set aside."""

    hold_id: str
    amount_cents: Cents
    expires_at: Time


class Captured(_Balances):
    """What was taken for the work; `short_cents` is what was asked beyond it."""

    hold_id: str
    charge_id: str
    captured_cents: Cents
    short_cents: Cents


class Released(_Balances):
    """The hold was given back."""

    hold_id: str
    released_cents: Cents


# Creators


class PendingDay(BaseModel):
    """What becomes payable on a day."""

    day: Day
    amount_cents: Cents


class PayoutView(BaseModel):
    """One payout."""

    id: str
    amount_cents: Cents
    state: PayoutState
    created_at: Time
    reason: str | None


class CreatorAccount(BaseModel):
    """What a creator earned, what is payable, and what was paid."""

    onboarding: Onboarding
    pending_cents: Cents
    pending_by_day: list[PendingDay]
    payable_cents: Cents
    owed_cents: Cents
    in_transit_cents: Cents
    paid_cents: Cents
    last_error: str | None
    payouts: list[PayoutView]
