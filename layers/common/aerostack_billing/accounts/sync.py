"""The one function that makes an account true to Stripe.

Webhooks, verify-session, cancel, resume, checkout and the reconciler all call it. It never believes an event: it reads
the account's version, asks Stripe for the customer's subscriptions, and writes what they say if the version is still
the one read. Whatever order, number or loss of deliveries there was, the last one to ask writes what Stripe says last.

The plan is written first. What is wrong at Stripe is mended afterwards: see `mending`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from aerostack_billing.accounts.choice import Choice, choose, rivals
from aerostack_billing.accounts.customers import Customers
from aerostack_billing.accounts.mending import Mending, PlanListener
from aerostack_billing.accounts.models import Account, PlanState, Trial, Upkeep
from aerostack_billing.accounts.plan_state import facts_of, plan_of
from aerostack_billing.accounts.store import AccountStore, VersionConflict
from aerostack_billing.accounts.trials import on_trial, repeated, trial_of
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.models import PlanSubscription, Subscription, Subscriptions
from aerostack_billing.payments.undoing import ReturnedPayment
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import Contended, ObjectMissing

_ATTEMPTS = 20
"""Each event writes the account: as many may have to wait for one another as Stripe sends at the same moment."""
_MEND_AGAIN_SECONDS = 300
_REPORTED_AT_MOST = 50


class CounterMoves(Protocol):
    """The room that keeps counters says what a change of plan does to them."""

    def of_plan(self, account_id: str, before: PlanState, after: PlanState) -> Sequence[Write]:
        """The writes to commit together with the change."""


@dataclass(frozen=True)
class Standing:
    """An account that is true to Stripe, and the subscription that makes it so.

    `foreign` are those of the customer's other subscriptions that are no plan's. `had_plan`: a plan began before, or
    has begun, paid or tried.
    """

    account: Account
    subscription: PlanSubscription | None
    foreign: tuple[Subscription, ...] = ()
    had_plan: bool = False


@dataclass(frozen=True)
class ExpectedPlan:
    """An account as it is, the plan that would be written, and the subscriptions that would be ended, by their ids.

    What was paid for the `surplus` ones would be given back; the `outranked` ones would end with their period.
    """

    account: Account
    plan: PlanState
    surplus: tuple[str, ...]
    outranked: tuple[str, ...]


@dataclass(frozen=True)
class _Look:
    """What Stripe says of an account now, and what is to be stored of it."""

    choice: Choice
    plan: PlanState
    upkeep: Upkeep
    foreign: tuple[Subscription, ...]
    had_plan: bool

    def standing(self, account: Account) -> Standing:
        """The account with this plan, as it stands at Stripe."""
        return Standing(account, self.choice.current, self.foreign, self.had_plan)


class PlanSync:
    """Brings accounts to what Stripe says."""

    def __init__(
        self,
        accounts: AccountStore,
        customers: Customers,
        payments: Payments,
        mending: Mending,
        counters: CounterMoves,
        listener: PlanListener,
        *,
        grace_days: int,
    ) -> None:
        self._accounts = accounts
        self._customers = customers
        self._payments = payments
        self._mending = mending
        self._counters = counters
        self._listener = listener
        self._grace_days = grace_days

    def make_true(self, account_id: str, processed: Write | None = None) -> Standing:
        """The account as Stripe's subscriptions have it now, stored.

        The record `processed` is written in the same transaction; AlreadyProcessed if it stands. Then what our Checkout
        sold beside the plan is ended and given back; what of that fails is taken up again later.
        StoreUnavailable if the account kept changing meanwhile.
        """
        return self._written(account_id, processed, lambda given: given)

    def end_unpaid(self, account_id: str, returned: ReturnedPayment, processed: Write | None = None) -> Standing:
        """Make the account true after a payment for a plan's current period was refunded in full or lost in a dispute.

        What our Checkout sold ends, and nothing is given back: what is used is paid for. That holds also beside the
        plan, which it would be again after another one ends. What a person made is left alone. Both are reported.
        """
        sold = self._payments.sold_by_checkout(account_id, returned.subscription_id)
        ending = {returned.subscription_id: None} if sold else {}
        standing = self._written(account_id, processed, lambda given: given, ending)
        self._listener.plan_needs_review(account_id, "payment_returned", returned.payment_intent_id)
        return standing

    def refund_failed(self, account_id: str, payment_intent_id: str, processed: Write | None = None) -> Standing:
        """Make the account true after a plan's payment was to be given back and the bank did not take it: reported."""
        standing = self._written(account_id, processed, lambda given: given)
        self._listener.plan_needs_review(account_id, "refund_failed", payment_intent_id)
        return standing

    def overrule(self, account_id: str, tier: Tier | None) -> Standing:
        """Give the account a tier whatever Stripe says, until None takes that back; counters move with it.

        Everything else stays what Stripe says, now and whenever the account is made true. Written and refused as
        `make_true` does.
        """
        return self._written(account_id, None, lambda _given: tier)

    def standing(self, account_id: str) -> Standing:
        """The account as Stripe's subscriptions have it now; nothing is written, nor done at Stripe.

        A customer that Stripe has no more is none here.
        """
        account = self._accounts.get(account_id)
        try:
            look = self._look(account, lambda given: given)
        except ObjectMissing:
            if account.customer_id is None or self._payments.has_customer(account.customer_id):
                raise
            account = replace(account, customer_id=None)
            look = self._look(account, lambda given: given)
        return look.standing(replace(account, plan=look.plan))

    def preview(self, account_id: str) -> ExpectedPlan:
        """What `make_true` would do now; nothing is written, nor done at Stripe."""
        return self._preview(account_id, lambda given: given)

    def preview_override(self, account_id: str, tier: Tier | None) -> ExpectedPlan:
        """What `overrule` would do now, likewise."""
        return self._preview(account_id, lambda _given: tier)

    def _preview(self, account_id: str, override: Callable[[Tier | None], Tier | None]) -> ExpectedPlan:
        account = self._accounts.get(account_id)
        look = self._look(account, override)
        return ExpectedPlan(
            account,
            look.plan,
            surplus=tuple(extra.subscription_id for extra in look.choice.surplus),
            outranked=tuple(old.subscription_id for old in look.choice.outranked if not old.ends),
        )

    def _written(
        self,
        account_id: str,
        processed: Write | None,
        override: Callable[[Tier | None], Tier | None],
        ending: Mapping[str, None] = MappingProxyType({}),
    ) -> Standing:
        for _ in attempts(_ATTEMPTS):
            account = self._accounts.get(account_id)
            try:
                look = self._look(account, override, ending)
                moves = self._counters.of_plan(account_id, account.plan, look.plan)
                after = self._accounts.write_plan(account, look.plan, moves, processed, look.upkeep)
            except ObjectMissing:
                if account.customer_id is None or not self._customers.forget_if_deleted(
                    account_id, account.customer_id
                ):
                    raise
            except VersionConflict:
                pass
            else:
                self._report(account, after)
                self._mending.mend(account, after, look.choice)
                return look.standing(after)
        raise Contended("The account is changing right now. Try again.")

    def _look(
        self,
        account: Account,
        override: Callable[[Tier | None], Tier | None],
        ending: Mapping[str, None] = MappingProxyType({}),
    ) -> _Look:
        listed = self._payments.subscriptions(account.customer_id) if account.customer_id else Subscriptions()
        trial = trial_of(account.plan.trial, listed)
        undoing = {**account.upkeep.undoing, **self._second_trials(account, listed, trial), **ending}
        sold = frozenset(
            each.subscription_id
            for each in rivals(listed)
            if self._payments.sold_by_checkout(account.account_id, each.subscription_id)
        )
        choice = choose(listed, recorded=account.plan.subscription_id, sold=sold, undoing=undoing)
        foreign = tuple(each for each in listed.known if not isinstance(each, PlanSubscription))
        paid = on_trial(plan_of(facts_of(choice, self._payments), self._grace_days), trial, choice.current)
        tier = override(account.plan.tier_override)
        plan = paid if tier is None else replace(paid, tier=tier, tier_override=tier)
        had_plan = trial is not None or listed.had_plan
        return _Look(choice, plan, self._upkeep(undoing, choice, plan), foreign, had_plan)

    def _second_trials(self, account: Account, listed: Subscriptions, trial: Trial | None) -> dict[str, None]:
        """What our Checkout sold on a second trial: it is ended, and as nothing was paid nothing is given back."""
        return {
            each.subscription_id: None
            for each in repeated(trial, listed)
            if self._payments.sold_by_checkout(account.account_id, each.subscription_id)
        }

    def _upkeep(self, undone: Mapping[str, int | None], choice: Choice, plan: PlanState) -> Upkeep:
        since = choice.current.created_at if choice.current else 0
        undoing = {**{extra.subscription_id: since for extra in choice.surplus}, **undone}
        again = clock.seconds() + _MEND_AGAIN_SECONDS
        due = [again] if undoing or any(not each.ends_with_period for each in choice.outranked) else []
        if plan.grace_ends_at is not None and not plan.lapsed:
            due.append(plan.grace_ends_at)
        reported = tuple(sorted(set(choice.for_review))[:_REPORTED_AT_MOST])
        return Upkeep(undoing, reported, min(due, default=None))

    def _report(self, before: Account, after: Account) -> None:
        for name in after.upkeep.reported:
            if name not in before.upkeep.reported:
                self._listener.plan_needs_review(after.account_id, "not_a_plan_or_competing", name)
