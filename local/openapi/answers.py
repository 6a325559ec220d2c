"""The answers of the routes, as models. Only the OpenAPI document uses them; no function imports them.

The functions build their answers without these models. The fuzzing tests compare the answers with them, field by field.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from aerostack_billing.accounts.models import IssueReason, Status
from aerostack_billing.creators.models import HeldFor, Onboarding, PayoutState
from aerostack_billing.plans.models import Interval, Price, Tier, WalletTerms
from aerostack_billing.usage.models import State
from aerostack_billing.wallet.requests import ChargeKind

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Url = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
Month = Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", examples=["2026-03"])]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Cents = Annotated[float, Field(description="US cents, exact, with up to four decimals.")]
WholeCents = Annotated[int, Field(description="US cents, rounded down.")]
Micros = Annotated[int, Field(description="Millionths of a US dollar, exact. One cent is 10,000.")]
Count = Annotated[int, Field(ge=0)]
Unlimited = Annotated[Count | None, Field(description="Null is unlimited.")]


class GatewayMessage(BaseModel):
    """An answer of API Gateway itself, before a function ran."""

    message: str


class ErrorFields(BaseModel):
    """What was refused, and why."""

    code: str
    message: Annotated[str, Field(description="What is wrong, and what to do.")]
    details: Annotated[dict[str, object], Field(description="The figures, or each wrong field with the reason.")]


class RequestErrorFields(ErrorFields):
    """What was refused, and why, with the request it was asked by."""

    request_id: Annotated[str, Field(description="Name it when you ask for help: logs and the ledger know it too.")]


class Error(BaseModel):
    """A refusal or a failure that a function answers."""

    error: RequestErrorFields


class Document(BaseModel):
    """An OpenAPI document."""

    model_config = ConfigDict(extra="allow")

    openapi: Literal["3.1.0"]
    info: dict[str, object]
    paths: dict[str, dict[str, object]]


class Page(BaseModel):
    """A page of Stripe's to send the user to."""

    url: Url


# Plans


class PendingChange(BaseModel):
    """A cheaper plan that starts when the period ends."""

    plan_tier: Tier
    billing_interval: Interval
    effective_at: Time


class PaymentIssue(BaseModel):
    """Why the last invoice is open, and the page on which it can be paid."""

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
    cancel_at: Annotated[Time | None, Field(description="When the plan ends, however far away and whoever set it.")]
    trial_ends_at: Annotated[Time | None, Field(description="When the trial ends that the plan is on.")]
    pending_change: PendingChange | None
    payment_issue: PaymentIssue | None


class PlanPrice(BaseModel):
    """Whole US dollars."""

    monthly: Price
    yearly: Price


class PlanLimit(BaseModel):
    """What a plan allows of one metric or resource."""

    limit: Annotated[Count | Literal["custom"] | None, Field(description="Null is unlimited.")]
    hard_limit: Annotated[Count | None, Field(description="The limit plus grace; only for what is counted.")] = None


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
    trial_days: Annotated[
        int, Field(ge=0, description="How many days the first plan of an account is free. 0 is no trial.")
    ]
    plans: list[Plan]
    wallet: WalletTerms


Dollars = Annotated[str, Field(description="Dollars a million tokens.", examples=["0.15"])]


class ModelPrice(BaseModel):
    """What the tokens of a model cost. Where no cache price is published, such tokens cost as those of input."""

    model: str
    provider: str
    aliases: Annotated[list[str], Field(description="Names that a charge may use in its place.")]
    input: Dollars
    output: Dollars
    cache_read: Dollars | None
    cache_write: Dollars | None
    effective_from: Day


class ChargeLimits(BaseModel):
    """What holds of a kind of charge."""

    max_charge_cents: Annotated[Count, Field(description="The most that one charge may take.")]


class Prices(BaseModel):
    """The price book."""

    version: Day
    markup_bps: Annotated[Count, Field(description="Added to each price, in basis points.")]
    models: list[ModelPrice]
    upcoming: Annotated[list[ModelPrice], Field(description="Prices that start on a later day.")]
    kinds: dict[ChargeKind, ChargeLimits]


class Cancelled(BaseModel):
    """The subscription ends at the end of its period."""

    success: Literal[True]
    message: str


# Usage


class MetricUsage(BaseModel):
    """A counter and its limits. `hard_limit` is the last unit that passes, grace included."""

    used: Count
    limit: Unlimited
    hard_limit: Unlimited
    remaining: Unlimited
    state: State


