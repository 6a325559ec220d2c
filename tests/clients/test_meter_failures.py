"""The meter while the service fails, and threads that wait for one block: who is told what, and what it costs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing_client import (
    InvalidRequest,
    PlanLimitExceeded,
    Retries,
    StoreUnavailable,
    Unanswered,
    Unavailable,
)
from aerostack_billing_client.blocks import Elapsed
from aerostack_billing_client.errors import error_in
from tests.clients.faults import LOST_AFTER, LOST_BEFORE, FaultServer, failed, refusal
from tests.clients.metering import ACCOUNT, METRIC, Scripted, Serving, metering, outcomes, refused, waiting
from tests.clients.quota import Clock, Quota
from tests.flows.client import until


def test_a_lease_whose_answer_was_lost_costs_its_block_and_the_next_try_asks_for_no_more_than_needed(
    serving: Serving,
) -> None:
    quota = Quota(55_000)
    server = serving(quota.answer)
    with metering(server, quota.clock, least=100) as meter:
        server.spoil(LOST_AFTER, path="/leases")
        meter.consume(ACCOUNT, METRIC, 3)
        assert quota.asked[:2] == [100, 3]
        assert meter.stats().lost == 100
    assert quota.used == 103
    assert meter.stats().granted - meter.stats().returned == 3


@pytest.mark.parametrize("fault", [LOST_BEFORE, failed(503), failed(500, code="INTERNAL_ERROR")])
def test_a_moments_failure_is_not_seen(serving: Serving, fault: object) -> None:
    quota = Quota(55_000)
    server = serving(quota.answer)
    with metering(server, quota.clock) as meter:
        server.spoil(fault, path="/leases")  # type: ignore[arg-type]
        meter.consume(ACCOUNT, METRIC)
    assert quota.used == 1


def test_a_burst_limit_is_waited_out(serving: Serving) -> None:
    quota = Quota(55_000)
    server = serving(quota.answer)
    server.spoil(*[failed(429, code="RATE_LIMIT_EXCEEDED")] * 5, path="/leases")
    with metering(server, quota.clock) as meter:
        meter.consume(ACCOUNT, METRIC)
        assert meter.stats().lost == 0
    assert quota.used == 1


def test_what_is_in_hand_is_handed_out_while_the_service_is_down_and_then_everyone_waiting_is_told(
    serving: Serving,
) -> None:
    quota = Quota(55_000)
    server = serving(quota.answer)
    with metering(server, quota.clock, least=100) as meter:
        meter.consume(ACCOUNT, METRIC)
        server.answer = lambda _: refusal(503, "STORE_UNAVAILABLE")
        meter.consume(ACCOUNT, METRIC, 99)

        def one(_: int) -> bool:
            try:
                meter.consume(ACCOUNT, METRIC)
            except StoreUnavailable:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            assert not any(threads.map(one, range(8)))
        server.answer = quota.answer
        meter.consume(ACCOUNT, METRIC)
    assert quota.used == 101
    assert meter.stats().consumed == 101


def test_a_settlement_whose_answer_was_lost_gives_back_once(serving: Serving) -> None:
    quota = Quota(55_000)
    server = serving(quota.answer)
    with metering(server, quota.clock, least=100) as meter:
        meter.consume(ACCOUNT, METRIC, 40)
        server.spoil(LOST_AFTER, failed(503), path="/settle")
    assert quota.used == 40
    assert len({seen.path for seen in server.asked("/settle")}) == 1
    assert len(server.asked("/settle")) == 3


def test_a_settlement_that_fails_for_good_leaves_the_rest_counted_and_closing_says_so(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    quota = Quota(55_000)
    server = serving(quota.answer)
    with metering(server, quota.clock, least=100) as meter:
        meter.consume(ACCOUNT, METRIC, 40)
        server.spoil(failed(404, code="LEASE_NOT_FOUND"), path="/settle")
    assert quota.used == 100
    assert meter.stats().lost == 60
    assert "60 units of api_requests could not be given back" in caplog.text


def test_what_is_wrong_with_a_request_is_told_to_who_made_it_alone(serving: Serving) -> None:
    server = serving(lambda _: refusal(422, "INVALID_REQUEST"))
    with metering(server, Clock()) as meter:
        with pytest.raises(InvalidRequest):
            meter.consume(ACCOUNT, METRIC)
        assert not meter._quotas
        with pytest.raises(ValueError, match="at least 1"):
            meter.consume(ACCOUNT, METRIC, 0)


# Those who wait for one another


def test_a_refusal_that_was_under_way_before_a_thread_came_is_no_answer_to_it() -> None:
    leases = Scripted()
    with waiting(leases, 2) as (_, wanting):
        leases.answers.put(refused())
        until(lambda: len(leases.asked) == 2)
        leases.answers.put(10)
        assert outcomes(wanting) == [PlanLimitExceeded, None]


def test_a_refusal_that_was_asked_for_after_threads_came_answers_all_of_them() -> None:
    leases = Scripted()
    with waiting(leases, 8) as (_, wanting):
        leases.answers.put(1)
        until(lambda: len(leases.asked) >= 2)
        # A worker may be the one who asks, to be ahead: its refusal is told to nobody.
        for _ in range(8):
            leases.answers.put(refused())
        assert outcomes(wanting).count(None) == 1
        assert outcomes(wanting).count(PlanLimitExceeded) == 7
        assert len(leases.asked) <= 3


def test_a_failure_is_told_to_all_who_waited_for_the_block() -> None:
    leases = Scripted()
    with waiting(leases, 8) as (meter, wanting):
        for _ in range(3):
            leases.answers.put(error_in(503, None))
        assert outcomes(wanting) == [Unavailable] * 8
        assert leases.asked == [10, 1, 1]
        assert meter.stats().lost == 12


def test_what_is_wrong_with_one_threads_request_is_not_told_to_the_others() -> None:
    leases = Scripted()
    with waiting(leases, 2) as (_, wanting):
        leases.answers.put(error_in(422, {"error": {"code": "INVALID_REQUEST", "message": "m"}}))
        leases.answers.put(10)
        assert outcomes(wanting) == [InvalidRequest, None]


def test_time_passes_by_whichever_clock_went_further() -> None:
    steady, wall = [0.0], [1_000.0]
    elapsed = Elapsed(lambda: steady[0], lambda: wall[0])
    seen = []
    # Both go on; the machine sleeps; the wall clock is set back, and then both go on.
    for steady[0], wall[0] in ((1, 1_001), (1, 1_101), (2, 500), (4, 502)):
        seen.append(elapsed())
    assert seen == [1, 101, 102, 104]


def test_an_unreachable_service_is_told_within_the_deadline(serving: Serving) -> None:
    with FaultServer(Quota(1).answer) as gone:
        pass
    patience = Retries(deadline_seconds=0.05, first_wait_seconds=0.001)
    with metering(gone, Clock(), retries=patience) as meter, pytest.raises(Unanswered):
        meter.consume(ACCOUNT, METRIC)
    assert meter.stats().lost == 0
