"""An account's Stripe customer, created once however many requests want it at the same moment."""

from __future__ import annotations

from aerostack_billing.accounts.models import Account
from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.platform import clock

# Stripe keeps idempotency keys for 24 hours: when that nears, the key alone no longer guards against a second customer.
_KEY_TRUSTED_SECONDS = 20 * 3600


class Customers:
    """Finds or creates customers."""

    def __init__(self, accounts: AccountStore, payments: Payments) -> None:
        self._accounts = accounts
        self._payments = payments

    def ensure(self, account: Account) -> str:
        """The account's customer id, created now if there is none.

        The intent is stored before Stripe is asked, and its id is Stripe's idempotency key: two requests, or one
        repeated after a crash, make one customer. After a crash so long ago that Stripe forgot the key, the customer
        is looked for by its metadata first.
        """
        if account.customer_id is not None:
            return account.customer_id
        intent = self._accounts.intend_customer(account.account_id)
        found = None
        if clock.seconds() - intent.created_at > _KEY_TRUSTED_SECONDS:
            found = self._payments.find_customer(account.account_id)
        created = found or self._payments.create_customer(account.account_id, intent.intent_id)
        return self._accounts.set_customer(account.account_id, created)
