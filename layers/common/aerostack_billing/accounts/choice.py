"""Which of a customer's subscriptions is the account's plan, and what becomes of the others.

Only what our own Checkout sold is ended by machine. What a person made at Stripe outranks it, and is never undone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from aerostack_billing.payments.models import PlanSubscription, Subscription, Subscriptions

Standing = Literal["paid", "owing", "asleep", "begun", "over"]


def standing_of(subscription: Subscription) -> Standing:
    """What the subscription's status means here.

    `paid` and `owing` (the plan stays while Stripe tries to collect) give the plan; `asleep` gives none and may come
    back; `begun` was never paid. One whose collection staff paused without an end owes from the first period on that
    is not paid for.
    """
    match subscription.status:
        case "active" | "trialing":
            return "paid" if subscription.is_collected else "owing"
        case "past_due":
            return "owing"
        case "unpaid" | "paused":
            return "asleep"
        case "incomplete":
            return "begun"
        case "canceled" | "incomplete_expired":
            return "over"
        case _:
            assert_never(subscription.status)


@dataclass(frozen=True)
class Choice:
    """The subscription that is the plan, and the others.

    `surplus`: sold by our Checkout beside the current one; each is ended, and what was paid for it since the current
    one began is given back. `outranked`: sold by our Checkout and paid, beside one that a person made; ends with its
    period. `for_review`: no plan, unreadable, or made by a person beside the current one; reported and left alone.
    `unpaid`: the newest that ended in debt.
    """

    current: PlanSubscription | None = None
    surplus: tuple[PlanSubscription, ...] = ()
    outranked: tuple[PlanSubscription, ...] = ()
    for_review: tuple[str, ...] = ()
    unpaid: PlanSubscription | None = None


def rivals(listed: Subscriptions) -> list[PlanSubscription]:
    """The plans' subscriptions of which it matters who sold them: all, where there is more than one."""
    plans = [each for each in listed.known if isinstance(each, PlanSubscription)]
    return plans if len(plans) > 1 else []


def choose(
    listed: Subscriptions,
    *,
    recorded: str | None = None,
    sold: Collection[str] = (),
    undoing: Collection[str] = (),
) -> Choice:
    """The choice among all of a customer's subscriptions, given newest first, as Stripe lists them.

    Paid outranks owing; made by a person outranks `sold` by our Checkout; then the one that is `recorded` as the plan
    stays, then the first. Those in `undoing` are being ended and never count. The order of the list, and not
    `created_at`, says which came first: of two bought in one second it tells as well.
    """
    plans = [each for each in reversed(listed.known) if isinstance(each, PlanSubscription)]
    plans = [each for each in plans if each.subscription_id not in undoing]
    odd = [each.subscription_id for each in listed.known if not isinstance(each, PlanSubscription)]
    giving = [each for each in plans if standing_of(each) in {"paid", "owing"}]
    unpaid = [each for each in plans if each.status == "unpaid"]
    if not giving:
        return Choice(None, for_review=(*odd, *listed.unreadable), unpaid=unpaid[-1] if unpaid else None)
    current = min(
        giving,
        key=lambda each: (
            standing_of(each) != "paid",
            each.subscription_id in sold,
            each.subscription_id != recorded,
        ),
    )
    others = [each for each in plans if each is not current]
    ours = [each for each in others if each.subscription_id in sold] if standing_of(current) == "paid" else []
    outranked = _outranked(current, ours, sold)
    competing = [each.subscription_id for each in giving if each is not current and each not in ours]
    return Choice(
        current=current,
        surplus=tuple(each for each in ours if each not in outranked),
        outranked=tuple(outranked),
        for_review=(*odd, *listed.unreadable, *competing),
        unpaid=None,
    )


def _outranked(
    current: PlanSubscription, ours: Sequence[PlanSubscription], sold: Collection[str]
) -> list[PlanSubscription]:
    """Of what Checkout sold, what was paid for before a person gave the account another: it is used to its end."""
    if current.subscription_id in sold:
        return []
    return [each for each in ours if standing_of(each) == "paid"]
