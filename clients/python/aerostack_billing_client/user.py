"""What a signed-in user may do, with the user's own token: plan, usage, wallet, earnings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from aerostack_billing_client.calling import Call
from aerostack_billing_client.client import Client, given, new_key
from aerostack_billing_client.plan_answers import Account, Cancelled, Page, Resources, Usage
from aerostack_billing_client.reading import read
from aerostack_billing_client.refusals import NothingToResume
from aerostack_billing_client.wallet_answers import AutoReload, Balance, CreatorAccount, Transaction, Transactions

PaidTier = Literal["starter", "pro", "business"]
Interval = Literal["monthly", "yearly"]
TransactionType = Literal[
    "deposit",
    "reload",
    "charge",
    "hold",
    "capture",
    "release",
    "charge_refund",
    "refund",
    "dispute",
    "dispute_reversal",
    "debt_payment",
    "grant",
]


class UserClient(Client):
    """Calls in the name of the account that the token names."""

    # Plan

    def account(self) -> Account:
        """The plan that the account is on."""
        return self._ask(Account, "GET", "/api/billing")

    def checkout(
        self,
        tier: PaidTier,
        billing_interval: Interval,
        *,
        success_url: str,
        cancel_url: str,
        idempotency_key: str | None = None,
    ) -> Page:
        """The page on which the plan is bought, or its change confirmed.

        Stripe appends `session_id` to `success_url`: hand it to `verify_session`. AlreadyOnPlan, InvalidRedirectUrl.
        """
        body = given(
            tier=tier,
            billing_interval=billing_interval,
            success_url=success_url,
            cancel_url=cancel_url,
            idempotency_key=idempotency_key or new_key(),
        )
        return self._ask(Page, "POST", "/api/billing/checkout", body)

    def verify_session(self, session_id: str) -> Account | Balance:
        """What was bought takes effect at once: the account after a plan, the wallet after a deposit.

        SessionNotFound, SessionNotPaid.
        """
        told = self._tell(Call(method="GET", path="/api/billing/verify-session", query={"session_id": session_id}))
        return read(Account, told) if isinstance(told, dict) and "plan_tier" in told else read(Balance, told)

    def cancel(self) -> Cancelled:
        """End the subscription with its period; saying so again changes nothing. NoActiveSubscription."""
        return self._ask(Cancelled, "POST", "/api/billing/cancel")

    def resume(self) -> Account:
        """Take a pending cancellation, or a pending cheaper plan, back. NothingToResume."""
        try:
            return self._ask(Account, "POST", "/api/billing/resume")
        except NothingToResume as nothing:
            # A try whose answer was lost may have been the one that resumed: nothing is pending now.
            if not nothing.earlier_unknown:
                raise
            return self.account()

    def portal(self, return_url: str | None = None) -> Page:
        """Stripe's page for cards, invoices and the subscription. NoStripeCustomer, InvalidRedirectUrl."""
        return self._ask(Page, "GET", "/api/billing/portal", query={"return_url": return_url})

    # Usage

    def usage(self, period: str | None = None) -> Usage:
        """The counters of this month, or of an older one: `2026-03`."""
        return self._ask(Usage, "GET", "/api/billing/usage", query={"period": period})

    def resources(self) -> Resources:
        """What exists, by kind, and what of it is read-only."""
        return self._ask(Resources, "GET", "/api/billing/resources")

    # Wallet

    def balance(self) -> Balance:
        """The wallet."""
        return self._ask(Balance, "GET", "/api/balance")

    def deposit(
        self, amount_cents: int, *, success_url: str, cancel_url: str, idempotency_key: str | None = None
    ) -> Page:
        """The page on which 500 to 50,000 whole cents are paid in; then `verify_session`. InvalidRedirectUrl."""
        body = given(
            amount_cents=amount_cents,
            success_url=success_url,
            cancel_url=cancel_url,
            idempotency_key=idempotency_key or new_key(),
        )
        return self._ask(Page, "POST", "/api/balance/deposit", body)

    def transactions(self, type: TransactionType | None = None, *, page_size: int = 100) -> Iterator[Transaction]:  # noqa: A002 - the API's own word
        """Every line of the statement, newest first; pages are fetched as they are needed."""
        cursor: str | None = None
        while True:
            page = self.transactions_page(type, limit=page_size, cursor=cursor)
            yield from page.transactions
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    def transactions_page(
        self,
        type: TransactionType | None = None,  # noqa: A002 - the API's own word
        *,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Transactions:
        """One page of the statement: up to 100 lines, from `next_cursor` of the page before."""
        query = {"limit": limit, "cursor": cursor, "type": type}
        return self._ask(Transactions, "GET", "/api/balance/transactions", query=query)

    def set_auto_reload(
        self,
        *,
        enabled: bool,
        threshold_cents: int | None = None,
        amount_cents: int | None = None,
        monthly_cap_cents: int | None = None,
    ) -> AutoReload:
        """Keep the wallet filled by the saved card: below the threshold, bring the amount. NoPaymentMethod."""
        settings = given(
            enabled=enabled,
            threshold_cents=threshold_cents,
            amount_cents=amount_cents,
            monthly_cap_cents=monthly_cap_cents,
        )
        return self._ask(AutoReload, "PUT", "/api/balance/auto-reload", settings)

    def set_spend_cap(self, monthly_cap_cents: int | None) -> Balance:
        """Spend at most so much in a calendar month; None takes the cap away."""
        return self._ask(Balance, "PUT", "/api/balance/spend-cap", {"monthly_cap_cents": monthly_cap_cents})

    # Creators

    def onboard_creator(self, *, return_url: str, refresh_url: str) -> Page:
        """The page on which a creator connects to Stripe, to be paid. AlreadyOnboarded."""
        body = given(return_url=return_url, refresh_url=refresh_url)
        return self._ask(Page, "POST", "/api/creators/onboard", body)

    def creator(self) -> CreatorAccount:
        """What the account earned as a creator."""
        return self._ask(CreatorAccount, "GET", "/api/creators/me")
