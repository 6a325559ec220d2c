"""What may be bought, and when it takes effect: one set of rules for the page that sells a plan and for its preview."""

from __future__ import annotations

from aerostack_billing.accounts.models import Account
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.models import PlanSubscription
from aerostack_billing.plans.catalog import SUBSCRIBED_TIERS
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import AlreadyOnPlan, CancelInstead, ContactSales, InvoiceOpen, PlanAgreed


def check_sold(tier: Tier) -> None:
    """Return if Checkout sells the tier; CancelInstead (422) for Free, ContactSales (422) for Enterprise."""
    if tier == "free":
        raise CancelInstead("To go back to Free, cancel the subscription: POST /api/billing/cancel.", {"tier": "free"})
    if tier == "enterprise":
        raise ContactSales("Enterprise cannot be bought here. Contact sales.", {"tier": "enterprise"})


def check_wanted(
    account: Account, subscription: PlanSubscription | None, plan: tuple[Tier, Interval], payments: Payments
) -> None:
    """Return if the account may buy the plan now.

    PlanAgreed, InvoiceOpen and AlreadyOnPlan (409).
    """
    now = account.plan
    if now.tier_override is not None:
        raise PlanAgreed(
            f"This account's plan, {now.tier}, was agreed with sales. A purchase changes nothing. Contact sales."
        )
    _require_paid(account, payments)
    if subscription is not None and (now.tier, now.interval) == plan:
        raise AlreadyOnPlan(f"The account is already on {now.tier}, billed {now.interval}.")


def _require_paid(account: Account, payments: Payments) -> None:
    """InvoiceOpen (409) where the customer left a plan's invoice unpaid.

    The first invoice of a purchase does not count: nothing was used for it.
    """
    if account.customer_id is None:
        return
    for subscription_id, invoice in payments.open_invoices(account.customer_id):
        overdue = invoice.owed_since <= clock.seconds()
        if subscription_id is not None and overdue and not (invoice.begins_subscription and not invoice.due_at):
            raise InvoiceOpen(
                "An invoice is still open. Pay it at its url, then choose a plan.",
                {"url": invoice.hosted_url, "invoice": invoice.invoice_id},
            )


def is_lower(subscription: PlanSubscription, tier: Tier) -> bool:
    """Whether the tier is below the one that the subscription is to."""
    return SUBSCRIBED_TIERS.index(tier) < SUBSCRIBED_TIERS.index(subscription.tier)


def waits(subscription: PlanSubscription, plan: tuple[Tier, Interval]) -> bool:
    """Whether the change takes effect when the current period ends: a lower tier, or one that is billed more often.

    Stripe's page lets what costs less or is billed more often wait. A lower tier at a longer interval is neither:
    `waits_unasked` says so.
    """
    return is_lower(subscription, plan[0]) or (subscription.interval, plan[1]) == ("yearly", "monthly")


def waits_unasked(subscription: PlanSubscription, plan: tuple[Tier, Interval]) -> bool:
    """Whether the change is to wait for the period's end, and Stripe's page would make it at once."""
    return is_lower(subscription, plan[0]) and (plan[1], subscription.interval) == ("yearly", "monthly")
