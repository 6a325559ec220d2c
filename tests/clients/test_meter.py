"""The meter over HTTP: every unit it hands out is counted, none is counted that was not used, whatever fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from aerostack_billing_client import (
    LeasedMeter,
    LeaseTerms,
    PlanLimitExceeded,
    ServiceClient,
)
from tests.clients.conftest import HASTY
from tests.clients.metering import ACCOUNT, METRIC, Serving, metering, passed
from tests.clients.quota import Clock, Quota
from tests.flows.client import until


def test_many_units_cost_few_requests_and_all_of_them_are_counted(serving: Serving) -> None:
    quota = Quota(55_000)
    server = serving(quota.answer)
    with metering(server, quota.clock, least=100) as meter:
        assert passed(meter, 2_000) == 2_000
        assert quota.used >= 2_000
    assert quota.used == 2_000
    assert not quota.leases
    assert len(server.seen) < 60
    stats = meter.stats()
    assert stats.consumed == stats.granted - stats.returned == 2_000
    assert stats.lost == 0


def test_the_limit_holds_to_the_unit_at_any_concurrency_and_for_several_meters(serving: Serving) -> None:
    quota = Quota(700)
    server = serving(quota.answer)
    with metering(server, quota.clock) as one, metering(server, quota.clock) as other, ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda meter: passed(meter, 600), (one, other))
    assert quota.used == first + second <= 700
    # What is left is what one of them had in hand when the other was refused.
    assert first + second >= 600
    with metering(server, quota.clock) as last:
        assert passed(last, 200) == 700 - first - second
    assert quota.used == 700


def test_a_refusal_is_the_services_own_with_its_figures_and_counts_nothing(serving: Serving) -> None:
    quota = Quota(25)
    server = serving(quota.answer)
    with metering(server, quota.clock) as meter:
        meter.consume(ACCOUNT, METRIC, 20)
        with pytest.raises(PlanLimitExceeded) as refused:
            meter.consume(ACCOUNT, METRIC, 6)
        assert (refused.value.metric, refused.value.used, refused.value.remaining) == (METRIC, 25, 0)
        meter.consume(ACCOUNT, METRIC, 5)
        quota.limit = 100
        meter.consume(ACCOUNT, METRIC, 1)
    assert quota.used == 26


def test_a_request_for_far_too_much_takes_nothing_from_others(serving: Serving) -> None:
    quota = Quota(1_000)
    with metering(serving(quota.answer), quota.clock) as meter:
        with pytest.raises(PlanLimitExceeded):
            meter.consume(ACCOUNT, METRIC, 1_001)
        assert quota.used == 0


def test_accounts_and_metrics_have_their_own_blocks(serving: Serving) -> None:
    quota = Quota(10_000)
    server = serving(quota.answer)
    with metering(server, quota.clock) as meter:
        for account, metric in (("a", "x"), ("b", "x"), ("a", "y")):
            meter.consume(account, metric, 3)
    leased = {(s.body["account_id"], s.body["metric"]) for s in server.asked("/leases")}
    assert leased == {("a", "x"), ("b", "x"), ("a", "y")}
    assert quota.used == 9


def test_blocks_grow_with_the_rate_within_their_bounds(serving: Serving) -> None:
    quota = Quota(10**9)
    with metering(serving(quota.answer), quota.clock, least=5, most=50, ahead_seconds=10) as meter:
        for _ in range(400):
            meter.consume(ACCOUNT, METRIC)
        assert quota.asked[0] == 5
        assert max(quota.asked) == 50
        assert all(later <= 4 * earlier for earlier, later in zip(quota.asked, quota.asked[1:], strict=False))
        until(lambda: not any(known.asking or known.wanted for known in meter._quotas.values()))
        quota.clock.move(3_000)
        del quota.asked[:]
        meter.consume(ACCOUNT, METRIC)
        meter.consume(ACCOUNT, METRIC)
        assert set(quota.asked) == {5}


def test_a_block_is_given_back_before_it_expires_and_not_used_any_more(serving: Serving) -> None:
    quota = Quota(55_000)
    with metering(serving(quota.answer), quota.clock, least=100, ttl_seconds=60, margin_seconds=10) as meter:
        meter.consume(ACCOUNT, METRIC, 7)
        assert quota.used == 100
        quota.clock.move(50)
        meter.consume(ACCOUNT, METRIC)
        assert len(quota.asked) == 1
        quota.clock.move(1)
        meter.consume(ACCOUNT, METRIC)
        until(lambda: meter.stats().returned == 92)
        assert meter.stats().lost == 0
    assert quota.used == 9


def test_an_idle_block_is_given_back_by_itself(serving: Serving) -> None:
    quota = Quota(55_000)
    server = serving(quota.answer)
    with ServiceClient(server.base_url, "token", retries=HASTY) as billing:
        terms = LeaseTerms(least=100, ttl_seconds=3, margin_seconds=2.9)
        with LeasedMeter(billing, terms, HASTY) as meter:
            meter.consume(ACCOUNT, METRIC, 7)
            until(lambda: quota.used == 7)
            assert not meter._quotas
            meter.consume(ACCOUNT, METRIC)


def test_units_count_in_the_month_in_which_they_are_used(serving: Serving) -> None:
    quota = Quota(55_000, Clock(datetime(2026, 3, 31, 23, 59, 30, tzinfo=UTC)))
    with metering(serving(quota.answer), quota.clock, least=100) as meter:
        meter.consume(ACCOUNT, METRIC, 7)
        quota.clock.move(29.5)
        meter.consume(ACCOUNT, METRIC, 2)
        until(lambda: meter.stats().returned == 93)
        # In the month's last second a block serves who asked for it, and is given back.
        assert quota.counted["2026-03"] >= 9
        quota.clock.move(1)
        meter.consume(ACCOUNT, METRIC, 3)
    assert quota.counted == {"2026-03": 9, "2026-04": 3}


def test_the_year_ends_too(serving: Serving) -> None:
    quota = Quota(55_000, Clock(datetime(2026, 12, 31, 23, 59, 50, tzinfo=UTC)))
    with metering(serving(quota.answer), quota.clock) as meter:
        meter.consume(ACCOUNT, METRIC)
        quota.clock.move(11)
        meter.consume(ACCOUNT, METRIC)
    assert quota.counted == {"2026-12": 1, "2027-01": 1}


def test_the_last_units_of_a_limit_are_handed_out(serving: Serving) -> None:
    quota = Quota(13)
    with metering(serving(quota.answer), quota.clock, least=10) as meter:
        assert passed(meter, 20) == 13
    assert quota.used == 13


@pytest.mark.parametrize(
    "terms",
    [
        {"least": 0},
        {"least": 20, "most": 10},
        {"ttl_seconds": 3_601},
        {"ttl_seconds": 5, "margin_seconds": 5},
        {"ahead_seconds": 0},
        {"workers": 0},
    ],
)
def test_terms_that_cannot_work_are_refused(terms: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        LeaseTerms(**terms)
