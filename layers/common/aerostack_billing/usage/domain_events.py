"""The domain events of usage near or above a limit."""

from __future__ import annotations

from typing_extensions import TypedDict

from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform import clock
from aerostack_billing.usage.models import Figures, Level, Outlook, State


class ThresholdPassed(TypedDict):
    """A counter crossed a threshold. The figures are those after the call that crossed it. Null is unlimited."""

    plan_tier: Tier
    metric: str
    period: str
    used: int
    limit: int | None
    hard_limit: int | None
    remaining: int | None
    state: State


class LimitNear(ThresholdPassed):
    """80 % of the limit is used."""


class GraceEntered(ThresholdPassed):
    """Usage is above the limit, in the grace zone."""


class Blocked(ThresholdPassed):
    """Usage is at the hard limit. Nothing more passes until the next month or a plan change."""


class Forecast(TypedDict):
    """At the month's pace so far, usage reaches the limit before the month ends: `projected` is what it comes to then.

    Told to accounts that ask for it, once for each metric and month. Null is unlimited, or not reached this month.
    """

    plan_tier: Tier
    metric: str
    period: str
    used: int
    limit: int | None
    hard_limit: int | None
    projected: int
    limit_reached_at: str
    hard_limit_reached_at: str | None


TYPES = {
    "usage.forecast": Forecast,
    "usage.limit_near": LimitNear,
    "usage.grace_entered": GraceEntered,
    "usage.blocked": Blocked,
}

_OF_LEVEL = {Level.NEAR: "usage.limit_near", Level.GRACE: "usage.grace_entered", Level.BLOCKED: "usage.blocked"}


def threshold_event(account_id: str, tier: Tier, level: Level, figures: Figures) -> DomainEvent:
    """The event of a counter that reaches `level`."""
    data: ThresholdPassed = {
        "plan_tier": tier,
        "metric": figures.name,
        "period": figures.period,
        "used": figures.used,
        "limit": figures.limit,
        "hard_limit": figures.hard_limit,
        "remaining": figures.remaining,
        "state": figures.state,
    }
    return DomainEvent(_OF_LEVEL[level], account_id, f"{figures.period}/{figures.name}/{figures.used}", data)


def forecast_event(account_id: str, tier: Tier, outlook: Outlook) -> DomainEvent | None:
    """The event of a quota that reaches its limit this month at its pace; None for one that does not, or has."""
    reached_at = clock.iso(outlook.limit_reached_at)
    if reached_at is None or outlook.projected is None:
        return None
    figures = outlook.figures
    data: Forecast = {
        "plan_tier": tier,
        "metric": figures.name,
        "period": figures.period,
        "used": figures.used,
        "limit": figures.limit,
        "hard_limit": figures.hard_limit,
        "projected": outlook.projected,
        "limit_reached_at": reached_at,
        "hard_limit_reached_at": clock.iso(outlook.hard_limit_reached_at),
    }
    return DomainEvent("usage.forecast", account_id, f"{figures.period}/{figures.name}", data)
