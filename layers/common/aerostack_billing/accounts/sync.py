"""The one function that makes an account true to Stripe.

Webhooks, verify-session, cancel, resume, checkout and the reconciler all call it. It never believes an event: it reads
the account's version, asks Stripe for the customer's subscriptions, and writes what they say if the version is still
the one read. Whatever order, number or loss of deliveries there was, the last one to ask writes what Stripe says last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from aerostack_billing.accounts.customers import Customers
from aerostack_billing.accounts.models import Account, IssueReason, PaymentIssue, PendingChange, PlanState, Status
from aerostack_billing.accounts.store import AccountStore, VersionConflict
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.models import Subscription, SubscriptionStatus
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import ObjectMissing, StoreUnavailable

_ATTEMPTS = 20
"""Each event writes the account: as many may have to wait for one another as Stripe sends at the same moment."""
_PAYING: dict[SubscriptionStatus, Status] = {"active": "active", "trialing": "trialing", "past_due": "past_due"}
"""The statuses that keep the plan. In every other the account is Free."""
_ASLEEP: frozenset[SubscriptionStatus] = frozenset({"unpaid", "paused"})
"""The statuses that give no plan and may come back to one that does."""


class CounterMoves(Protocol):
    """The room that keeps counters says what a change of tier does to them."""

    def moves(self, account_id: str, before: Tier, after: Tier) -> Sequence[Write]:
        """The writes to commit together with the change."""


@dataclass(frozen=True)
class Standing:
    """An account that is true to Stripe, and the subscription that makes it so."""

    account: Account
    subscription: Subscription | None


@dataclass(frozen=True)
class Foreseen:
    """An account as it is, the plan that would be written, and the subscriptions that would be ended, by their ids."""

    account: Account
    plan: PlanState
    refunded: tuple[str, ...]
    cancelled: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """Which of a customer's subscriptions counts: the first that was paid for. Others that are paid are surplus.

    `left_over` are those that ended in debt or were paused before the current one was bought in their stead: brought
    back to life, by an old invoice that is paid after all, they would be the first that was paid for again.
    """

    current: Subscription | None
    surplus: tuple[Subscription, ...]
    unpaid: Subscription | None
    left_over: tuple[Subscription, ...] = ()


def choose(subscriptions: Sequence[Subscription]) -> Choice:
    """The choice among all of a customer's subscriptions, given newest first, as Stripe lists them.

    It depends on what Stripe says alone, so that all who choose at the same moment choose the same. The order of the
    list, and not `created`, says which came first: of two paid in one second it tells as well.
    """
    by_age = subscriptions[::-1]
    paying = [s for s in by_age if s.status in _PAYING]
    unpaid = [s for s in by_age if s.status == "unpaid"]
    left_over = tuple(s for s in by_age if s.status in _ASLEEP) if paying else ()
    return Choice(paying[0] if paying else None, tuple(paying[1:]), unpaid[-1] if unpaid else None, left_over)


class PlanSync:
    """Brings accounts to what Stripe says."""

    def __init__(
        self, accounts: AccountStore, customers: Customers, payments: Payments, counters: CounterMoves
    ) -> None:
        self._accounts = accounts
        self._customers = customers
        self._payments = payments
        self._counters = counters

    def make_true(self, account_id: str, mark: Write | None = None) -> Standing:
        """The account as Stripe's subscriptions have it now, stored.

        `mark` is written in the same transaction; AlreadyMarked if it stands. A second subscription that was paid is
        refunded and cancelled; one that was left unpaid before this one was bought is cancelled too. StoreUnavailable
        if the account kept changing meanwhile; UnknownPrice if the subscription is to no plan of ours.
        """
        return self._written(account_id, mark, lambda given: given)

    def overrule(self, account_id: str, tier: Tier | None) -> Standing:
        """Give the account a tier whatever Stripe says, until None takes that back; counters move with it.

        Everything else stays what Stripe says, now and whenever the account is made true. Written and refused as
        `make_true` does.
        """
        return self._written(account_id, None, lambda _given: tier)

    def foresee(self, account_id: str) -> Foreseen:
        """What `make_true` would do now; nothing is written, nor done at Stripe."""
        return self._foreseen(account_id, lambda given: given)

    def foresee_overruling(self, account_id: str, tier: Tier | None) -> Foreseen:
        """What `overrule` would do now, likewise."""
        return self._foreseen(account_id, lambda _given: tier)

    def _foreseen(self, account_id: str, override: Callable[[Tier | None], Tier | None]) -> Foreseen:
        account = self._accounts.get(account_id)
        choice = self._choice(account)
        return Foreseen(
            account,
            self._plan_of(choice, override(account.plan.tier_override)),
            refunded=tuple(extra.subscription_id for extra in choice.surplus),
            cancelled=tuple(old.subscription_id for old in choice.left_over),
        )

    def _written(self, account_id: str, mark: Write | None, override: Callable[[Tier | None], Tier | None]) -> Standing:
        for _ in attempts(_ATTEMPTS):
            account = self._accounts.get(account_id)
            try:
                choice = self._choice(account)
            except VersionConflict:
                continue
            for extra in choice.surplus:
                self._undo(extra)
            for old in choice.left_over:
                self._payments.cancel_now(old.subscription_id)
            plan = self._plan_of(choice, override(account.plan.tier_override))
            counters = self._counters.moves(account_id, account.plan.tier, plan.tier)
            try:
                return Standing(self._accounts.write_plan(account, plan, counters, mark), choice.current)
            except VersionConflict:
                continue
        raise StoreUnavailable("The account is changing right now. Try again.")

    def _choice(self, account: Account) -> Choice:
        if account.customer_id is None:
            return choose([])
        try:
            return choose(self._payments.subscriptions(account.customer_id))
        except ObjectMissing:
            if not self._customers.forget_if_deleted(account.account_id, account.customer_id):
                raise
        raise VersionConflict(account.account_id)

    def _undo(self, subscription: Subscription) -> None:
        """Give the money of a surplus subscription back, then end it.

        In this order: broken off between the two, the subscription is still found surplus and the refund, by its key
        and by Stripe's own check, is not made again.
        """
        invoice = subscription.latest_invoice
        for payment_intent_id in invoice.intents("paid") if invoice else []:
            self._payments.refund(payment_intent_id, f"refund-surplus-{payment_intent_id}")
        self._payments.cancel_now(subscription.subscription_id)

    def _plan_of(self, choice: Choice, override: Tier | None) -> PlanState:
        paid = self._paid_plan(choice)
        return paid if override is None else replace(paid, tier=override, tier_override=override)

    def _paid_plan(self, choice: Choice) -> PlanState:
        current = choice.current
        if current is None:
            issue = _issue(choice.unpaid, "unpaid") if choice.unpaid else None
            return PlanState(status="unpaid" if issue else "active", payment_issue=issue)
        return PlanState(
            tier=current.tier,
            status=_PAYING[current.status],
            interval=current.interval,
            subscription_id=current.subscription_id,
            period_start=current.period_start,
            period_end=current.period_end,
            cancel_at_period_end=current.ends,
            pending_change=self._pending_change(current),
            payment_issue=self._dunning(current) if current.status == "past_due" else None,
        )

    def _pending_change(self, current: Subscription) -> PendingChange | None:
        if current.schedule_id is None:
            return None
        phase = self._payments.next_phase(current.schedule_id, clock.seconds())
        if phase is None or (phase.tier, phase.interval) == (current.tier, current.interval):
            return None
        return PendingChange(phase.tier, phase.interval, phase.starts_at)

    def _dunning(self, current: Subscription) -> PaymentIssue:
        intents = current.latest_invoice.intents("open") if current.latest_invoice else []
        asked = any(self._payments.needs_action(intent) for intent in intents[-1:])
        return _issue(current, "action_required" if asked else "past_due")


def _issue(subscription: Subscription, reason: IssueReason) -> PaymentIssue:
    invoice = subscription.latest_invoice
    if invoice is None:
        return PaymentIssue(reason, None, None)
    return PaymentIssue(reason, invoice.hosted_url, invoice.next_attempt_at)
