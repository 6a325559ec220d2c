"""An account's customer at Stripe: created once, replaced when it was deleted there, and never forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from aerostack_billing.accounts.models import Account
from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.once import Intent, once
from aerostack_billing.values.errors import Contended, CurrencyConflict, ObjectMissing, PaymentsRefused

Answer = TypeVar("Answer")
_CURRENCY = "usd"


class Customers:
    """Finds, creates and replaces customers, and says whose one is."""

    def __init__(self, accounts: AccountStore, payments: Payments) -> None:
        self._accounts = accounts
        self._payments = payments

    def ensure(self, account: Account) -> str:
        """The account's customer id; the customer is created now if there is none.

        However many requests want it and whatever breaks, one customer is created: see `payments.once`.
        """
        if account.customer_id is not None:
            return account.customer_id
        creation = _Creation(account.account_id, self._accounts, self._payments)
        try:
            created = once(self._accounts.intend_customer(account.account_id), creation)
        except PaymentsRefused:
            creation.drop()
            raise
        if created is None:
            raise Contended("The account is changing right now. Try again.")
        return self._accounts.set_customer(account.account_id, created)

    def using(self, account_id: str, act: Callable[[str], Answer]) -> Answer:
        """What `act` makes of the account's customer id; a customer that was deleted at Stripe is replaced first.

        `act` is called a second time, with the new customer's id, where Stripe refused the first call for that reason.
        CurrencyConflict (409) where Stripe refused it to a customer who is billed in another currency.
        """
        customer_id = self.ensure(self._accounts.get(account_id))
        try:
            return act(customer_id)
        except ObjectMissing:
            if not self.forget_if_deleted(account_id, customer_id):
                raise
        except PaymentsRefused:
            self.check_currency(customer_id)
            raise
        return act(self.ensure(self._accounts.get(account_id)))

    def check_currency(self, customer_id: str) -> None:
        """Return if Stripe bills the customer in US dollars, or in nothing yet; CurrencyConflict (409) if not."""
        currency = self._payments.currency_of(customer_id)
        if currency not in (None, _CURRENCY):
            raise CurrencyConflict(
                f"Stripe bills this account in {currency}; here all is sold in {_CURRENCY}. Contact support.",
                {"currency": currency},
            )

    def forget_if_deleted(self, account_id: str, customer_id: str) -> bool:
        """Let the account have no customer if Stripe has this one no more; whether it was so.

        Whose customer it was stays recorded, so that refunds and disputes of its old payments are still the account's.
        """
        if self._payments.has_customer(customer_id):
            return False
        self._accounts.forget_customer(account_id, customer_id)
        return True

    def account_of(self, customer_id: str) -> str | None:
        """The account whose customer this is or was; None if it is none of ours.

        Our own table says so. A customer recorded before the table kept owners is known by its metadata, if the account
        that these name has recorded it.
        """
        return self._accounts.owner_of(customer_id) or self._named(customer_id)

    def owner_of(self, customer_id: str) -> str | None:
        """The account whose customer this is or was, by our own table alone; Stripe is not asked."""
        return self._accounts.owner_of(customer_id)

    def adopt(self, customer_id: str) -> str | None:
        """The same, and an owner that only the metadata named is kept from now on."""
        owner = self._accounts.owner_of(customer_id)
        if owner is not None:
            return owner
        named = self._named(customer_id)
        if named is not None:
            self._accounts.keep_owner(customer_id, named)
        return named

    def _named(self, customer_id: str) -> str | None:
        named = self._payments.account_named_by(customer_id)
        if named is None or self._accounts.get(named).customer_id != customer_id:
            return None
        return named


@dataclass(frozen=True)
class _Creation:
    """The creation of an account's customer, as `once` asks for it."""

    account_id: str
    accounts: AccountStore
    payments: Payments

    def create(self, intent: Intent) -> str:
        return self.payments.create_customer(self.account_id, intent.intent_id)

    def find(self, intent: Intent) -> str | None:
        return self.payments.find_customer(self.account_id, intent.created_at)

    def missed(self, intent: Intent) -> None:
        self.accounts.customer_missed(self.account_id, intent)

    def renew(self, intent: Intent) -> Intent:
        return self.accounts.renew_customer(self.account_id, intent)

    def drop(self) -> None:
        """Have the next attempt begin under a new key: Stripe keeps a refusal under the old one."""
        self.renew(self.accounts.intend_customer(self.account_id))
