"""What a user does with a plan that was bought: cancel, resume, open the portal."""

from __future__ import annotations

from aerostack_billing.accounts.models import Account
from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.accounts.sync import PlanSync
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.models import Subscription
from aerostack_billing.values.errors import NoActiveSubscription, NoStripeCustomer, NothingToResume, ObjectMissing
from aerostack_billing.values.redirects import RedirectPolicy


class Subscriptions:
    """The acts on a subscription that exists. None of them needs to understand its price."""

    def __init__(
        self,
        accounts: AccountStore,
        payments: Payments,
        sync: PlanSync,
        redirects: RedirectPolicy,
    ) -> None:
        self._accounts = accounts
        self._payments = payments
        self._sync = sync
        self._redirects = redirects

    def cancel(self, account_id: str) -> None:
        """Let the subscription end with its period; done before, nothing happens.

        A cheaper plan that was to start then is dropped. NoActiveSubscription (409) if there is nothing to cancel.
        """
        subscription = self._cancellable(account_id)
        if subscription.ends_with_period:
            return
        self._payments.end_with_period(subscription)
        self._sync.make_true(account_id)

    def _cancellable(self, account_id: str) -> Subscription:
        """The plan's subscription; else one that our Checkout sold and whose price is, for us, no plan any more."""
        standing = self._sync.make_true(account_id)
        if standing.subscription is not None:
            return standing.subscription
        for foreign in standing.foreign:
            if self._payments.sold_by_checkout(account_id, foreign.subscription_id):
                return foreign
        raise NoActiveSubscription("There is no active subscription to cancel.")

    def resume(self, account_id: str) -> Account:
        """Take a pending cancellation, or a pending cheaper plan, back. NothingToResume (409) if there is neither."""
        nothing = NothingToResume("No cancellation and no change of plan is pending.")
        try:
            subscription = self._cancellable(account_id)
        except NoActiveSubscription:
            raise nothing from None
        changes = self._accounts.get(account_id).plan.pending_change is not None
        if not subscription.ends and not (changes and subscription.schedule_id is not None):
            raise nothing
        if subscription.schedule_id is not None:
            # A schedule manages how its subscription ends: only once it is released can that be changed.
            self._payments.release_schedule(subscription.schedule_id)
        if subscription.ends:
            self._payments.go_on(subscription.subscription_id)
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
            if self._payments.has_customer(customer_id):
                raise
        raise none_yet
