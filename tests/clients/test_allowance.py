"""Charges out of an allowance: exact, each once, refused as the service refuses, and bounded in what a kill loses."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from aerostack_billing_client import (
    Allowance,
    AllowanceTerms,
    BudgetReached,
    InsufficientBalance,
    ServiceClient,
    Unanswered,
    Unavailable,
)
from aerostack_billing_client.calling import Answer, Request
from aerostack_billing_client.testing import FakeBilling
from tests.clients.moment import Moment
from tests.clients.people import Clients

HOUR = 3_600.0


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
def fake(clock: Moment) -> FakeBilling:
    fake = FakeBilling(clock=clock)
    fake.deposit("acct", 1_000)
    return fake


@pytest.fixture
def service(fake: FakeBilling) -> Iterator[ServiceClient]:
    with fake.service() as service:
        yield service


def allowed(service: ServiceClient, clock: Moment, cents: int = 100) -> Allowance:
    """An allowance that captures on its own only when it has to."""
    terms = AllowanceTerms(cents=cents, ttl_seconds=300, settle_seconds=HOUR)
    return Allowance(service, "acct", terms, labels={"agent": "a"}, clock=clock)


def charge_often(allowance: Allowance, times: int, cents: int) -> None:
    for _ in range(times):
        allowance.charge(cents)


def charged(fake: FakeBilling) -> Decimal:
    return Decimal(sum(charge.micros for charge in fake.account("acct").charges.values())) / 10_000


def test_a_thousand_charges_are_each_captured_by_few_requests(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        for number in range(1_000):
            allowance.charge(Decimal("0.5"), reference=f"run-{number}")
    account = fake.account("acct")
    assert (account.balance_cents, account.held_cents) == (500, 0)
    assert len(account.charges) == 1_000
    assert len(fake.requests) <= 60
    stats = allowance.stats()
    assert (stats.handed_out, stats.captured, stats.lost, stats.waiting) == (500, 500, 0, 0)


def test_a_refusal_is_raised_where_more_must_be_held_and_what_there_is_is_used_up(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock, cents=400) as allowance:
        with pytest.raises(InsufficientBalance):
            charge_often(allowance, 2_000, 3)
        with pytest.raises(ValueError, match="up to that"):
            allowance.charge(401)
    assert charged(fake) == 999
    assert fake.account("acct").balance_cents == 1


def test_a_budget_is_met_where_more_must_be_held(fake: FakeBilling, service: ServiceClient, clock: Moment) -> None:
    with fake.user("acct") as user:
        user.set_budget("agent", "a", 30, "day")
    with allowed(service, clock) as allowance, pytest.raises(BudgetReached):
        charge_often(allowance, 100, 7)
    assert charged(fake) == 28


def test_a_process_that_is_killed_loses_no_more_than_it_held_and_that_comes_back(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    allowance = allowed(service, clock)
    charge_often(allowance, 19, 7)
    account = fake.account("acct")
    assert account.held_cents <= 100
    # Killed: nothing of it runs any more.
    clock.at += 301
    account.lapse(clock.at)
    lost = 19 * 7 - charged(fake)
    assert 0 < lost <= 100
    assert (account.balance_cents, account.held_cents) == (1_000 - charged(fake), 0)


def test_threads_take_each_charge_once(fake: FakeBilling, service: ServiceClient, clock: Moment) -> None:
    with allowed(service, clock, cents=50) as allowance, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: allowance.charge(1), range(600)))
    assert charged(fake) == 600
    assert len(fake.account("acct").charges) == 600


def test_a_lost_answer_captures_nothing_twice(fake: FakeBilling, service: ServiceClient, clock: Moment) -> None:
    with allowed(service, clock) as allowance:
        for _ in range(40):
            allowance.charge(1)
        fake.fail(None, times=2)
        allowance.settle()
        allowance.charge(1)
        fake.fail(None, times=100)
        with pytest.raises(Unanswered):
            allowance.settle()
        fake._failures.clear()
    assert charged(fake) == 41
    assert fake.account("acct").balance_cents == 959


def test_what_cannot_be_captured_now_is_captured_later(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        allowance.charge(10)
        fake.fail(503, times=100)
        with pytest.raises(Unavailable):
            allowance.settle()
        allowance.charge(20)
        fake._failures.clear()
    assert charged(fake) == 30


def test_a_capture_whose_answer_was_lost_is_sent_again_as_it_was_whatever_was_charged_since(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        allowance.charge(10)
        fake.fail(None, times=100)
        with pytest.raises(Unanswered):
            allowance.settle()
        fake._failures.clear()
        allowance.charge(20)
    stats = allowance.stats()
    assert (charged(fake), stats.captured, stats.lost, stats.waiting) == (30, 30, 0, 0)


class Particular(FakeBilling):
    """Refuses to capture what is called wrong, and cannot answer for what is called late until it is told."""

    fails = True

    def answer(self, request: Request) -> Answer:
        asked = json.loads(request.body) if request.body else {}
        named = [item.get("reference") for item in asked.get("items", [])]
        if "wrong" in named:
            return refused(422, "INVALID_REQUEST")
        if self.fails and named == ["late"]:
            return refused(503, "STORE_UNAVAILABLE")
        return super().answer(request)


def refused(status: int, code: str) -> Answer:
    error = {"code": code, "message": f"It is {code}.", "details": {}}
    return Answer(status, {"content-type": "application/json"}, json.dumps({"error": error}).encode())


def test_a_charge_that_is_wrong_spoils_no_other_and_each_is_counted_once_also_where_the_service_fails_meanwhile(
    clock: Moment,
) -> None:
    fake = Particular(clock=clock)
    fake.deposit("acct", 1_000)
    with fake.service() as service, allowed(service, clock) as allowance:
        for reference in ("first", "wrong", "late", "last"):
            allowance.charge(10, reference=reference)
        for _ in range(3):
            with pytest.raises(Unavailable):
                allowance.settle()
            stats = allowance.stats()
            assert (stats.captured, stats.lost, stats.waiting) == (10, 10, 2)
        fake.fails = False
        allowance.charge(70)
        # What was refused stays held until the end; beside it there is never more than the allowance.
        assert fake.account("acct").held_cents <= 100 + 10
    stats = allowance.stats()
    assert (stats.handed_out, stats.captured, stats.lost, stats.waiting) == (110, 100, 10, 0)
    assert (charged(fake), fake.account("acct").balance_cents, fake.account("acct").held_cents) == (100, 900, 0)


def test_a_hold_is_kept_alive_and_one_that_lapsed_is_replaced(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        allowance.charge(10)
        clock.at += 400
        allowance.charge(10)
        assert len(fake.account("acct").holds) == 2
    assert charged(fake) == 20
    assert fake.account("acct").balance_cents == 980


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_process_starts_with_nothing_in_hand(fake: FakeBilling, service: ServiceClient, clock: Moment) -> None:
    with allowed(service, clock) as allowance:
        allowance.charge(10)
        child = os.fork()
        if child == 0:
            waiting = allowance.stats().waiting
            allowance.charge(5)
            allowance.close()
            holds = [hold.ended for hold in fake.account("acct").holds.values()]
            os._exit(0 if (waiting, holds, charged(fake)) == (0, ["", "release"], 5) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert charged(fake) == 10


def test_an_allowance_on_the_service_ends_with_exactly_its_charges(clients: Clients) -> None:
    clients.pay_in(500)
    with clients.service.allowance(clients.id, 200, labels={"agent": "a"}, settle_seconds=0.2) as allowance:
        for _ in range(400):
            allowance.charge(Decimal("1.25"))
        with pytest.raises(InsufficientBalance):
            allowance.charge(1)
    assert clients.user.balance().balance_micros == 0
    assert clients.user.balance().held_cents == 0
