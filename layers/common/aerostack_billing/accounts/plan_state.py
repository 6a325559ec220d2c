"""What Stripe's subscriptions make of an account: from the facts read at Stripe to the plan that is stored."""

from __future__ import annotations

from dataclasses import dataclass

from aerostack_billing.accounts.choice import Choice, standing_of
from aerostack_billing.accounts.models import IssueReason, PaymentIssue, PendingChange, PlanState, Status
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.models import Invoice, PlanSubscription, ScheduledPhase
from aerostack_billing.platform import clock

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Facts:
    """What Stripe says: the choice among the subscriptions, what the current one turns into, and what it owes."""

    choice: Choice
    next_phase: ScheduledPhase | None = None
    owed: Invoice | None = None
    needs_action: bool = False


def facts_of(choice: Choice, payments: Payments) -> Facts:
    """Ask Stripe for what else the plan depends on: nothing where it is paid and no change is scheduled."""
    current = choice.current
    if current is None:
        return Facts(choice)
    phase = payments.next_phase(current.schedule_id, clock.seconds()) if current.schedule_id else None
    if standing_of(current) != "owing":
        return Facts(choice, phase)
    if not current.is_collected:
        return Facts(choice, phase, current.latest_invoice)
    owed = _oldest_owed(current, payments)
    asked = any(payments.needs_action(intent) for intent in owed.intents("open")[-1:]) if owed else False
    return Facts(choice, phase, owed, asked)


def _oldest_owed(current: PlanSubscription, payments: Payments) -> Invoice | None:
    """The open invoice that is longest overdue: a newer one that was paid does not settle it."""
    own = (invoice for name, invoice in payments.open_invoices(current.customer_id) if name == current.subscription_id)
    return min(own, key=lambda invoice: invoice.owed_since, default=current.latest_invoice)


def plan_of(facts: Facts, grace_days: int) -> PlanState:
    """The plan that the facts make. Who owes keeps it for `grace_days`, then has Free's limits until it is paid."""
    current = facts.choice.current
    if current is None:
        unpaid = facts.choice.unpaid
        issue = _issue(unpaid.latest_invoice, "unpaid") if unpaid else None
        return PlanState(status="unpaid" if issue else "active", payment_issue=issue)
    owing = standing_of(current) == "owing"
    since = facts.owed.owed_since if facts.owed else current.period_start
    ends_at = since + grace_days * DAY_SECONDS if owing else None
    return PlanState(
        tier=current.tier,
        status=_status(current, owing=owing),
        interval=current.interval,
        subscription_id=current.subscription_id,
        period_start=current.period_start,
        period_end=current.period_end,
        cancel_at_period_end=current.ends_with_period,
        cancel_at=current.ends_at,
        pending_change=_pending_change(current, facts.next_phase),
        payment_issue=_issue(facts.owed, _reason(current, facts)) if owing else None,
        grace_ends_at=ends_at,
        lapsed=ends_at is not None and clock.seconds() >= ends_at,
        trial_ends_at=current.trial_ends_at if current.status == "trialing" else None,
    )


def _status(current: PlanSubscription, *, owing: bool) -> Status:
    if owing:
        return "past_due"
    return "trialing" if current.status == "trialing" else "active"


def _reason(current: PlanSubscription, facts: Facts) -> IssueReason:
    if not current.is_collected:
        return "collection_paused"
    return "action_required" if facts.needs_action else "past_due"


def _pending_change(current: PlanSubscription, phase: ScheduledPhase | None) -> PendingChange | None:
    if phase is None or (phase.tier, phase.interval) == (current.tier, current.interval):
        return None
    return PendingChange(phase.tier, phase.interval, phase.starts_at)


def _issue(invoice: Invoice | None, reason: IssueReason) -> PaymentIssue:
    if invoice is None:
        return PaymentIssue(reason, None, None)
    return PaymentIssue(reason, invoice.hosted_url, invoice.next_attempt_at)
