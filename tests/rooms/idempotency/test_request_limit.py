"""Requests of one account that lead to Stripe: so many a minute, exactly, at any concurrency, and no other's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import RateLimitExceeded
from tests.rooms.conftest import Meter, Time


def passes(parts: Runtime, account: str) -> bool:
    try:
        parts.stripe_requests.count(account)
    except RateLimitExceeded:
        return False
    return True


def test_eighty_at_once_of_one_account_are_sixty_that_pass_and_cost_a_unit_each(
    processes: list[Runtime], account: str, meter: Meter
) -> None:
    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda number: passes(processes[number % 8], account), range(80)))
    assert sum(done) == 60
    assert meter.spent()[:2] == (80, 80)


def test_the_refusal_says_when_to_ask_again_and_then_it_passes(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.forward(15)
    for _ in range(60):
        parts.stripe_requests.count(account)
    with pytest.raises(RateLimitExceeded) as refused:
        parts.stripe_requests.count(account)
    assert refused.value.headers == {"retry-after": "45"}
    parts.stripe_requests.count(f"{account}other")
    time_stands.forward(45)
    parts.stripe_requests.count(account)
