"""What a user does with a plan besides buying one: look, come back from Stripe, cancel, resume, open the portal."""

from __future__ import annotations

import re

from aerostack_billing.accounts.models import Account
from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.accounts.sync import PlanSync
from aerostack_billing.errors import (
    NoActiveSubscription,
    NoStripeCustomer,
    NothingToResume,
    SessionNotFound,
    SessionNotPaid,
)
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.redirects import RedirectPolicy

_SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,250}")


class Subscriptions:
    """The acts on a subscription that exists."""

    def __init__(self, accounts: AccountStore, payments: Payments, sync: PlanSync, redirects: RedirectPolicy) -> None:
        self._accounts = accounts
        self._payments = payments
        self._sync = sync
        self._redirects = redirects

    def verify_session(self, account_id: str, session_id: str) -> Account:
        """Bring the account up to date on return from a Checkout page.

        SessionNotFound (404) for a session of anyone else; SessionNotPaid (409) while it is not paid.
        """
        session = self._payments.session(session_id) if _SESSION_ID.fullmatch(session_id) else None
        if session is None or session.account_id != account_id or session.mode != "subscription":
            raise SessionNotFound("There is no such checkout session for this account.")
        if not session.paid:
            raise SessionNotPaid("The checkout session is not paid. Complete it, or open a new one.")
        return self._sync.make_true(account_id).account

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
            raise NothingToResume("No cancellation and no change of plan is pending.")
        return self._sync.make_true(account_id).account

    def portal(self, account_id: str, return_url: str) -> str:
        """The URL of the customer's portal at Stripe, which leads back to `return_url`.

        InvalidRedirectUrl (422); NoStripeCustomer (409) for an account that never bought anything.
        """
        self._redirects.check("return_url", return_url)
        customer_id = self._accounts.get(account_id).customer_id
        if customer_id is None:
            raise NoStripeCustomer("There is no billing portal before the first purchase. Choose a plan first.")
        return self._payments.portal(customer_id, return_url)
