"""Batches and leases over HTTP: what a gateway node does that cannot ask before every request."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flows.client import Account, Json, error_of

BATCH = "/api/billing/usage/batch"
LEASES = "/api/billing/usage/leases"


def used(account: Account) -> int:
    return account.usage("api_requests")["used"]


# Batches


def test_each_event_has_the_status_and_the_body_that_it_would_have_had_alone(account: Account) -> None:
    results = account.batch(
        {"quantity": 54_999},
        {"quantity": 2},
        {"metric": "emails"},
        {"quantity": 0},
        {},
    )
    assert [result["status"] for result in results] == [200, 403, 422, 422, 200]
    assert results[4] == {
        "status": 200,
        "allowed": True,
        "metric": "api_requests",
        "period": account.api.door("clock")["now"][:7],
        "used": 55_000,
        "limit": 50_000,
        "hard_limit": 55_000,
        "remaining": 0,
        "state": "blocked",
    }
    codes = [result["error"]["code"] for result in results[1:4]]
    assert codes == ["PLAN_LIMIT_EXCEEDED", "UNKNOWN_METRIC", "INVALID_REQUEST"]
    assert results[1]["error"]["details"]["remaining"] == 1
    assert used(account) == 55_000


def test_one_batch_counts_for_many_accounts(new_account: Callable[[], Account]) -> None:
    one, other = new_account(), new_account()
    results = one.batch({"quantity": 5}, {"account_id": other.id, "quantity": 7}, {"quantity": 1})
    assert [result["used"] for result in results] == [5, 7, 6]
    assert (used(one), used(other)) == (6, 7)


def test_a_batch_sent_again_under_its_keys_counts_once(account: Account) -> None:
    events = [{"idempotency_key": f"k{n}", "quantity": n} for n in range(1, 101)]
    assert account.batch(*events) == account.batch(*events)
    assert used(account) == 5_050


def test_a_key_is_the_same_one_alone_and_in_a_batch(account: Account) -> None:
    assert account.consume(quantity=5, idempotency_key="k").status_code == 200
    again, reused = account.batch({"quantity": 5, "idempotency_key": "k"}, {"quantity": 6, "idempotency_key": "k"})
    assert (again["status"], again["used"]) == (200, 5)
    assert (reused["status"], reused["error"]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert used(account) == 5


@pytest.mark.parametrize(
    "body", [{}, {"events": []}, {"events": [{}] * 101}, {"events": {}}, {"events": [1]}, {"events": [{}], "more": 1}]
)
def test_what_is_no_list_of_one_to_a_hundred_events_is_refused_as_a_whole(account: Account, body: Json) -> None:
    error_of(account.api.service("POST", BATCH, body), 422, "INVALID_REQUEST")


# Leases


def test_a_lease_counts_at_once_and_its_settlement_gives_the_rest_back_once(account: Account) -> None:
    answer = account.lease(1_000)
    assert answer.status_code == 201
    lease = answer.json()
    assert set(lease) == {"lease_id", "period", "granted", "expires_at"}
    assert (lease["granted"], used(account)) == (1_000, 1_000)
    assert account.settle(lease["lease_id"], 640).json() == {"returned": 360}
    assert account.settle(lease["lease_id"], 640).json() == {"returned": 0}
    assert used(account) == 640


def test_a_lease_that_nobody_settled_in_time_counts_as_used(account: Account) -> None:
    lease_id = account.lease(1_000, ttl_seconds=60).json()["lease_id"]
    account.api.advance(minutes=2)
    answer = account.settle(lease_id, 1)
    assert (answer.status_code, answer.json()) == (200, {"returned": 0})
    assert used(account) == 1_000


def test_a_lease_over_the_limit_is_refused_or_granted_in_part(account: Account) -> None:
    account.batch({"quantity": 54_300})
    details = error_of(account.lease(1_000), 403, "PLAN_LIMIT_EXCEEDED")["details"]
    assert (details["remaining"], details["requested"]) == (700, 1_000)
    assert "350" in error_of(account.lease(400), 422, "LEASE_TOO_LARGE")["details"]["quantity"]
    assert account.lease(1_000, allow_partial=True).json()["granted"] == 350
    account.batch({"quantity": 350})
    error_of(account.lease(1, allow_partial=True), 403, "PLAN_LIMIT_EXCEEDED")
    assert used(account) == 55_000


def test_nodes_that_lease_at_once_are_granted_shares_of_what_there_is_and_none_takes_the_rest(
    account: Account,
) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: account.lease(10_000, allow_partial=True), range(16)))
    granted = sorted(answer.json()["granted"] for answer in answers)
    assert granted[6:] == [5_000] * 10
    assert all(1 <= each <= 2_500 for each in granted[:6])
    assert used(account) == sum(granted) < 55_000


@pytest.mark.parametrize(
    ("field", "value"), [("quantity", 0), ("ttl_seconds", 0), ("ttl_seconds", 3_601), ("allow_partial", "yes")]
)
def test_a_lease_of_nothing_for_no_time_or_for_too_long_is_refused(account: Account, field: str, value: object) -> None:
    body = {"account_id": account.id, "metric": "api_requests", "quantity": 1, "ttl_seconds": 60, field: value}
    assert set(error_of(account.api.service("POST", LEASES, body), 422, "INVALID_REQUEST")["details"]) == {field}


@pytest.mark.parametrize(("metric", "code"), [("storage_bytes", "INVALID_REQUEST"), ("requests", "UNKNOWN_METRIC")])
def test_what_is_held_or_unknown_is_not_leased(account: Account, metric: str, code: str) -> None:
    assert "metric" in error_of(account.lease(metric=metric), 422, code)["details"]


def test_a_settlement_of_more_than_was_granted_or_of_no_lease_is_refused(account: Account) -> None:
    lease_id = account.lease(10).json()["lease_id"]
    assert set(error_of(account.settle(lease_id, 11), 422, "INVALID_REQUEST")["details"]) == {"used"}
    assert set(error_of(account.settle(lease_id, -1), 422, "INVALID_REQUEST")["details"]) == {"used"}
    error_of(account.settle("lease_1", 1), 404, "LEASE_NOT_FOUND")
    assert used(account) == 10
