"""The meter on the stack: the plan's limit to the unit, and each unit in the month in which it was used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from aerostack_billing_client import LeasedMeter, LeaseTerms, PlanLimitExceeded, UnknownMetric
from tests.clients.conftest import HASTY
from tests.clients.people import Clients
from tests.flows.client import until

METRIC = "gateway_requests"
HARD_LIMIT = 5_500


@contextmanager
def metering(clients: Clients, **terms: int) -> Iterator[LeasedMeter]:
    """A meter by the stack's clock, which a test can move."""
    clock = clients.account.api.stack.clock.unix
    with LeasedMeter(clients.service, LeaseTerms(**terms), HASTY, clock=clock) as meter:
        yield meter


def used(clients: Clients, period: str | None = None) -> int:
    return clients.user.usage(period).usage[METRIC].used


def test_two_meters_pass_exactly_what_the_plan_allows(clients: Clients) -> None:
    clients.service.consume(clients.id, METRIC, HARD_LIMIT - 300)
    refusals: list[PlanLimitExceeded] = []

    def until_refused(meter: LeasedMeter) -> int:
        for count in range(1_000):
            try:
                meter.consume(clients.id, METRIC)
            except PlanLimitExceeded as refused:
                refusals.append(refused)
                return count
        raise AssertionError

    with metering(clients, most=50) as one, metering(clients, most=50) as other, ThreadPoolExecutor(4) as threads:
        passed = sum(threads.map(until_refused, (one, other, one, other)))
    assert used(clients) == HARD_LIMIT - 300 + passed <= HARD_LIMIT
    with metering(clients) as last:
        assert passed + until_refused(last) == 300
    assert used(clients) == HARD_LIMIT
    assert {(refused.metric, refused.hard_limit, refused.remaining) for refused in refusals} == {
        (METRIC, HARD_LIMIT, 0)
    }
    assert clients.user.usage().usage[METRIC].state == "blocked"


def test_more_than_one_lease_may_take_is_counted_by_several_to_the_unit(clients: Clients) -> None:
    with metering(clients) as meter:
        meter.consume(clients.id, METRIC, 4_000)
        meter.consume(clients.id, METRIC, 1_400)
        with pytest.raises(PlanLimitExceeded):
            meter.consume(clients.id, METRIC, 200)
        meter.consume(clients.id, METRIC, 100)
        assert meter.stats().consumed == HARD_LIMIT
    assert used(clients) == HARD_LIMIT


def test_a_block_goes_back_before_it_lapses(clients: Clients) -> None:
    with metering(clients, least=100, ttl_seconds=600, margin_seconds=300) as meter:
        meter.consume(clients.id, METRIC, 7)
        assert used(clients) == 100
        clients.account.api.advance(minutes=6)
        meter.consume(clients.id, METRIC)
        until(lambda: meter.stats().returned == 93)
        assert meter.stats().lost == 0
    assert used(clients) == 8


def test_units_count_in_the_month_in_which_they_are_used(clients: Clients) -> None:
    api = clients.account.api
    now = datetime.fromtimestamp(api.now(), UTC)
    month, next_month = now.strftime("%Y-%m"), datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    api.advance(minutes=(next_month.timestamp() - api.now()) / 60 - 30)
    with metering(clients, least=100, ttl_seconds=3_600, margin_seconds=60) as meter:
        meter.consume(clients.id, METRIC, 7)
        api.advance(minutes=31)
        meter.consume(clients.id, METRIC, 3)
    assert used(clients) == 3
    # What was in hand when the month ended is given back to it.
    assert used(clients, month) == 7


def test_what_the_plan_does_not_know_is_told(clients: Clients) -> None:
    with metering(clients) as meter, pytest.raises(UnknownMetric):
        meter.consume(clients.id, "coffees")
