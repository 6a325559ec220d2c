"""The meter over HTTP: every unit it hands out is counted, none is counted that was not used, whatever fails."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aerostack_billing_client import (
    BillingError,
    InvalidRequest,
    Leased,
    LeasedMeter,
    LeaseTerms,
    PlanLimitExceeded,
    Retries,
    ServiceClient,
    Settled,
    StoreUnavailable,
    Unanswered,
    Unavailable,
)
from aerostack_billing_client.blocks import Elapsed
from aerostack_billing_client.errors import error_in
from tests.clients.conftest import HASTY
from tests.clients.faults import LOST_AFTER, LOST_BEFORE, Answering, FaultServer, failed, refusal
from tests.clients.quota import NOON, Clock, Quota
from tests.flows.client import until

ROOT = Path(__file__).parents[2]
ACCOUNT = "acct_metered"
METRIC = "api_requests"
Serving = Callable[[Answering], FaultServer]


@contextmanager
def metering(server: FaultServer, clock: Clock, *, retries: Retries = HASTY, **terms: float) -> Iterator[LeasedMeter]:
    """A meter by the service's own clock."""
    with ServiceClient(server.base_url, "token", retries=retries) as billing:
        meter = LeasedMeter(billing, LeaseTerms(**terms), retries, clock=clock.elapsed)  # type: ignore[arg-type]
        with meter:
            yield meter


def passed(meter: LeasedMeter, times: int) -> int:
    """How many of so many single units pass."""

    def one(_: int) -> int:
        try:
            meter.consume(ACCOUNT, METRIC)
        except PlanLimitExceeded:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(one, range(times)))


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


# Failures


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


class Scripted:
    """Leases that a test answers one by one."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answers: queue.Queue[int | BillingError] = queue.Queue()
        self.settled: list[tuple[str, int]] = []

    def lease(self, _account: str, _metric: str, quantity: int, *, ttl_seconds: int, **_: object) -> Leased:
        self.asked.append(quantity)
        answer = self.answers.get(timeout=60)
        if isinstance(answer, BillingError):
            raise answer
        ends = NOON + timedelta(seconds=ttl_seconds)
        return Leased(lease_id=f"lease.{len(self.asked)}", period="2026-03", granted=answer, expires_at=ends)

    def settle(self, _account: str, lease_id: str, used: int) -> Settled:
        self.settled.append((lease_id, used))
        return Settled(returned=0)


@contextmanager
def waiting(leases: Scripted, threads: int) -> Iterator[tuple[LeasedMeter, list[Future[None]]]]:
    """So many threads that each want one unit: the first of them is asking, the others wait for it."""
    meter = LeasedMeter(leases, LeaseTerms(), HASTY, clock=lambda: 0.0)
    with meter, ThreadPoolExecutor(threads) as pool:
        wanting = [pool.submit(meter.consume, ACCOUNT, METRIC)]
        until(lambda: len(leases.asked) == 1)
        wanting += [pool.submit(meter.consume, ACCOUNT, METRIC) for _ in range(threads - 1)]
        until(lambda: meter._quotas[ACCOUNT, METRIC].users == threads)
        yield meter, wanting


def refused() -> BillingError:
    return error_in(403, {"error": {"code": "PLAN_LIMIT_EXCEEDED", "message": "m", "details": {"remaining": 0}}})


def outcomes(wanting: list[Future[None]]) -> list[type | None]:
    """What each thread met: an error, or nothing."""
    return [type(error) if (error := one.exception(60)) else None for one in wanting]


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


# The end


def test_a_closed_meter_counts_nothing_more_and_closes_twice(serving: Serving) -> None:
    quota = Quota(55_000)
    with metering(serving(quota.answer), quota.clock) as meter:
        meter.consume(ACCOUNT, METRIC)
        meter.close()
        with pytest.raises(RuntimeError, match="closed"):
            meter.consume(ACCOUNT, METRIC)
    assert quota.used == 1


def test_closing_settles_also_while_others_are_asking(serving: Serving) -> None:
    quota = Quota(55_000)
    with metering(serving(quota.answer), quota.clock) as meter, ThreadPoolExecutor(4) as threads:

        def until_closed(number: int) -> int:
            for count in range(100_000):
                try:
                    meter.consume(f"acct_{number}", METRIC)
                except RuntimeError:
                    return count
            raise AssertionError

        counts = [threads.submit(until_closed, number) for number in range(4)]
        until(lambda: meter.stats().consumed > 200)
        meter.close()
        used = sum(count.result() for count in counts)
    assert quota.used == used == meter.stats().consumed


def test_a_block_that_comes_after_closing_is_settled_by_who_asked_for_it() -> None:
    leases = Scripted()
    with waiting(leases, 1) as (meter, wanting):
        meter.close()
        leases.answers.put(10)
        assert outcomes(wanting) == [None]
        assert leases.settled == [("lease.1", 1)]


def script(server: FaultServer, text: str) -> subprocess.CompletedProcess[str]:
    """Run Python that has a meter."""
    head = f"""
        import os
        from aerostack_billing_client import LeaseTerms, ServiceClient
        meter = ServiceClient({server.base_url!r}, "token").meter(LeaseTerms(least=100))
        meter.consume("acct", "api_requests", 7)
    """
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(head) + textwrap.dedent(text)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "clients/python")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_process_that_ends_without_closing_gives_back_what_it_did_not_use(serving: Serving) -> None:
    quota = Quota(55_000, Clock(datetime.now(UTC)))
    ended = script(serving(quota.answer), "raise SystemExit(3)")
    assert (ended.returncode, ended.stderr) == (3, "")
    assert quota.used == 7


def test_a_process_that_dies_leaves_its_block_counted(serving: Serving) -> None:
    quota = Quota(55_000, Clock(datetime.now(UTC)))
    assert script(serving(quota.answer), "os.kill(os.getpid(), 9)").returncode == -9
    assert quota.used == 100


def test_a_child_process_has_nothing_of_its_parents_in_hand(serving: Serving) -> None:
    quota = Quota(55_000, Clock(datetime.now(UTC)))
    ended = script(
        serving(quota.answer),
        """
        child = os.fork()
        meter.consume("acct", "api_requests", 3 if child else 5)
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        """,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(quota.asked) >= 2
    assert quota.used == 15


def test_an_unreachable_service_is_told_within_the_deadline(serving: Serving) -> None:
    with FaultServer(Quota(1).answer) as gone:
        pass
    patience = Retries(deadline_seconds=0.05, first_wait_seconds=0.001)
    with metering(gone, Clock(), retries=patience) as meter, pytest.raises(Unanswered):
        meter.consume(ACCOUNT, METRIC)
    assert meter.stats().lost == 0


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
