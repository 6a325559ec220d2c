"""Domain events of an account's plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from typing_extensions import TypedDict

from aerostack_billing.accounts.models import Account, IssueReason, PlanState, Status
from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.platform import clock

if TYPE_CHECKING:
    from aerostack_billing.payments.papers import PaymentMethod

Changed = Literal["plan_tier", "status", "billing_interval", "cancel_at_period_end", "cancel_at", "pending_change"]


class PendingPlan(TypedDict):
    """A cheaper plan that starts at the period's end."""

    plan_tier: Tier
    billing_interval: Interval
    effective_at: str


class PlanFacts(TypedDict):
    """An account's plan as `GET /api/billing` shows it."""

    plan_tier: Tier
    status: Status
    billing_interval: Interval
    cancel_at_period_end: bool
    cancel_at: str | None
    pending_change: PendingPlan | None


class PlanChanged(TypedDict):
    """The plan, its status, or what is to become of it is another: `changed` names the fields.

    A new period of the same plan is no change.
    """

    changed: list[Changed]
    before: PlanFacts
    after: PlanFacts


class PaymentPastDue(TypedDict):
    """A plan's payment failed: the plan is past due. From `plan_stays_until` on its limits are Free's."""

    plan_tier: Tier
    billing_interval: Interval
    reason: IssueReason | None
    next_attempt_at: str | None
    plan_stays_until: str | None


class CardExpiring(TypedDict):
    """The card that pays ends within thirty days, or has ended: `ends_at` is when it can no longer be charged.

    Told to accounts that ask for it, once for each card and date.
    """

    exp_month: int
    exp_year: int
    ends_at: str
    expired: bool


TYPES = {"plan.changed": PlanChanged, "payment.past_due": PaymentPastDue, "card.expiring": CardExpiring}


def plan_events(account: Account, plan: PlanState) -> list[DomainEvent]:
    """The domain events of `plan` taking the place of the account's."""
    before, after = _facts(account.plan), _facts(plan)
    names: tuple[Changed, ...] = get_args(Changed)
    changed = [name for name in names if before[name] != after[name]]
    if not changed:
        return []
    occasion = str(account.version + 1)
    data: PlanChanged = {"changed": changed, "before": before, "after": after}
    events = [DomainEvent("plan.changed", account.account_id, occasion, data)]
    if plan.status == "past_due" and account.plan.status != "past_due":
        events.append(DomainEvent("payment.past_due", account.account_id, occasion, _past_due(plan)))
    return events


def card_event(account_id: str, card: PaymentMethod, ends_at: int) -> DomainEvent | None:
    """The event of a card that ends at `ends_at`; None for what has no end."""
    if card.exp_month is None or card.exp_year is None:
        return None
    data: CardExpiring = {
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "ends_at": clock.iso(ends_at) or "",
        "expired": ends_at <= clock.seconds(),
    }
    return DomainEvent("card.expiring", account_id, card.identity, data)


def _past_due(plan: PlanState) -> PaymentPastDue:
    issue = plan.payment_issue
    return {
        "plan_tier": plan.tier,
        "billing_interval": plan.interval,
        "reason": issue.reason if issue else None,
        "next_attempt_at": clock.iso(issue.next_attempt_at) if issue else None,
        "plan_stays_until": clock.iso(plan.grace_ends_at),
    }


def _facts(plan: PlanState) -> PlanFacts:
    return {
        "plan_tier": plan.tier,
        "status": plan.status,
        "billing_interval": plan.interval,
        "cancel_at_period_end": plan.cancel_at_period_end,
        "cancel_at": clock.iso(plan.cancel_at),
        "pending_change": _pending(plan),
    }


def _pending(plan: PlanState) -> PendingPlan | None:
    pending = plan.pending_change
    if pending is None:
        return None
    return {
        "plan_tier": pending.tier,
        "billing_interval": pending.interval,
        "effective_at": clock.iso(pending.effective_at) or "",
    }
