"""An account: which plan it is on, and what Stripe says of its subscription."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.platform import clock
from aerostack_billing.values.fields import IdempotencyKey, RequestModel

IssueReason = Literal["past_due", "unpaid", "action_required", "collection_paused"]
Status = Literal["active", "trialing", "past_due", "unpaid"]


@dataclass(frozen=True)
class PaymentIssue:
    """Why the last invoice is open, and Stripe's page that settles it."""

    reason: IssueReason
    invoice_url: str | None
    next_attempt_at: int | None

    def view(self) -> dict[str, object]:
        """As `payment_issue` in answers."""
        return {
            "reason": self.reason,
            "message": _ISSUE_MESSAGES[self.reason],
            "invoice_url": self.invoice_url,
            "next_attempt_at": clock.iso(self.next_attempt_at),
        }


_ISSUE_MESSAGES: dict[IssueReason, str] = {
    "past_due": "The last payment failed. Update the card in the billing portal. The plan stays for some days, then "
    "its limits are those of Free until it is paid.",
    "unpaid": "The invoice was not paid, so the plan ended. Pay it, or choose a plan again.",
    "action_required": "The bank asks you to confirm the payment. Open the invoice and confirm it.",
    "collection_paused": "Billing is paused and the period that was paid for is over. Contact us to go on with the "
    "plan: after some days its limits are Free's.",
}


@dataclass(frozen=True)
class PendingChange:
    """A cheaper plan that starts at the period's end."""

    tier: Tier
    interval: Interval
    effective_at: int

    def view(self) -> dict[str, object]:
        """As `pending_change` in answers."""
        return {
            "plan_tier": self.tier,
            "billing_interval": self.interval,
            "effective_at": clock.iso(self.effective_at),
        }


@dataclass(frozen=True)
class Trial:
    """The one trial that an account had or has, and whether its subscription was paid for after it."""

    subscription_id: str
    paid: bool = False


@dataclass(frozen=True)
class PlanState:
    """What Stripe's subscriptions make of an account. Times are unix seconds. The default is Free.

    `tier_override` is the tier that an operator gave, whatever is paid for: as long as it stands, it is the tier.
    `cancel_at` is when the subscription ends, however far away; `cancel_at_period_end` says that it is this period's
    end, or before. Who owes keeps the plan up to `grace_ends_at`; then it is `lapsed`: the limits are Free's.
    `trial` stays once there was one. `unpaid_trial`: the plan began with a trial and nothing was paid for it so far.
    """

    tier: Tier = "free"
    status: Status = "active"
    interval: Interval = "monthly"
    subscription_id: str | None = None
    period_start: int | None = None
    period_end: int | None = None
    cancel_at_period_end: bool = False
    cancel_at: int | None = None
    pending_change: PendingChange | None = None
    payment_issue: PaymentIssue | None = None
    tier_override: Tier | None = None
    grace_ends_at: int | None = None
    lapsed: bool = False
    trial: Trial | None = None
    trial_ends_at: int | None = None
    unpaid_trial: bool = False

    @property
    def quotas_tier(self) -> Tier:
        """The tier whose monthly quotas hold: as the limits, but Free's until a plan that began on trial is paid."""
        return "free" if self.unpaid_trial and self.tier_override is None else self.limits_tier

    @property
    def limits_tier(self) -> Tier:
        """The tier whose limits hold: the plan's, or Free's where it was not paid for too long."""
        return "free" if self.lapsed and self.tier_override is None else self.tier


@dataclass(frozen=True)
class Upkeep:
    """What is still to be done, or was reported, beside the plan.

    `undoing` are the subscriptions that are being ended, each with the moment from which on what was paid for it is
    given back; None where nothing is. `reported` are subscriptions that were reported to a person. `review_at`
    is when time alone changes something; None if nothing is due.
    """

    undoing: dict[str, int | None] = field(default_factory=dict)
    reported: tuple[str, ...] = ()
    review_at: int | None = None


@dataclass(frozen=True)
class Account:
    """An account as stored. `version` counts the changes of its plan state; 0 is an account never written."""

    account_id: str
    version: int = 0
    customer_id: str | None = None
    plan: PlanState = field(default_factory=PlanState)
    upkeep: Upkeep = field(default_factory=Upkeep)

    def on(self, plan: PlanState, upkeep: Upkeep | None = None) -> Account:
        """This account after its plan state, and its upkeep where one is given, were written."""
        return replace(self, plan=plan, version=self.version + 1, upkeep=upkeep or self.upkeep)

    def view(self) -> dict[str, object]:
        """As `GET /api/billing` answers."""
        plan = self.plan
        return {
            "plan_tier": plan.tier,
            "status": plan.status,
            "billing_interval": plan.interval,
            "stripe_customer_id": self.customer_id,
            "stripe_subscription_id": plan.subscription_id,
            "current_period_start": clock.iso(plan.period_start),
            "current_period_end": clock.iso(plan.period_end),
            "cancel_at_period_end": plan.cancel_at_period_end,
            "cancel_at": clock.iso(plan.cancel_at),
            "trial_ends_at": clock.iso(plan.trial_ends_at),
            "pending_change": plan.pending_change.view() if plan.pending_change else None,
            "payment_issue": plan.payment_issue.view() if plan.payment_issue else None,
        }


class CheckoutRequest(RequestModel):
    """Body of `POST /api/billing/checkout`."""

    tier: Tier
    billing_interval: Interval
    success_url: str
    cancel_url: str
    idempotency_key: IdempotencyKey | None = None


class PortalRequest(RequestModel):
    """Body of `POST /api/billing/portal`, which may be left out."""

    return_url: str | None = None


class SessionRequest(RequestModel):
    """Body of `POST /api/billing/verify-session`."""

    session_id: str


class PreviewRequest(RequestModel):
    """Body of `POST /api/billing/preview`."""

    tier: Tier
    billing_interval: Interval
