"""A forecast is arithmetic: what was used so far, over the time that is over, for the time that is left."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.pace import NEEDED_SECONDS, Month
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.plans import set_plan
from tests.rooms.worlds.usage import consume
from tests.rooms.worlds.wallet import charge, fund

DAY = 86_400
APRIL = Month(0, 30 * DAY, 10 * DAY)


def shown(parts: Runtime, account: str) -> dict[str, Any]:
    found: Any = parts.usage.forecast.view(account)["usage"]
    return found["api_requests"]


def test_at_an_even_pace_a_third_of_the_month_is_a_third_of_its_usage(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 4, 1)
    consume(parts, account, 20_000)
    time_stands.to(2026, 4, 11)
    forecast = shown(parts, account)
    assert (forecast["used"], forecast["limit"], forecast["projected"]) == (20_000, 50_000, 60_000)
    assert forecast["limit_reached_at"] == "2026-04-26T00:00:00Z"
    assert forecast["hard_limit_reached_at"] == "2026-04-28T12:00:00Z"


def test_before_a_day_is_over_nothing_is_forecast(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 4, 1)
    consume(parts, account, 20_000)
    time_stands.to(2026, 4, 1, 23, 59, 59)
    forecast = shown(parts, account)
    assert (forecast["used"], forecast["projected"], forecast["limit_reached_at"]) == (20_000, None, None)
    time_stands.to(2026, 4, 2)
    assert shown(parts, account)["projected"] == 600_000
    assert shown(parts, account)["limit_reached_at"] == "2026-04-03T12:00:00Z"


def test_a_limit_that_is_reached_has_no_date_any_more(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 4, 1)
    consume(parts, account, 50_000)
    time_stands.to(2026, 4, 11)
    forecast = shown(parts, account)
    assert forecast["limit_reached_at"] is None
    assert forecast["hard_limit_reached_at"] == "2026-04-12T00:00:00Z"


def test_who_used_nothing_is_forecast_nothing(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 4, 11)
    assert (shown(parts, account)["projected"], shown(parts, account)["limit_reached_at"]) == (0, None)


def test_what_a_paid_period_carried_into_the_month_is_used_and_no_pace(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 20)
    set_plan(parts, account, "pro", time_stands.at)
    consume(parts, account, 300_000)
    time_stands.to(2026, 4, 1)
    consume(parts, account, 10_000)
    time_stands.to(2026, 4, 11)
    forecast = shown(parts, account)
    assert (forecast["used"], forecast["projected"]) == (310_000, 330_000)


def test_what_a_change_of_plan_brought_into_the_month_is_used_and_no_pace(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 10)
    set_plan(parts, account, "pro", time_stands.at)
    consume(parts, account, 2_400_000)
    time_stands.to(2026, 4, 4)
    set_plan(parts, account, "business", time_stands.at)
    brought = shown(parts, account)["used"]
    assert brought > 300_000
    consume(parts, account, 10_000)
    time_stands.to(2026, 4, 11)
    forecast = shown(parts, account)
    assert (forecast["used"], forecast["projected"]) == (brought + 10_000, brought + 30_000)


def test_spending_is_forecast_alike(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 4, 1)
    fund(parts, account, 10_000)
    charge(parts, account, 500, "k")
    time_stands.to(2026, 4, 11)
    assert parts.wallet.spending_forecast.view(account) == {"spent_cents": 500, "projected_cents": 1_500}
    time_stands.to(2026, 5, 1, 12)
    assert parts.wallet.spending_forecast.view(account) == {"spent_cents": 0, "projected_cents": None}


@given(used=st.integers(0, 10**12), own=st.integers(0, 10**12), ceiling=st.integers(1, 10**12))
def test_a_limit_is_reached_this_month_exactly_where_the_projection_is_above_it(
    used: int, own: int, ceiling: int
) -> None:
    own = min(own, used)
    projected, at = APRIL.projected(used, own), APRIL.reached_at(ceiling, used, own)
    assert projected is not None
    assert projected >= used
    if at is None:
        assert used >= ceiling or projected <= ceiling
    else:
        assert APRIL.now <= at < APRIL.ends_at
        assert used < ceiling <= projected + 1


@given(now=st.integers(0, 30 * DAY), used=st.integers(0, 10**12))
def test_a_pace_is_told_after_a_day(now: int, used: int) -> None:
    assert (Month(0, 30 * DAY, now).projected(used) is None) == (now < NEEDED_SECONDS)


def test_twelve_months_are_shown_in_one_request_oldest_first(
    parts: Runtime, account: str, time_stands: Time, meter: Meter
) -> None:
    for month in (1, 2, 4):
        time_stands.to(2026, month, 10)
        consume(parts, account, month)
    meter.reset()
    view: Any = parts.usage.overview.view(account, None, "12")
    assert meter.requests == 1
    assert [each["period"] for each in view["history"]] == [
        *(f"2025-{month:02d}" for month in range(5, 13)),
        *(f"2026-{month:02d}" for month in range(1, 5)),
    ]
    counted = [each["usage"]["api_requests"]["used"] for each in view["history"]]
    assert counted == [*[0] * 8, 1, 2, 0, 4]
    assert view["period"] == "2026-04"
    assert parts.usage.overview.view(account, "2026-02", "1")["history"] == view["history"][9:10]
    assert parts.usage.overview.view(account, None)["history"] == []


@pytest.mark.parametrize("months", ["0", "13", "-1", "1.5", "", "twelve", "\u0661"])
def test_a_number_of_months_out_of_range_is_refused(parts: Runtime, account: str, months: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parts.usage.overview.view(account, None, months)
    assert set(refused.value.details) == {"months"}
