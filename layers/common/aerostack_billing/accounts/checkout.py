"""Buying a plan: a Checkout page for who has none, the page that confirms a change for who already pays."""

from __future__ import annotations

from aerostack_billing.accounts.customers import Customers
from aerostack_billing.accounts.models import CheckoutRequest
from aerostack_billing.accounts.purchase import check_sold, check_wanted, waits_unasked
from aerostack_billing.accounts.sync import PlanSync, Standing
from aerostack_billing.idempotency.pages import Page, Pages
from aerostack_billing.payments.gateway import PageLinks, Payments
from aerostack_billing.values.errors import PaymentsRefused
from aerostack_billing.values.redirects import RedirectPolicy, with_session_id


class Checkout:
    """Opens the page on which a plan is bought or changed."""

    def __init__(
        self,
        customers: Customers,
        payments: Payments,
        sync: PlanSync,
        pages: Pages,
        redirects: RedirectPolicy,
    ) -> None:
        self._customers = customers
        self._payments = payments
        self._sync = sync
        self._pages = pages
        self._redirects = redirects

    def open(self, account_id: str, request: CheckoutRequest) -> Page:
        """The page for the plan asked for. Nothing is bought, and no second subscription can be, by opening it.

        A cheaper plan that waits for the period's end is taken back, whether or not the page's change is confirmed.
        A lower tier at a longer interval is agreed by asking for it: it costs nothing before the period's end, `resume`
        takes it back, and the page is the portal that shows it.
        CancelInstead, ContactSales and InvalidRedirectUrl (422); AlreadyOnPlan, InvoiceOpen, PlanAgreed,
        CurrencyConflict and IdempotencyKeyReused (409).
        """
        self._check(request)
        earlier = self._pages.earlier("checkout", account_id, request)
        if earlier is not None:
            return earlier
        standing = self._sync.make_true(account_id)
        wanted = (request.tier, request.billing_interval)
        check_wanted(standing.account, standing.subscription, wanted, self._payments)
        return self._pages.once("checkout", account_id, request, lambda key: self._page(standing, request, key))

    def _check(self, request: CheckoutRequest) -> None:
        check_sold(request.tier)
        self._redirects.check("success_url", request.success_url)
        self._redirects.check("cancel_url", request.cancel_url)

    def _page(self, standing: Standing, request: CheckoutRequest, key: str) -> str:
        plan = (request.tier, request.billing_interval)
        account, subscription = standing.account, standing.subscription
        if subscription is None:
            links = PageLinks(with_session_id(request.success_url), request.cancel_url)
            first = not standing.had_plan
            return self._customers.using(
                account.account_id,
                lambda customer: self._payments.subscription_checkout(
                    account.account_id, customer, plan, links, key, first=first
                ),
            )
        if subscription.schedule_id is not None:
            # Stripe's portal cannot change a subscription that a schedule manages, and does not tell when its page is
            # left unconfirmed: the newer wish replaces the older at once.
            self._payments.release_schedule(subscription.schedule_id)
        links = PageLinks(request.success_url, request.cancel_url)
        if waits_unasked(subscription, plan):
            self._payments.change_with_period(subscription, plan)
            return self._payments.portal(subscription.customer_id, request.success_url)
        try:
            return self._payments.confirm_change(subscription, plan, links, f"{key}-change")
        except PaymentsRefused:
            self._customers.check_currency(subscription.customer_id)
            raise
