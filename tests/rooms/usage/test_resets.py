"""An operator sets a month's counter to zero: all of it is given back, and nothing of it twice."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import PlanLimitExceeded
from tests.rooms.conftest import Time
from tests.rooms.worlds.plans import set_plan
from tests.rooms.worlds.usage import consume

MOST_OF_STARTER = 575_000


def left(parts: Runtime, account: str) -> int:
    """How many requests pass this month, one after another."""
    with pytest.raises(PlanLimitExceeded) as refused:
        consume(parts, account, 1_000_000_000)
    assert isinstance(refused.value.details["remaining"], int)
    return refused.value.details["remaining"]


def test_what_was_carried_into_a_month_and_reset_is_not_given_back_again_when_the_next_period_begins(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 31)
    set_plan(parts, account, "starter", time_stands.at)
    consume(parts, account, 300_000)
    time_stands.to(2026, 4, 1)
    consume(parts, account, 100_000)
    assert parts.usage.resets.reset(account, "api_requests").used == 400_000
    consume(parts, account, 500_000)
    time_stands.to(2026, 4, 30)
    set_plan(parts, account, "starter", time_stands.at)
    assert left(parts, account) == MOST_OF_STARTER - 500_000
    assert parts.audit.service.run(account).violations == ()


def test_what_is_used_after_a_reset_is_carried_whole_into_the_next_month(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 10)
    consume(parts, account, 40_000)
    time_stands.to(2026, 3, 31)
    set_plan(parts, account, "starter", time_stands.at)
    parts.usage.resets.reset(account, "api_requests")
    consume(parts, account, 100_000)
    time_stands.to(2026, 4, 1)
    assert left(parts, account) == MOST_OF_STARTER - 100_000


def test_another_metric_keeps_what_was_carried(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 3, 31)
    set_plan(parts, account, "starter", time_stands.at)
    consume(parts, account, 300_000)
    consume(parts, account, 10, "ai_tokens")
    time_stands.to(2026, 4, 1)
    consume(parts, account, 1)
    parts.usage.resets.reset(account, "ai_tokens")
    time_stands.to(2026, 4, 30)
    set_plan(parts, account, "starter", time_stands.at)
    assert left(parts, account) == MOST_OF_STARTER - 1


def test_what_a_change_of_plan_brought_into_the_month_is_given_back_with_it(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 10)
    set_plan(parts, account, "pro", time_stands.at)
    consume(parts, account, 2_400_000)
    time_stands.to(2026, 4, 3)
    set_plan(parts, account, "business", time_stands.at)
    assert parts.usage.store.standing(account, "2026-04").began.from_before("2026-04")["api_requests"] > 400_000
    parts.usage.resets.reset(account, "api_requests")
    assert parts.usage.store.standing(account, "2026-04").began.from_before("2026-04")["api_requests"] == 0
    assert parts.audit.service.run(account).violations == ()
