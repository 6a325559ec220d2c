"""How a meter ends: closed, at the exit of its process, by a signal, in a child process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aerostack_billing_client import (
    LeasedMeter,
    LeaseTerms,
    Retries,
    Settled,
)
from aerostack_billing_client.errors import error_in
from tests.clients.faults import FaultServer
from tests.clients.metering import ACCOUNT, METRIC, Scripted, Serving, metering, outcomes, waiting
from tests.clients.quota import Clock, Quota
from tests.flows.client import until

ROOT = Path(__file__).parents[2]


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


def test_closing_ends_in_time_where_nothing_can_be_settled(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    leases = Scripted()

    def fail(*_: object) -> Settled:
        now[0] += 20
        raise error_in(503, None)

    leases.settle = fail  # type: ignore[method-assign]
    meter = LeasedMeter(leases, LeaseTerms(least=10), Retries(deadline_seconds=30), clock=lambda: now[0])
    for number in range(5):
        leases.answers.put(10)
        meter.consume(f"acct_{number}", METRIC)
    meter.close()
    assert now == [40], "no settlement is begun after the deadline"
    assert meter.stats().lost == 5 * 9
    assert "27 units could not be given back in time" in caplog.text


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


def test_a_process_whose_handler_of_sigterm_raises_gives_back_what_it_did_not_use(serving: Serving) -> None:
    quota = Quota(55_000, Clock(datetime.now(UTC)))
    ended = script(
        serving(quota.answer),
        """
        import signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        # It may come at any moment, and does while the meter's lock is held.
        with meter._lock:
            os.kill(os.getpid(), signal.SIGTERM)
        """,
    )
    assert (ended.returncode, ended.stderr) == (143, "")
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
