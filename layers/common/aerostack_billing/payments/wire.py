"""Stripe's JSON, as far as it is read here, in the pinned version's shape; everything else in it is passed over."""

from __future__ import annotations

from typing import Annotated, Final, Generic, Literal, TypeVar, assert_never

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from aerostack_billing.payments.models import (
    CheckoutSession,
    Invoice,
    InvoicePayment,
    InvoiceStatus,
    PlanSubscription,
    ScheduledPhase,
    Subscription,
    SubscriptionStatus,
)
from aerostack_billing.plans.catalog import SUBSCRIBED_TIERS
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.values.errors import PaymentsFailed

Object = TypeVar("Object")


class Unreadable(PaymentsFailed):
    """Stripe showed an object in a form that is not known: nothing can be said of it until this code knows the form."""


def _id_of(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else value


Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,255}$"), BeforeValidator(_id_of)]
"""The id of another object, whether Stripe sent the id or, expanded, the object.

What can be no id is refused here: Stripe, asked for it, would fail in the same way however often it were asked.
"""


class Wire(BaseModel):
    """A part of Stripe's JSON; fields that are not named are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


Model = TypeVar("Model", bound=Wire)


def read(model: type[Model], found: object) -> Model:
    """What Stripe sent as `model`; Unreadable for a form that is not known."""
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise Unreadable("The payment provider sent an object that is not understood.") from error


class ListOf(Wire, Generic[Object]):
    """Stripe's list object, one page."""

    data: list[Object]


class WireCustomer(Wire):
    """A customer that was not deleted."""

    id: str
    created: int
    currency: str | None = None
    metadata: dict[str, str] = {}


TRIAL_DAYS: Final = "trial_days"
"""The metadata of a subscription that our Checkout sold with a trial: how many days it was."""
_Interval = Literal["day", "week", "month", "year"]


class _Recurring(Wire):
    interval: _Interval
    interval_count: int = 1

    def read(self) -> Interval:
        """How often it is billed in our words: `yearly` from a year on, else `monthly`."""
        match self.interval:
            case "year":
                return "yearly"
            case "month":
                return "yearly" if self.interval_count >= _MONTHS else "monthly"
            case "week":
                return "yearly" if self.interval_count >= _WEEKS else "monthly"
            case "day":
                return "yearly" if self.interval_count >= _DAYS else "monthly"
            case _:
                assert_never(self.interval)


_MONTHS, _WEEKS, _DAYS = 12, 52, 365


class WirePrice(Wire):
    """A price: the tier stands in its metadata or is named by its lookup key, `pro_yearly`."""

    id: str
    lookup_key: str | None = None
    metadata: dict[str, str] = {}
    recurring: _Recurring | None = None

    def plan(self) -> tuple[Tier, Interval] | None:
        """The tier and interval that the price is for; None if it is for no plan of ours."""
        named = self.metadata.get("tier") or (self.lookup_key or "").rpartition("_")[0]
        tier = next((tier for tier in SUBSCRIBED_TIERS if tier == named), None)
        return (tier, self.recurring.read()) if tier is not None and self.recurring else None


class _Item(Wire):
    id: str
    price: WirePrice
    current_period_start: int
    current_period_end: int


class _PaymentTarget(Wire):
    payment_intent: Reference | None = None


class _WireInvoicePayment(Wire):
    status: str
    created: int = 0
    amount_paid: int | None = None
    payment: _PaymentTarget


class _Transitions(Wire):
    paid_at: int | None = None


class _OfSubscription(Wire):
    subscription: Reference | None = None


class _Parent(Wire):
    subscription_details: _OfSubscription | None = None


class WireInvoice(Wire):
    """An invoice with its payments expanded."""

    id: str
    status: InvoiceStatus = "draft"
    hosted_invoice_url: str | None = None
    next_payment_attempt: int | None = None
    created: int
    due_date: int | None = None
    billing_reason: str | None = None
    customer: Reference | None = None
    total: int
    status_transitions: _Transitions = _Transitions()
    parent: _Parent | None = None
    payments: ListOf[_WireInvoicePayment] | None = None

    @property
    def subscription_id(self) -> str | None:
        """The subscription that it is for."""
        details = self.parent.subscription_details if self.parent else None
        return details.subscription if details else None

    def read(self) -> Invoice:
        """The invoice in our words."""
        # Stripe lists the newest first.
        payments = sorted(self.payments.data if self.payments else [], key=lambda each: each.created)
        return Invoice(
            invoice_id=self.id,
            status=self.status,
            hosted_url=self.hosted_invoice_url,
            next_attempt_at=self.next_payment_attempt,
            created_at=self.created,
            due_at=self.due_date,
            paid_at=self.status_transitions.paid_at,
            begins_subscription=self.billing_reason == "subscription_create",
            total_cents=self.total,
            payments=tuple(
                InvoicePayment(each.payment.payment_intent, each.status, each.amount_paid or 0)
                for each in payments
                if each.payment.payment_intent
            ),
        )


