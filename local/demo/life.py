"""The demo's lives, lived through before the stack opens: six weeks on its clock, by its own routes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from local.demo.accounts import DEMO, PAST_DUE
from local.demo.visitor import DECLINES_WHEN_CHARGED, Visitor

DAYS: Final = 44
"""How long ago the lives begin. A subscription of a month renews once."""

_METER: Final = "billing:meter"
_CHARGE: Final = "billing:charge"
_SERVICE: Final = "svc_agents"

# Of the month under way and the one before, in what the Pro plan allows.
_USED_THIS_MONTH: Final = {
    "api_requests": 1_694_200,
    "ai_tokens": 6_120_480,
    "gateway_requests": 214_930,
    "mcp_proxy_calls": 88_412,
    "email_sends": 41_260,
}
_USED_LAST_MONTH: Final = {"api_requests": 1_402_115, "ai_tokens": 5_233_907, "gateway_requests": 187_004}
_PLACES: Final = {"projects": 6, "team_members": 4, "gateway_apis": 9, "mcp_workspaces": 3}
_PRICES: Final = {"bot_conversation": (10, 90), "agent_execution": (30, 240)}

Act: TypeAlias = Callable[[], object]


@dataclass(frozen=True)
class Moment:
    """Something that happens at a time."""

    at: datetime
    act: Act


def moments(visitor: Visitor, now: datetime, sweep: Act) -> list[Moment]:
    """All that happens until now, in order. `sweep` is what the stack's schedules would do in between."""
    start = now - timedelta(days=DAYS)
    return sorted(
        [*_demo(visitor, start, now, sweep), *_past_due(visitor, now)],
        key=lambda moment: moment.at,
    )


def _demo(visitor: Visitor, start: datetime, now: datetime, sweep: Act) -> Iterator[Moment]:
    account = DEMO.account
    yield Moment(start, lambda: visitor.subscribe(account, "pro"))
    yield Moment(start + timedelta(hours=2), lambda: visitor.deposit(account, 4_000))
    reload = {"enabled": True, "threshold_cents": 1_000, "amount_cents": 2_500}
    yield Moment(start + timedelta(hours=3), lambda: visitor.call(account, "PUT", "/api/balance/auto-reload", reload))
    yield Moment(start + timedelta(hours=4), lambda: _claim_places(visitor, account))
    month = datetime(now.year, now.month, 1, tzinfo=UTC)
    yield Moment(month - timedelta(days=3), lambda: _count(visitor, account, _USED_LAST_MONTH))
    yield Moment(max(month, now - timedelta(hours=5)), lambda: _count(visitor, account, _USED_THIS_MONTH))
    yield from _charges(visitor, start + timedelta(days=13), now, sweep)


def _charges(visitor: Visitor, start: datetime, now: datetime, sweep: Act) -> Iterator[Moment]:
    """A few a day, more on weekdays: the same ones at each start, so that a picture can be taken again."""
    drawn = random.Random(7)  # noqa: S311 - a picture, no secret
    numbers = itertools.count(1)
    day = start
    while day < now - timedelta(hours=6):
        for hour in sorted(drawn.sample(range(6, 21), 1 + (day.weekday() < 3))):
            kind = drawn.choice(list(_PRICES))
            cents = drawn.randint(*_PRICES[kind]) + drawn.randint(0, 99) / 100
            at = day.replace(hour=hour, minute=drawn.randrange(60))
            if at < now:
                yield Moment(at, _charge(visitor, kind, cents, next(numbers)))
        day += timedelta(days=1)
    for days in range(0, DAYS, 4):
        yield Moment(now - timedelta(days=days), sweep)


def _charge(visitor: Visitor, kind: str, cents: float, number: int) -> Act:
    body = {
        "account_id": DEMO.account,
        "kind": kind,
        "amount_cents": f"{cents:.2f}",
        "billing_mode": "wallet",
        "idempotency_key": f"demo-{number}",
        "reference": f"run-{number:04d}",
    }
    return lambda: visitor.call(_SERVICE, "POST", "/api/balance/charges", body, scopes=_CHARGE)


def _past_due(visitor: Visitor, now: datetime) -> Iterator[Moment]:
    """A month and two days ago: renewed the day before yesterday, or the one before, and declined."""
    account = PAST_DUE.account
    yield Moment(now - timedelta(days=33), lambda: visitor.subscribe(account, "starter"))
    yield Moment(now - timedelta(days=32), lambda: visitor.use_card(account, DECLINES_WHEN_CHARGED))
    yield Moment(now - timedelta(hours=4), lambda: _count(visitor, account, {"api_requests": 131_240}))


def _claim_places(visitor: Visitor, account: str) -> None:
    for kind, count in _PLACES.items():
        for number in range(count):
            path = f"/api/billing/resources/{kind}/{kind[:-1].replace('_', '-')}-{number + 1}"
            visitor.call(_SERVICE, "PUT", path, {"account_id": account}, scopes=_METER)


def _count(visitor: Visitor, account: str, used: dict[str, int]) -> None:
    events = [{"account_id": account, "metric": metric, "quantity": quantity} for metric, quantity in used.items()]
    visitor.call(_SERVICE, "POST", "/api/billing/usage/batch", {"events": events}, scopes=_METER)
