"""One trial for an account, and what it may use of it: rules without a store."""

from __future__ import annotations

from dataclasses import replace

from aerostack_billing.accounts.models import PlanState, Trial
from aerostack_billing.payments.models import PlanSubscription, Subscriptions


def trial_of(recorded: Trial | None, listed: Subscriptions) -> Trial | None:
    """The account's one trial: the one that is recorded, else the first that Checkout sold; once paid for, for ever."""
    trial = recorded or (Trial(listed.tried[-1]) if listed.tried else None)
    if trial is None or trial.paid:
        return trial
    paid = any(each.subscription_id == trial.subscription_id and each.is_paid_after_trial for each in listed.known)
    return replace(trial, paid=paid)


def repeated(trial: Trial | None, listed: Subscriptions) -> list[PlanSubscription]:
    """The plans with a trial beside the account's one, of which nothing is paid: none of them may give a plan.

    They come from pages that were opened before the trial was known.
    """
    if trial is None:
        return []
    return [
        each
        for each in listed.known
        if isinstance(each, PlanSubscription) and each.subscription_id != trial.subscription_id and _is_unpaid(each)
    ]


def on_trial(plan: PlanState, trial: Trial | None, current: PlanSubscription | None) -> PlanState:
    """The plan with the account's trial. What staff put on trial, or put on again once it was paid, is in full."""
    if current is None:
        return replace(plan, trial=trial)
    own = trial if trial is not None and trial.subscription_id == current.subscription_id else None
    unpaid = _is_unpaid(current) if own is None else not own.paid
    return replace(plan, trial=trial, unpaid_trial=unpaid)


def _is_unpaid(subscription: PlanSubscription) -> bool:
    return subscription.sold_with_trial and not subscription.is_paid_after_trial
