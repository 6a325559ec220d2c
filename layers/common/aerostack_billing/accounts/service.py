"""What a user does with a plan that was bought: cancel, resume, open the portal."""

from __future__ import annotations

from aerostack_billing.accounts.customers import Customers
from aerostack_billing.accounts.models import Account
from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.accounts.sync import PlanSync
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.values.errors import NoActiveSubscription, NoStripeCustomer, NothingToResume, ObjectMissing
from aerostack_billing.values.redirects import RedirectPolicy


class Subscriptions:
    """The acts on a subscription that exists."""

    def __init__(
        self,
        accounts: AccountStore,
        customers: Customers,
        payments: Payments,
        sync: PlanSync,
        redirects: RedirectPolicy,
    ) -> None:
        self._accounts = accounts
        self._customers = customers
        self._payments = payments
        self._sync = sync
        self._redirects = redirects

    def cancel(self, account_id: str) -> None:
        """Let the subscription end with its period; done before, nothing happens.

        A cheaper plan that was to start then is dropped. NoActiveSubscription (409) if there is nothing to cancel.
        """
        standing = self._sync.make_true(account_id)
        subscription = standing.subscription
        if subscription is None:
            raise NoActiveSubscription("There is no active subscription to cancel.")
        if subscription.ends:
            return
        if subscription.schedule_id is not None:
            self._payments.release_schedule(subscription.schedule_id)
        self._payments.end_with_period(subscription.subscription_id)
        self._sync.make_true(account_id)

    def resume(self, account_id: str) -> Account:
        """Take a pending cancellation, or a pending cheaper plan, back. NothingToResume (409) if there is neither."""
        standing = self._sync.make_true(account_id)
        subscription, plan = standing.subscription, standing.account.plan
        if subscription is not None and subscription.ends:
            self._payments.go_on(subscription)
        elif subscription is not None and subscription.schedule_id is not None and plan.pending_change is not None:
            self._payments.release_schedule(subscription.schedule_id)
        else:
            raise NothingToResume("No cancellation and no plan change is pending. There is nothing to resume.")
        return self._sync.make_true(account_id).account

    def portal(self, account_id: str, return_url: str) -> str:
        """The URL of the customer's portal at Stripe, which leads back to `return_url`.

        InvalidRedirectUrl (422); NoStripeCustomer (409) for an account that never bought anything.
        """
        self._redirects.check("return_url", return_url)
        customer_id = self._accounts.get(account_id).customer_id
        none_yet = NoStripeCustomer("There is no billing portal before the first purchase. Choose a plan first.")
        if customer_id is None:
            raise none_yet
        try:
            return self._payments.portal(customer_id, return_url)
        except ObjectMissing:
            if self._customers.forget_if_deleted(account_id, customer_id):
                raise none_yet from None
            raise