class WireEnd(Wire):
    """Of a subscription, whatever it is to: whose it is, and how it is to end."""

    customer: Reference
    cancel_at_period_end: bool
    cancel_at: int | None = None


class _Pause(Wire):
    resumes_at: int | None = None


class WireSubscription(Wire):
    """A subscription with its latest invoice expanded."""

    id: str
    customer: Reference
    status: SubscriptionStatus
    created: int
    cancel_at_period_end: bool
    cancel_at: int | None = None
    schedule: Reference | None = None
    pause_collection: _Pause | None = None
    items: ListOf[_Item]
    latest_invoice: WireInvoice | None = None
    trial_end: int | None = None
    metadata: dict[str, str] = {}

    @property
    def is_over(self) -> bool:
        """Whether it ended, or never began: it entitles to nothing any more, whatever it was to."""
        return self.status in {"canceled", "incomplete_expired"}

    @property
    def began_plan(self) -> bool:
        """Whether it is or was a plan that began: paid, or on trial."""
        is_plan = any(item.price.plan() is not None for item in self.items.data)
        return is_plan and self.status not in {"incomplete", "incomplete_expired"}

    @property
    def sold_with_trial(self) -> bool:
        """Whether our Checkout sold it with a trial: its metadata say so."""
        return TRIAL_DAYS in self.metadata

    def read(self) -> Subscription:
        """The subscription in our words: a PlanSubscription if one of its items is a plan's, the highest of several."""
        plans = [(item, plan) for item in self.items.data if (plan := item.price.plan()) is not None]
        item, plan = max(plans, key=lambda found: SUBSCRIBED_TIERS.index(found[1][0]), default=(None, None))
        period = item or self.items.data[0]
        known = Subscription(
            subscription_id=self.id,
            customer_id=self.customer,
            status=self.status,
            created_at=self.created,
            period_start=period.current_period_start,
            period_end=period.current_period_end,
            cancel_at_period_end=self.cancel_at_period_end,
            cancel_at=self.cancel_at,
            schedule_id=self.schedule,
            collection_rests=self.pause_collection is not None and self.pause_collection.resumes_at is None,
            latest_invoice=self.latest_invoice.read() if self.latest_invoice else None,
            trial_ends_at=self.trial_end,
            sold_with_trial=self.sold_with_trial,
        )
        if item is None or plan is None:
            return known
        return PlanSubscription(**vars(known), tier=plan[0], interval=plan[1], item_id=item.id)


class _PhaseItem(Wire):
    price: WirePrice


class _Phase(Wire):
    start_date: int
    items: list[_PhaseItem]


ScheduleStatus = Literal["not_started", "active", "completed", "released", "canceled"]


class WireScheduleState(Wire):
    """A subscription schedule, whatever it turns its subscription into."""

    id: str
    status: ScheduleStatus

    @property
    def is_under_way(self) -> bool:
        """Whether it still manages its subscription."""
        match self.status:
            case "not_started" | "active":
                return True
            case "completed" | "released" | "canceled":
                return False
            case _:
                assert_never(self.status)


class _PresentItem(Wire):
    price: Reference
    quantity: int = 1


class _PresentPhase(Wire):
    start_date: int
    items: list[_PresentItem]


class WireSchedulePhases(Wire):
    """A subscription schedule as it was just made around a subscription: its one phase is the present."""

    phases: list[_PresentPhase]


class WireSchedule(WireScheduleState):
    """A subscription schedule with the prices of its phases expanded."""

    phases: list[_Phase]

    def next_phase(self, now: int) -> ScheduledPhase | None:
        """The plan of the phase after the present one; None if none comes, it is no plan, or the schedule is over."""
        if not self.is_under_way:
            return None
        phase = next((phase for phase in self.phases if phase.start_date > now), None)
        plans = [plan for item in phase.items if (plan := item.price.plan()) is not None] if phase else []
        if phase is None or not plans:
            return None
        tier, interval = max(plans, key=lambda plan: SUBSCRIBED_TIERS.index(plan[0]))
        return ScheduledPhase(tier, interval, phase.start_date)


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
