"""Stripe's objects as this project needs them: small, typed, with our names. Times are unix seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from aerostack_billing.plans.models import Interval, Tier

SubscriptionStatus = Literal[
    "active", "trialing", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired", "paused"
]


InvoiceStatus = Literal["draft", "open", "paid", "uncollectible", "void"]
PaymentStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "canceled",
    "succeeded",
]
RefundStatus = Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
DisputeStatus = Literal[
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
    "prevented",
]


@dataclass(frozen=True)
class InvoicePayment:
    """A payment towards an invoice; open while it is tried, paid once."""

    payment_intent_id: str
    status: str
    amount_cents: int


@dataclass(frozen=True)
class Invoice:
    """An invoice of a subscription, with its payments oldest first. Times are unix seconds, amounts whole cents."""

    invoice_id: str
    status: InvoiceStatus
    hosted_url: str | None
    next_attempt_at: int | None
    created_at: int
    due_at: int | None
    paid_at: int | None
    begins_subscription: bool
    total_cents: int
    payments: tuple[InvoicePayment, ...]

    @property
    def is_settled(self) -> bool:
        """Whether nothing is owed for it, because it was paid or asked for nothing."""
        return self.status == "paid" or self.total_cents <= 0

    @property
    def owed_since(self) -> int:
        """From when on it was to be paid."""
        return max(self.created_at, self.due_at or 0)

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
    """A subscription as Stripe has it now, whatever its price.

    `cancel_at` stands beside the flag `cancel_at_period_end`, or alone where an end on a date was chosen. The period is
    that of its plan's item, or of its first: the subscription itself has none any more. `collection_rests` while staff
    paused the collection of its invoices without an end. `trial_ends_at` is there in a trial, and after one.
    `sold_with_trial`: our own Checkout sold it with a trial at its beginning.
    """

    subscription_id: str
    customer_id: str
    status: SubscriptionStatus
    created_at: int
    period_start: int
    period_end: int
    cancel_at_period_end: bool
    cancel_at: int | None
    schedule_id: str | None
    collection_rests: bool
    latest_invoice: Invoice | None
    trial_ends_at: int | None = field(default=None, kw_only=True)
    sold_with_trial: bool = field(default=False, kw_only=True)

    @property
    def ends(self) -> bool:
        """Whether it is to end by itself, however far away that is."""
        return self.cancel_at_period_end or self.cancel_at is not None

    @property
    def ends_with_period(self) -> bool:
        """Whether it is to end with the current period, or before."""
        return self.cancel_at_period_end or (self.cancel_at is not None and self.cancel_at <= self.period_end)

    @property
    def ends_at(self) -> int | None:
        """When it ends by itself; None if it does not."""
        return self.cancel_at or (self.period_end if self.cancel_at_period_end else None)

    @property
    def is_collected(self) -> bool:
        """Whether its current period is paid for or asked for: False once staff paused that and a period came since."""
        unpaid = self.latest_invoice is not None and not self.latest_invoice.is_settled
        return not (self.collection_rests and unpaid)

    @property
    def is_paid_after_trial(self) -> bool:
        """Whether a period behind its trial is settled: active alone does not tell, for Stripe charges later."""
        latest = self.latest_invoice
        if self.status != "active" or latest is None:
            return False
        return latest.is_settled and latest.created_at >= (self.trial_ends_at or 0)


@dataclass(frozen=True)
class PlanSubscription(Subscription):
    """A subscription to one of the plans, by the item whose price is a plan's."""

    tier: Tier
    interval: Interval
    item_id: str


@dataclass(frozen=True)
class Subscriptions:
    """A customer's subscriptions, newest first; those that Stripe showed in a form that is not known, by their ids.

    `tried` are those that our Checkout sold with a trial, also those that are over. `had_plan`: there is or was one to
    a plan that began, paid or tried, or one that nobody can read.
    """

    known: tuple[Subscription, ...] = ()
    unreadable: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    had_plan: bool = False


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
