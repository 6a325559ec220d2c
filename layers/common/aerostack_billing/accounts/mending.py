"""Mending what is wrong at Stripe, after the account is true: it may fail, be refused and take days.

What is to be undone is stored with the plan, in the same write, and taken up again until it is done: by whatever asks
for the account next, and by the reconciler. Nothing here fails whoever asked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal, Protocol

from aerostack_billing.accounts.choice import Choice
from aerostack_billing.accounts.models import Account
from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.models import Subscription
from aerostack_billing.payments.undoing import Undoing
from aerostack_billing.values.errors import BillingError, RequestInProgress

Finding = Literal["not_a_plan_or_competing", "not_given_back", "not_undone_yet", "payment_returned", "refund_failed"]
"""What a person is to look at: a subscription that is no plan, or made manually beside the plan, and so left alone; a
payment for a surplus subscription that Stripe will not refund; a surplus subscription that could not be undone now; a
payment for the current period of a plan that was refunded in full, or lost in a dispute; a payment for a plan whose
refund the bank sent back, days later too."""


class PlanListener(Protocol):
    """Whoever tells operators what a person has to look at."""

    def plan_needs_review(self, account_id: str, finding: Finding, name: str) -> None:
        """Called with the Stripe id of what was found; once for each subscription that is left alone."""


class Mending:
    """Ends at Stripe what our Checkout sold beside the account's plan."""

    def __init__(self, accounts: AccountStore, payments: Payments, undoing: Undoing, listener: PlanListener) -> None:
        self._accounts = accounts
        self._payments = payments
        self._undoing = undoing
        self._listener = listener

    def mend(self, before: Account, account: Account, choice: Choice) -> None:
        """Do what can be done now of what the account's upkeep and the choice ask for.

        What failed already before this, and fails again, is reported: a person may have to look.
        """
        for outranked in choice.outranked:
            if not outranked.ends_with_period:
                end = functools.partial(self._end_with_period, outranked)
                self._guarded(account, outranked.subscription_id, end, report=True)
        done = [
            name
            for name, since in account.upkeep.undoing.items()
            if self._guarded(
                account,
                name,
                functools.partial(self._undo, since=since),
                report=name in before.upkeep.undoing,
            )
        ]
        if done:
            self._accounts.undone(account.account_id, done)

    def _guarded(self, account: Account, name: str, act: Callable[[Account, str], bool], *, report: bool) -> bool:
        """Whether the act is done; one that fails is done at the next review."""
        try:
            return act(account, name)
        except RequestInProgress:
            # A concurrent duplicate is at it.
            return False
        except BillingError:
            if report:
                self._listener.plan_needs_review(account.account_id, "not_undone_yet", name)
            return False

    def _end_with_period(self, outranked: Subscription, _account: Account, _name: str) -> bool:
        self._payments.end_with_period(outranked)
        return True

    def _undo(self, account: Account, subscription_id: str, *, since: int | None) -> bool:
        undone = self._undoing.undo(subscription_id, since)
        for payment in undone.not_returned:
            self._listener.plan_needs_review(account.account_id, "not_given_back", payment)
        return not undone.waits
