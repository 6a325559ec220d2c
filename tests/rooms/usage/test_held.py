"""Who took what: each lease, place and count above a size says its caller, and can be given back."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import correlation
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.usage.held import Held
from aerostack_billing.values.errors import PlanLimitExceeded
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.usage import batch, claim, consume, counter, event, move_to, settle, take

# Free has 50,000 requests a month, of which a lease takes a tenth at most.
LARGE = 5_000


@pytest.fixture(autouse=True)
def service() -> object:
    with correlation.using("r1", "svc_leaked"):
        yield


def held(parts: Runtime, account: str, caller: str = "svc_leaked") -> list[Held]:
    return parts.usage.held.of_caller(caller, account)


def told(parts: Runtime, account: str, caller: str = "svc_leaked") -> list[tuple[str, str, int]]:
    return [(each.kind, each.what, each.quantity) for each in held(parts, account, caller)]


def test_a_lease_inside_the_counters_item_says_who_took_it_and_how_much(parts: Runtime, account: str) -> None:
    take(parts, account, 40)
    with correlation.using("r2", "svc_honest"):
        lease = take(parts, account, 70)
    assert told(parts, account) == [("lease", "api_requests", 40)]
    assert told(parts, account, "svc_honest") == [("lease", "api_requests", 70)]
    assert told(parts, account, "svc_unknown") == []
    # Whoever holds a lease's id settles it, whoever took it.
    assert settle(parts, account, lease, 20) == 50
    assert told(parts, account, "svc_honest") == []
    found = [each for each in parts.usage.held.of_caller("svc_leaked") if each.account_id == account]
    assert [each.view() for each in found] == [each.view() for each in held(parts, account)]


def test_a_lease_that_an_older_release_took_is_nobody_s_and_is_settled(parts: Runtime, account: str) -> None:
    lease = take(parts, account, 40)
    key = {"account_id": account, "period": "2026-03"}
    table = parts.settings.usage_table
    leases = parts.dynamo.get(table, key)["leases"]  # type: ignore[index]
    (name,) = leases  # type: ignore[misc]
    expires_at = int(lease["lease_id"].split(".")[4])
    parts.dynamo.update(
        Write(table, key, update="SET leases.#l = :plain", names={"#l": name}, values={":plain": expires_at})
    )
    assert told(parts, account) == []
    assert settle(parts, account, lease, 15) == 25
    assert counter(parts, account)[0] == 15


@pytest.mark.parametrize("key", [None, "k"])
def test_a_count_above_the_size_says_who_counted_it_with_or_without_a_key(
    parts: Runtime, account: str, key: str | None
) -> None:
    answer = consume(parts, account, LARGE, idempotency_key=key)
    assert answer["used"] == LARGE
    consume(parts, account, LARGE - 1, idempotency_key=key and "other")
    assert told(parts, account) == [("count", "api_requests", LARGE)]
    assert counter(parts, account)[0] == 2 * LARGE - 1


@pytest.mark.parametrize("key", [None, "k"])
def test_a_batch_that_counts_so_much_of_a_metric_in_all_says_it(parts: Runtime, account: str, key: str | None) -> None:
    events = [event(account, 2_500, idempotency_key=key and f"{key}{i}") for i in range(2)]
    results = batch(parts, *events, event(account, 10, "gateway_requests"))
    assert [result["status"] for result in results] == [200] * 3
    assert told(parts, account) == [("count", "api_requests", LARGE)]
    assert counter(parts, account)[0] == LARGE


def test_a_refused_count_leaves_none(parts: Runtime, account: str) -> None:
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account, 55_001)
    assert told(parts, account) == []


def test_what_is_large_depends_on_the_plan_and_without_a_limit_on_the_largest(parts: Runtime, account: str) -> None:
    move_to(parts, account, "pro")
    consume(parts, account, 199_999)
    assert told(parts, account) == []
    move_to(parts, account, "enterprise")
    consume(parts, account, 999_999)
    assert told(parts, account) == []
    consume(parts, account, 1_000_000)
    consume(parts, account, 11_000_000_000, "storage_bytes")
    assert sorted(told(parts, account)) == [
        ("count", "api_requests", 1_000_000),
        ("count", "storage_bytes", 11_000_000_000),
    ]


def test_a_large_count_is_one_transaction_between_two_reads_and_any_other_one_write(
    parts: Runtime, account: str, meter: Meter
) -> None:
    consume(parts, account)
    meter.reset()
    consume(parts, account, LARGE)
    requests, write_units, _ = meter.spent()
    assert requests == 3
    assert write_units <= 4
    meter.reset()
    consume(parts, account, LARGE - 1)
    assert meter.spent() == (1, 1, 0)


def test_all_of_it_is_given_back_once(parts: Runtime, account: str) -> None:
    consume(parts, account, 7)
    consume(parts, account, LARGE)
    consume(parts, account, 300_000_000, "storage_bytes")
    take(parts, account, 40)
    take(parts, account, 30, idempotency_key="k")
    claim(parts, account, "p1")
    found = held(parts, account)
    assert len(found) == 5
    assert [each.give_back() for each in found] == [True] * 5
    assert [each.give_back() for each in found] == [False] * 5
    assert [each.kind for each in held(parts, account) if each.open] == []
    assert counter(parts, account) == (7, 55_000 - 7)
    storage = parts.usage.store.counters_item(account, "storage").counters["storage_bytes"]
    assert storage.used == 0
    assert parts.usage.store.counters_item(account, "resources").counters["projects"].used == 0


def test_what_is_over_is_not_given_back(parts: Runtime, account: str, time_stands: Time) -> None:
    consume(parts, account, LARGE)
    take(parts, account, 40, ttl=5)
    parts.usage.resets.reset(account, "api_requests")
    assert [each.give_back() for each in held(parts, account)] == [False]
    take(parts, account, 40, ttl=5)
    time_stands.forward(6)
    assert [(each.kind, each.open) for each in held(parts, account)] == [("count", True), ("lease", False)]
    time_stands.to(2026, 4, 1, 0, 0, 1)
    assert [each.open for each in held(parts, account)] == [False, False]


def test_twelve_leases_that_say_who_took_them_leave_the_item_within_one_unit(
    parts: Runtime, account: str, meter: Meter
) -> None:
    for metric in parts.catalog.data.monthly_quotas:
        consume(parts, account, 10, metric)
    for _ in range(12):
        take(parts, account, 10)
    meter.reset()
    consume(parts, account)
    assert meter.spent() == (1, 1, 0)
