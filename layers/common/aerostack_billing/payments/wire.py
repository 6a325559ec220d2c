"""Stripe's JSON, as far as it is read here, in the pinned version's shape; everything else in it is passed over."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from aerostack_billing.payments.models import (
    CheckoutSession,
    Invoice,
    InvoicePayment,
    ScheduledPhase,
    Subscription,
    SubscriptionStatus,
)
from aerostack_billing.plans.catalog import SUBSCRIBED_TIERS
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.values.errors import PaymentsFailed

Object = TypeVar("Object")


class UnknownPrice(PaymentsFailed):
    """A subscription is to a price that is no plan of ours: what it entitles to is not known, so to nothing."""

    code = "UNKNOWN_PRICE"


def _id_of(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else value


Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,255}$"), BeforeValidator(_id_of)]
"""The id of another object, whether Stripe sent the id or, expanded, the object.

What can be no id is refused here: Stripe, asked for it, would fail in the same way however often it were asked.
"""


class Wire(BaseModel):
    """A part of Stripe's JSON; fields that are not named are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class ListOf(Wire, Generic[Object]):
    """Stripe's list object, one page."""

    data: list[Object]


class WireCustomer(Wire):
    """A customer that was not deleted."""

    id: str
    created: int
    metadata: dict[str, str] = {}


class _Recurring(Wire):
    interval: str
    interval_count: int = 1

    def read(self) -> Interval | None:
        """How often it is billed in our words; None for what no plan is billed by."""
        return _INTERVALS.get((self.interval, self.interval_count))


_INTERVALS: dict[tuple[str, int], Interval] = {("month", 1): "monthly", ("year", 1): "yearly"}


class WirePrice(Wire):
    """A price: the tier stands in its metadata or is told by its lookup key, `pro_yearly`."""

    id: str
    lookup_key: str | None = None
    metadata: dict[str, str] = {}
    recurring: _Recurring | None = None

    def plan(self) -> tuple[Tier, Interval]:
        """The tier and interval that the price is for; UnknownPrice if it is none of ours."""
        told = self.metadata.get("tier") or (self.lookup_key or "").rpartition("_")[0]
        tier = next((tier for tier in SUBSCRIBED_TIERS if tier == told), None)
        interval = self.recurring.read() if self.recurring else None
        if tier is None or interval is None:
            raise UnknownPrice(
                "The subscription has a price that belongs to no plan. Contact support.", {"price": self.id}
            )
        return tier, interval


class _Item(Wire):
    id: str
    price: WirePrice
    current_period_start: int
    current_period_end: int


class _PaymentTarget(Wire):
    payment_intent: Reference | None = None


class _WireInvoicePayment(Wire):
    status: str
    payment: _PaymentTarget


class WireInvoice(Wire):
    """An invoice with its payments expanded."""

    id: str
    status: str | None = None
    hosted_invoice_url: str | None = None
    next_payment_attempt: int | None = None
    payments: ListOf[_WireInvoicePayment] | None = None

    def read(self) -> Invoice:
        """The invoice in our words."""
        payments = self.payments.data if self.payments else []
        read = tuple(InvoicePayment(p.payment.payment_intent, p.status) for p in payments if p.payment.payment_intent)
        return Invoice(self.id, self.status, self.hosted_invoice_url, self.next_payment_attempt, read)


class WireSubscription(Wire):
    """A subscription with its latest invoice expanded."""

    id: str
    customer: Reference
    status: SubscriptionStatus
    created: int
    cancel_at_period_end: bool
    cancel_at: int | None = None
    schedule: Reference | None = None
    items: ListOf[_Item]
    latest_invoice: WireInvoice | None = None

    @property
    def is_over(self) -> bool:
        """Whether it ended, or never began: it entitles to nothing any more, whatever it was to."""
        return self.status in {"canceled", "incomplete_expired"}

    def read(self) -> Subscription:
        """The subscription in our words; UnknownPrice if it is to no plan of ours."""
        item = self.items.data[0]
        tier, interval = item.price.plan()
        return Subscription(
            subscription_id=self.id,
            customer_id=self.customer,
            status=self.status,
            tier=tier,
            interval=interval,
            item_id=item.id,
            created_at=self.created,
            period_start=item.current_period_start,
            period_end=item.current_period_end,
            cancel_at_period_end=self.cancel_at_period_end,
            cancel_at=self.cancel_at,
            schedule_id=self.schedule,
            latest_invoice=self.latest_invoice.read() if self.latest_invoice else None,
        )


class _PhaseItem(Wire):
    price: WirePrice


class _Phase(Wire):
    start_date: int
    items: list[_PhaseItem]


class WireSchedule(Wire):
    """A subscription schedule with the prices of its phases expanded."""

    id: str
    status: str
    phases: list[_Phase]

    def next_phase(self, now: int) -> ScheduledPhase | None:
        """What comes after the present phase; None if nothing does, or the schedule is over."""
        if self.status not in {"active", "not_started"}:
            return None
        for phase in self.phases:
            if phase.start_date > now:
                tier, interval = phase.items[0].price.plan()
                return ScheduledPhase(tier, interval, phase.start_date)
        return None


class WireSession(Wire):
    """A Checkout session."""

    id: str
    mode: Literal["subscription", "payment", "setup"]
    status: str | None = None
    payment_status: str
    client_reference_id: str | None = None
    customer: Reference | None = None
    payment_intent: Reference | None = None
    url: str | None = None

    def read(self) -> CheckoutSession:
        """The session in our words."""
        return CheckoutSession(
            session_id=self.id,
            mode=self.mode,
            account_id=self.client_reference_id,
            customer_id=self.customer,
            paid=self.status == "complete" and self.payment_status in {"paid", "no_payment_required"},
            payment_intent_id=self.payment_intent,
            url=self.url,
        )