class ResourceCount(BaseModel):
    """How many resources of a kind exist."""

    used: Count
    limit: Unlimited


class PastUsage(BaseModel):
    """A counter of a month beside its limit."""

    used: Count
    limit: Unlimited


class PastMonth(BaseModel):
    """The monthly quotas of one month."""

    period: Month
    usage: dict[str, PastUsage]


class Usage(BaseModel):
    """What the account used in a month."""

    tier: Tier
    period: Month
    usage: dict[str, MetricUsage]
    resource_counts: dict[str, ResourceCount]
    history: Annotated[list[PastMonth], Field(description="With `months`: oldest first, the named month last.")]


class Consumed(MetricUsage):
    """The figures after counting."""

    allowed: Literal[True]
    metric: str
    period: Month


class CountedEvent(Consumed):
    """A counted event of a batch: the answer that it would get alone."""

    status: Literal[200]


class EventErrorFields(ErrorFields):
    """Why an event of a batch was not counted."""

    code: Literal[
        "IDEMPOTENCY_KEY_REUSED",
        "INVALID_REQUEST",
        "PLAN_LIMIT_EXCEEDED",
        "QUANTITY_EXCEEDS_USED",
        "STORE_UNAVAILABLE",
        "UNKNOWN_METRIC",
    ]


class RefusedEvent(BaseModel):
    """A refused event of a batch, with the status that it would get alone."""

    error: EventErrorFields
    status: Annotated[int, Field(ge=400, le=599)]


class BatchResults(BaseModel):
    """The result of each event, in the order of the request."""

    results: list[CountedEvent | RefusedEvent]


class Leased(BaseModel):
    """A block of quota that counts as used until it is settled."""

    lease_id: str
    period: Month
    granted: Annotated[
        int, Field(ge=1, description="The quantity asked for, or with `allow_partial` as much of it as was left.")
    ]
    expires_at: Annotated[Time, Field(description="A later settlement gives nothing back.")]


class Settled(BaseModel):
    """What the settlement gave back: 0 if the lease was settled before, or has expired."""

    returned: Count


class Resource(BaseModel):
    """One resource that takes a place."""

    kind: str
    id: str
    created_at: Time
    read_only: Annotated[bool, Field(description="True if a downgrade left it over the plan's limit.")]


class ResourcesOfKind(ResourceCount):
    """The resources of a kind, oldest first."""

    items: list[Resource]


class Resources(BaseModel):
    """What exists, by kind."""

    tier: Tier
    resources: dict[str, ResourcesOfKind]


class Claimed(Resource, ResourceCount):
    """The claimed place, and how many are taken."""


class Freed(ResourceCount):
    """The freed place; `freed` is false if none was taken."""

    kind: str
    id: str
    freed: bool


# Creators


class PendingDay(BaseModel):
    """The earnings that become payable on a day."""

    day: Day
    amount_cents: Cents


class PayoutView(BaseModel):
    """One payout."""

    id: str
    amount_cents: Cents
    state: PayoutState
    created_at: Time
    reason: str | None


class Tool(BaseModel):
    """A creator's tool with its price."""

    tool_id: str
    creator_id: str
    name: str
    price_cents: Cents
    version: Annotated[Count, Field(description="How often it was published or changed.")]


class Tools(BaseModel):
    """The tools of a creator."""

    tools: list[Tool]


class CreatorAccount(BaseModel):
    """What a creator earned, what is payable, and what was paid."""

    onboarding: Onboarding
    pending_cents: Cents
    pending_by_day: list[PendingDay]
    payable_cents: Cents
    granted_cents: Annotated[
        Cents, Field(description="What callers paid with granted money: it is shown, and not paid out.")
    ]
    claimed_cents: Annotated[
        Cents,
        Field(
            description="What was earned of deposits that were refunded or disputed since, or that a bank asks about: "
            "held back, and owed where it was paid out. It comes back where the deposit does."
        ),
    ]
    owed_cents: Cents
    in_transit_cents: Cents
    paid_cents: Cents
    last_error: str | None
    payouts_held_for: Annotated[
        HeldFor | None,
        Field(
            description="Why no payout begins, whatever is payable: the account to be paid to is missing or "
            "restricted, the wallet of the same account owes (`debt`), or an operator must release the payouts, also "
            "after a transfer was reversed, or review a new creator who is at a ceiling (`review`). Null where only "
            "the amount and the day decide."
        ),
    ]
    payouts: list[PayoutView]
