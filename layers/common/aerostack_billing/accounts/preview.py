"""What a change of plan would cost and take away, before Stripe's page is opened. Nothing is written or bought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aerostack_billing.accounts.customers import Customers
from aerostack_billing.accounts.models import PreviewRequest
from aerostack_billing.accounts.plan_state import DAY_SECONDS
from aerostack_billing.accounts.purchase import check_sold, check_wanted, waits
from aerostack_billing.accounts.sync import PlanSync, Standing
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.previews import InvoicePreview, PreviewLine, Previews
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import PaymentsRefused

_FIRST_PERIOD: dict[Interval, int] = {"monthly": 1, "yearly": 12}


class Outgrown(Protocol):
    """The room that keeps counters says what is above a tier's limits."""

    def above(self, account_id: str, tier: Tier) -> Sequence[dict[str, object]]:
        """Each metric and kind of resource of which the account has more than the tier allows."""


class PlanPreview:
    """Shows what `POST /api/billing/checkout` would lead to."""

    def __init__(
        self,
        customers: Customers,
        payments: Payments,
        previews: Previews,
        sync: PlanSync,
        outgrown: Outgrown,
        *,
        trial_days: int,
    ) -> None:
        self._customers = customers
        self._payments = payments
        self._previews = previews
        self._sync = sync
        self._outgrown = outgrown
        self._trial_days = trial_days

    def show(self, account_id: str, request: PreviewRequest) -> dict[str, object]:
        """What the plan would cost now and next, and what would be above its limits; whole cents.

        CancelInstead and ContactSales (422); AlreadyOnPlan, InvoiceOpen, PlanAgreed and CurrencyConflict (409).
        """
        check_sold(request.tier)
        standing, plan = self._sync.standing(account_id), (request.tier, request.billing_interval)
        check_wanted(standing.account, standing.subscription, plan, self._payments)
        subscription = standing.subscription
        later = subscription is not None and waits(subscription, plan)
        asked = self._asked(standing, plan, later=later)
        days = 0 if standing.had_plan else self._trial_days
        unpaid = later or days > 0
        ends_at = subscription.period_end if subscription is not None else clock.seconds() + days * DAY_SECONDS
        return {
            "effective": "period_end" if later else "now",
            "effective_at": clock.iso(ends_at if later else clock.seconds()),
            "currency": "usd",
            "due_now_cents": 0 if unpaid else asked.due_cents,
            "credit_cents": 0 if unpaid else asked.credit_cents,
            "lines": [] if unpaid else [_view(line) for line in asked.lines],
            "next_amount_cents": asked.renewal_cents,
            "next_at": clock.iso(ends_at if unpaid else asked.renews_at),
            "trial_days": days,
            "limits_after": list(self._outgrown.above(account_id, request.tier)),
        }

    def _asked(self, standing: Standing, plan: tuple[Tier, Interval], *, later: bool) -> InvoicePreview:
        customer_id, subscription = standing.account.customer_id, standing.subscription
        if customer_id is None:
            return _before_the_first(self._previews.price_cents(plan), plan)
        try:
            if subscription is None or later:
                return self._previews.of_new(customer_id, plan)
            return self._previews.of_change(subscription, plan)
        except PaymentsRefused:
            if subscription is None and not self._payments.has_customer(customer_id):
                return _before_the_first(self._previews.price_cents(plan), plan)
            self._customers.check_currency(customer_id)
            raise


def _before_the_first(cents: int, plan: tuple[Tier, Interval]) -> InvoicePreview:
    """The first invoice of who is no customer at Stripe yet: the price, as there is no credit and no discount."""
    tier, interval = plan
    ends_at = clock.months_later(clock.seconds(), _FIRST_PERIOD[interval])
    line = PreviewLine(f"{tier.capitalize()}, billed {interval}", cents, ends_at)
    return InvoicePreview((line,), 0, cents, cents, ends_at)


def _view(line: PreviewLine) -> dict[str, object]:
    return {"description": line.description, "amount_cents": line.amount_cents}
