"""Stripe's objects as this project needs them: small, typed, with our names. Times are unix seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aerostack_billing.plans.models import Interval, Tier

SubscriptionStatus = Literal[
    "active", "trialing", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired", "paused"
]


@dataclass(frozen=True)
class InvoicePayment:
    """A payment towards an invoice; open while it is tried, paid once."""

    payment_intent_id: str
    status: str


@dataclass(frozen=True)
class Invoice:
    """The newest invoice of a subscription."""

    invoice_id: str
    status: str | None
    hosted_url: str | None
    next_attempt_at: int | None
    payments: tuple[InvoicePayment, ...]

    def intents(self, status: Literal["open", "paid"]) -> list[str]:
        """The payment intents in a status, oldest first."""
        return [payment.payment_intent_id for payment in self.payments if payment.status == status]


@dataclass(frozen=True)
class ScheduledPhase:
    """What a subscription schedule turns the subscription into, and when."""

    tier: Tier
    interval: Interval
    starts_at: int


@dataclass(frozen=True)
class Subscription:
    """A subscription as Stripe has it now. The period is its item's: it is not on the subscription any more.

    `cancel_at` stands beside the flag `cancel_at_period_end`, or alone where an end on a date was chosen.
    """

    subscription_id: str
    customer_id: str
    status: SubscriptionStatus
    tier: Tier
    interval: Interval
    item_id: str
    created_at: int
    period_start: int
    period_end: int
    cancel_at_period_end: bool
    cancel_at: int | None
    schedule_id: str | None
    latest_invoice: Invoice | None

    @property
    def ends(self) -> bool:
        """Whether it is to end by itself."""
        return self.cancel_at_period_end or self.cancel_at is not None


@dataclass(frozen=True)
class CheckoutSession:
    """A Checkout session. `paid` is true when nothing is left to pay."""

    session_id: str
    mode: Literal["subscription", "payment", "setup"]
    account_id: str | None
    customer_id: str | None
    paid: bool
    payment_intent_id: str | None
    url: str | None
