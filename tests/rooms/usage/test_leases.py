"""Leases: a block of quota for one write, and the limit still to the request."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.usage.lease_store import prefix_of
from aerostack_billing.usage.leases import LeaseNotFound, LeaseTooLarge, _read_id
from aerostack_billing.usage.models import LeaseRequest, SettleRequest
from aerostack_billing.values.errors import (
    IdempotencyKeyReused,
    InvalidRequest,
    PlanLimitExceeded,
    StoreUnavailable,
    UnknownMetric,
)
from aerostack_billing.values.fields import validated
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.usage import consume, counter, move_to, settle, take

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


def test_a_lease_counts_as_used_and_gives_the_rest_back(parts: Runtime, account: str) -> None:
    lease = take(parts, account)
    assert (lease["granted"], lease["period"], lease["expires_at"]) == (1_000, "2026-03", "2026-03-10T12:01:00Z")
    assert counter(parts, account) == (1_000, 54_000)
    assert settle(parts, account, lease, 400) == 600
    assert settle(parts, account, lease, 400) == 0
    assert counter(parts, account) == (400, 54_600)


def test_a_late_settlement_gives_nothing_back(parts: Runtime, account: str, time_stands: Time) -> None:
    lease = take(parts, account)
    time_stands.forward(60)
    assert settle(parts, account, lease, 0) == 0
    assert counter(parts, account)[0] == 1_000


def test_a_lease_beyond_the_limit_is_refused_or_granted_in_part(parts: Runtime, account: str) -> None:
    consume(parts, account, 54_300)
    with pytest.raises(PlanLimitExceeded):
        take(parts, account)
    granted = [take(parts, account, allow_partial=True)["granted"] for _ in range(10)]
    assert granted == [350, 175, 87, 44, 22, 11, 5, 3, 1, 1]
    consume(parts, account, 1)
    with pytest.raises(PlanLimitExceeded):
        take(parts, account, allow_partial=True)
    assert counter(parts, account) == (55_000, 0)


@pytest.mark.parametrize("key", [None, "k"])
def test_one_lease_never_takes_the_rest_of_a_month(parts: Runtime, account: str, key: str | None) -> None:
    consume(parts, account, 49_000)
    with pytest.raises(LeaseTooLarge) as refused:
        take(parts, account, 3_001, idempotency_key=key)
    assert refused.value.details == {"quantity": "at most 3000"}
    assert counter(parts, account) == (49_000, 6_000)
    assert take(parts, account, 5_000, allow_partial=True, idempotency_key=key)["granted"] == 3_000
    assert take(parts, account, 1_500)["granted"] == 1_500


def test_the_rest_of_a_month_is_shared_whoever_asks_at_once(processes: list[Runtime], account: str) -> None:
    consume(processes[0], account, 47_000)
    with ThreadPoolExecutor(8) as pool:
        asked = pool.map(lambda parts: take(parts, account, 5_000, allow_partial=True), processes)
        granted = [lease["granted"] for lease in asked]
    assert max(granted) <= 4_000
    assert 8_000 - sum(granted) == counter(processes[0], account)[1] > 0


def test_a_lease_of_last_month_is_given_back_to_last_month(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 3, 31, 23, 59, 30)
    lease = take(parts, account)
    time_stands.forward(45)
    assert consume(parts, account)["used"] == 1
    assert settle(parts, account, lease, 100) == 900
    assert counter(parts, account) == (100, 54_900)
    assert consume(parts, account)["used"] == 2


def test_a_lease_id_that_was_made_up_or_changed_gives_nothing_back(parts: Runtime, account: str) -> None:
    lease = take(parts, account)
    forged = [
        lease["lease_id"].replace(".1000.", ".9000."),
        lease["lease_id"].replace("api_requests", "ai_tokens"),
        lease["lease_id"][:-1] + ("0" if lease["lease_id"][-1] != "0" else "1"),
    ]
    consume(parts, account, 1, "ai_tokens")
    for lease_id in forged:
        assert parts.usage.leases.settle(lease_id, SettleRequest(account_id=account, used=0)) == {"returned": 0}
    assert parts.usage.leases.settle(lease["lease_id"], SettleRequest(account_id=f"{account}x", used=0)) == {
        "returned": 0
    }
    assert counter(parts, account)[0] == 1_000
    assert counter(parts, account, "ai_tokens")[0] == 1


@pytest.mark.parametrize(
    "lease_id", ["", "lease", "lease.2026-03.api_requests.1.1.xyz", "lease.2026-03.a.1.1." + "0" * 15]
)
def test_what_is_no_lease_is_404(parts: Runtime, account: str, lease_id: str) -> None:
    with pytest.raises(LeaseNotFound):
        parts.usage.leases.settle(lease_id, SettleRequest(account_id=account, used=0))


def test_more_used_than_granted_is_refused(parts: Runtime, account: str) -> None:
    with pytest.raises(InvalidRequest):
        settle(parts, account, take(parts, account), 1_001)


@pytest.mark.parametrize("metric", ["storage_bytes", "nothing"])
def test_what_is_not_leased_is_refused(parts: Runtime, account: str, metric: str) -> None:
    body = {"account_id": account, "metric": metric, "quantity": 1, "ttl_seconds": 60}
    with pytest.raises((InvalidRequest, UnknownMetric)):
        parts.usage.leases.take(validated(LeaseRequest, body))


def test_lapsed_leases_do_not_pile_up_in_the_item(parts: Runtime, account: str, time_stands: Time) -> None:
    for _ in range(30):
        take(parts, account, 10, ttl=1)
        time_stands.forward(2)
    assert len(parts.usage.store.counters_item(account, "2026-03").leases) < 10
    assert counter(parts, account)[0] == 300


def test_a_hundred_open_leases_leave_a_consume_at_one_write_unit(parts: Runtime, account: str, meter: Meter) -> None:
    metrics = list(parts.catalog.data.monthly_quotas)
    assert len(set(map(prefix_of, metrics))) == len(metrics)
    for metric in metrics:
        consume(parts, account, 500, metric)
    leases = [take(parts, account, 10) for _ in range(100)]
    meter.reset()
    consume(parts, account)
    assert meter.spent() == (1, 1, 0)
    settle(parts, account, leases[0], 5)
    assert meter.spent() == (2, 2, 0)
    assert [settle(parts, account, lease, 5) for lease in leases[1:]] == [5] * 99
    assert counter(parts, account)[0] == 500 + 1 + 100 * 5


def test_a_hundred_leases_that_lapse_unsettled_hinder_no_further_one(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    for _ in range(100):
        take(parts, account, 10, ttl=1)
    time_stands.forward(2)
    further = [take(parts, account, 10) for _ in range(20)]
    assert [settle(parts, account, lease, 0) for lease in further] == [10] * 20
    assert counter(parts, account)[0] == 1_000


def test_a_lease_stands_when_the_tidying_after_it_fails(
    parts: Runtime, account: str, time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        take(parts, account, 10, ttl=1)
    time_stands.forward(2)

    def down(*_: object) -> None:
        raise StoreUnavailable("The store did not answer.")

    monkeypatch.setattr(parts.usage.lease_store, "forget", down)
    assert take(parts, account, 10)["granted"] == 10


def test_a_lost_answer_to_a_lease_with_a_key_costs_no_quota(parts: Runtime, account: str) -> None:
    first = take(parts, account, idempotency_key="k")
    assert take(parts, account, idempotency_key="k") == first
    assert counter(parts, account) == (1_000, 54_000)
    assert settle(parts, account, first, 400) == 600
    assert take(parts, account, idempotency_key="k") == first
    assert settle(parts, account, first, 0) == 0
    assert counter(parts, account) == (400, 54_600)
    with pytest.raises(IdempotencyKeyReused):
        take(parts, account, 999, idempotency_key="k")


def test_one_key_of_many_callers_at_once_takes_one_lease(processes: list[Runtime], account: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda parts: take(parts, account, idempotency_key="k"), processes))
    assert len({lease["lease_id"] for lease in taken}) == 1
    assert counter(processes[0], account)[0] == 1_000


def test_a_key_is_free_again_a_day_after_its_lease_ended(parts: Runtime, account: str, time_stands: Time) -> None:
    first = take(parts, account, idempotency_key="k")
    time_stands.forward(60 + 25 * 3_600)
    assert take(parts, account, idempotency_key="k") != first
    assert counter(parts, account)[0] == 2_000


def test_a_key_is_answered_also_where_nothing_is_left(parts: Runtime, account: str) -> None:
    consume(parts, account, 50_000)
    first = take(parts, account, 2_500, idempotency_key="k")
    consume(parts, account, 2_500)
    assert take(parts, account, 2_500, idempotency_key="k") == first
    with pytest.raises(PlanLimitExceeded):
        take(parts, account, 1, idempotency_key="another")


def test_a_lease_that_an_older_release_recorded_is_still_settled(
    parts: Runtime, account: str, client: DynamoDBClient
) -> None:
    lease = take(parts, account)
    held = _read_id(lease["lease_id"])
    client.update_item(
        TableName=parts.settings.usage_table,
        Key={"account_id": {"S": account}, "period": {"S": "2026-03"}},
        UpdateExpression="REMOVE leases, limits_version SET #old = :ends",
        ExpressionAttributeNames={"#old": f"lease_{held.name}"},
        ExpressionAttributeValues={":ends": {"N": str(held.expires_at)}},
    )
    assert settle(parts, account, lease, 400) == 600
    assert settle(parts, account, lease, 400) == 0
    assert take(parts, account)["granted"] == 1_000
    assert counter(parts, account) == (1_400, 53_600)


def test_many_nodes_with_leases_never_pass_the_hard_limit(parts: Runtime, account: str, time_stands: Time) -> None:
    """Eight nodes serve a stream of requests from blocks of 500; a quarter of their blocks are never settled."""
    chance = random.Random(11)
    served = lost = 0
    open_leases: dict[int, tuple[dict[str, Any], int]] = {}
    for _ in range(400):
        node = chance.randrange(8)
        lease, used = open_leases.pop(node, (None, 0))
        if lease is None:
            try:
                lease = take(parts, account, 500, ttl=30, allow_partial=True)
            except PlanLimitExceeded:
                continue
        more = chance.randint(0, lease["granted"] - used)
        served, used = served + more, used + more
        if chance.random() < 0.25:
            lost += lease["granted"] - used
        elif chance.random() < 0.5:
            settle(parts, account, lease, used)
        else:
            open_leases[node] = (lease, used)
        time_stands.forward(1)
    unused = lost + sum(lease["granted"] - used for lease, used in open_leases.values())
    assert served <= 55_000
    assert counter(parts, account)[0] <= 55_000
    assert served + unused >= counter(parts, account)[0] - 500


def test_a_lease_under_way_survives_a_change_of_plan(parts: Runtime, account: str) -> None:
    lease = take(parts, account)
    move_to(parts, account, "pro")
    assert settle(parts, account, lease, 250) == 750
    assert counter(parts, account) == (250, 2_400_000 - 250)


def test_no_counters_item_ever_carries_what_the_table_expires_by(parts: Runtime, account: str) -> None:
    consume(parts, account, 1, "storage_bytes")
    take(parts, account)
    take(parts, account, idempotency_key="k")
    move_to(parts, account, "pro")
    items = parts.dynamo.query(parts.settings.usage_table, "account_id = :a", {":a": account})
    assert {("tier" in item, "expires_at" in item) for item in items} == {(True, False), (False, True)}


def test_one_lease_takes_a_share_of_the_limit_at_most(parts: Runtime, account: str) -> None:
    with pytest.raises(LeaseTooLarge) as refused:
        take(parts, account, 5_001)
    assert refused.value.details == {"quantity": "at most 5000"}
    assert take(parts, account, 5_000)["granted"] == 5_000
    assert take(parts, account, 55_000, allow_partial=True)["granted"] == 5_000
    move_to(parts, account, "pro")
    assert take(parts, account, 10**15, allow_partial=True)["granted"] == 200_000


def test_no_number_of_leases_at_once_takes_more_than_its_share_each(processes: list[Runtime], account: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = pool.map(lambda parts: take(parts, account, 40_000, allow_partial=True), processes)
        assert [lease["granted"] for lease in asked] == [5_000] * 8


def test_a_small_lease_reads_no_account_and_an_unlimited_plan_has_no_share(
    parts: Runtime, account: str, meter: Meter
) -> None:
    take(parts, account)
    meter.reset()
    take(parts, account)
    assert meter.spent() == (1, 1, 0)
    move_to(parts, account, "enterprise")
    assert take(parts, account, 10**12)["granted"] == 10**12


def test_a_key_is_answered_also_where_a_lower_plan_would_refuse_it(parts: Runtime, account: str) -> None:
    move_to(parts, account, "pro")
    first = take(parts, account, 200_000, idempotency_key="k")
    move_to(parts, account, "free")
    assert take(parts, account, 200_000, idempotency_key="k") == first
    with pytest.raises(IdempotencyKeyReused):
        take(parts, account, 200_001, idempotency_key="k")
    with pytest.raises(LeaseTooLarge):
        take(parts, account, 200_000, idempotency_key="another")
