"""Deposits: a Checkout page that brings money, credited by whoever hears of the payment first."""

from __future__ import annotations

from aerostack_billing.accounts.customers import Customers
from aerostack_billing.idempotency.pages import Page, Pages
from aerostack_billing.payments.cards import CardPayments
from aerostack_billing.payments.gateway import PageLinks
from aerostack_billing.values.redirects import RedirectPolicy, with_session_id
from aerostack_billing.wallet.requests import DepositRequest


class Deposits:
    """Opens the page on which a deposit is paid."""

    def __init__(
        self,
        customers: Customers,
        cards: CardPayments,
        pages: Pages,
        redirects: RedirectPolicy,
    ) -> None:
        self._customers = customers
        self._cards = cards
        self._pages = pages
        self._redirects = redirects

    def open(self, account_id: str, request: DepositRequest) -> Page:
        """The page for the amount. Nothing is credited before Stripe says that it was paid.

        InvalidRedirectUrl (422); IdempotencyKeyReused (409).
        """
        self._redirects.check("success_url", request.success_url)
        self._redirects.check("cancel_url", request.cancel_url)
        links = PageLinks(with_session_id(request.success_url), request.cancel_url)

        def make(key: str) -> str:
            return self._customers.using(
                account_id,
                lambda customer: self._cards.deposit_checkout(account_id, customer, request.amount_cents, links, key),
            )

        return self._pages.once("deposit", account_id, request, make)
