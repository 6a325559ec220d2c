"""Usage: exact limits at any concurrency, months that start over, a gauge that does not, places for resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest

from aerostack_billing.platform import clock
from tests.flows.client import Account, error_of

FIGURES = {"metric", "period", "used", "limit", "hard_limit", "remaining", "state"}

# The limit


def test_an_answer_tells_the_figures_after_it(account: Account) -> None:
    answer = account.consume("ai_tokens", 1_000)
    assert answer.status_code == 200
    assert answer.json() == {
        "allowed": True,
        "metric": "ai_tokens",
        "period": account.api.door("clock")["now"][:7],
        "used": 1_000,
        "limit": 100_000,
        "hard_limit": 110_000,
        "remaining": 109_000,
        "state": "ok",
    }


def test_one_is_counted_where_no_quantity_is_named(account: Account) -> None:
    body = {"account_id": account.id, "metric": "email_sends"}
    assert account.api.service("POST", "/api/billing/usage/consume", body).json()["used"] == 1


def test_a_refusal_tells_the_figures_and_counts_nothing(account: Account) -> None:
    assert account.consume(quantity=54_990).status_code == 200
    details = error_of(account.consume(quantity=11), 403, "PLAN_LIMIT_EXCEEDED")["details"]
    assert set(details) >= FIGURES
    assert (details["used"], details["limit"], details["hard_limit"]) == (54_990, 50_000, 55_000)
    assert (details["remaining"], details["state"]) == (10, "grace")
    last = account.consume(quantity=10).json()
    assert (last["used"], last["remaining"], last["state"]) == (55_000, 0, "blocked")
    assert error_of(account.consume(), 403, "PLAN_LIMIT_EXCEEDED")["details"]["state"] == "blocked"
    assert account.usage("api_requests")["used"] == 55_000


def test_64_consumers_at_once_get_exactly_what_is_left(account: Account) -> None:
    assert account.consume("gateway_requests", 5_400).status_code == 200
    with ThreadPoolExecutor(64) as pool:
        statuses = Counter(pool.map(lambda _: account.consume("gateway_requests").status_code, range(192)))
    assert statuses == {200: 100, 403: 92}
    found = account.usage("gateway_requests")
    assert (found["used"], found["remaining"], found["state"]) == (5_500, 0, "blocked")


def test_the_first_consumers_of_a_month_are_all_counted(account: Account) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(lambda _: account.consume().status_code, range(32)))
    assert statuses == {200: 32}
    assert account.usage("api_requests")["used"] == 32


def test_one_metric_at_its_limit_blocks_no_other(account: Account) -> None:
    assert account.consume("email_sends", 1_100).status_code == 200
    assert account.consume("email_sends").status_code == 403
    assert account.consume("gateway_requests").status_code == 200


def test_one_account_at_its_limit_blocks_no_other(new_account: Callable[[], Account]) -> None:
    one, other = new_account(), new_account()
    assert one.consume(quantity=55_000).status_code == 200
    assert one.consume().status_code == 403
    assert other.consume().status_code == 200


# The burst limit


def test_a_minute_has_as_many_calls_as_the_plan_says_and_an_answer_tells_what_is_left(account: Account) -> None:
    with minute_stands(account):
        first = account.consume()
        assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("100", "99")
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: account.consume(), range(128)))
        assert Counter(answer.status_code for answer in answers) == {200: 99, 429: 29}
        refused = next(answer for answer in answers if answer.status_code == 429)
        details = error_of(refused, 429, "RATE_LIMIT_EXCEEDED")["details"]
        assert (details["limit"], details["remaining"]) == (100, 0)
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert refused.headers["X-RateLimit-Reset"] == first.headers["X-RateLimit-Reset"]
        assert 1 <= int(refused.headers["Retry-After"]) == details["retry_after_seconds"] <= 60
        assert account.batch({}, {})[1]["used"] == 102
        assert account.consume("ai_tokens").status_code == 200
    account.api.advance(minutes=1)
    assert account.consume().json()["used"] == 103


def minute_stands(account: Account) -> AbstractContextManager[None]:
    """The functions' clock stands still inside the block, so that no minute ends by itself."""
    moment = account.api.stack.clock.unix()
    return clock.using(lambda: moment)


# Months


def test_a_new_month_begins_at_zero_and_the_old_one_can_be_read(account: Account) -> None:
    account.api.advance(days=1)
    old = account.consume(quantity=55_000).json()["period"]
    assert account.consume().status_code == 403
    account.api.advance(days=31)
    began = account.consume()
    assert began.status_code == 200
    assert began.json()["period"] > old
    assert began.json()["used"] == 1
    past = account.get(f"/api/billing/usage?period={old}")
    assert past["period"] == old
    assert past["usage"]["api_requests"]["used"] == 55_000


@pytest.mark.parametrize("period", ["2026-13", "2999-01", "2026-3", "march", "", "2026-01-01", "%00", "2026-01%0a"])
def test_a_period_that_is_no_month_so_far_is_refused(account: Account, period: str) -> None:
    answer = account.send("GET", f"/api/billing/usage?period={period}")
    assert "period" in error_of(answer, 422, "INVALID_REQUEST")["details"]


# Idempotency keys


@pytest.mark.parametrize("where", ["header", "body"])
def test_a_key_counts_once_and_replays_its_answer(account: Account, where: str) -> None:
    key = {"headers": {"Idempotency-Key": "k-1"}} if where == "header" else {"idempotency_key": "k-1"}
    first = account.consume("ai_tokens", 500, **key)
    assert account.consume("ai_tokens", 7).status_code == 200
    again = account.consume("ai_tokens", 500, **key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert account.usage("ai_tokens")["used"] == 507


@pytest.mark.parametrize("other", [{"quantity": 501}, {"metric": "email_sends"}])
def test_a_key_with_another_body_is_refused_and_counts_nothing(account: Account, other: dict[str, object]) -> None:
    asked: dict[str, object] = {"metric": "ai_tokens", "quantity": 500, "idempotency_key": "k"}
    assert account.consume(**asked).status_code == 200
    error_of(account.consume(**{**asked, **other}), 409, "IDEMPOTENCY_KEY_REUSED")
    assert account.usage("ai_tokens")["used"] == 500
    assert account.usage("email_sends")["used"] == 0


def test_a_key_sent_twice_at_once_counts_once(account: Account) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: account.consume("ai_tokens", 5, idempotency_key="at-once"), range(16)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.text for answer in answers if answer.status_code == 200}) == 1
    assert account.usage("ai_tokens")["used"] == 5


def test_a_refusal_does_not_use_up_its_key(account: Account) -> None:
    assert account.consume(quantity=55_000).status_code == 200
    error_of(account.consume(idempotency_key="later"), 403, "PLAN_LIMIT_EXCEEDED")
    account.buy("starter")
    answer = account.consume(idempotency_key="later")
    assert (answer.status_code, answer.json()["used"]) == (200, 55_001)


def test_a_key_belongs_to_one_account(new_account: Callable[[], Account]) -> None:
    one, other = new_account(), new_account()
    assert one.consume(quantity=5, idempotency_key="shared").status_code == 200
    answer = other.consume(quantity=9, idempotency_key="shared")
    assert (answer.status_code, answer.json()["used"]) == (200, 9)


def test_a_key_belongs_to_one_kind_of_act(account: Account) -> None:
    assert account.consume(idempotency_key="shared").status_code == 200
    assert account.checkout("pro", idempotency_key="shared").status_code == 200


# Dry runs


def test_a_dry_run_answers_as_the_act_would_and_counts_nothing(account: Account) -> None:
    answer = account.consume(quantity=55_000, dry_run=True)
    assert answer.status_code == 200
    assert set(answer.json()) == {"allowed", *FIGURES}
    details = error_of(account.consume(quantity=55_001, dry_run=True), 403, "PLAN_LIMIT_EXCEEDED")["details"]
    assert details["remaining"] == 55_000
    assert account.usage("api_requests")["used"] == 0


# Storage


def test_storage_is_a_gauge_that_can_be_given_back_and_never_resets(account: Account) -> None:
    assert account.consume("storage_bytes", 2_000_000_000).status_code == 200
    answer = account.consume("storage_bytes", -500_000_000)
    assert (answer.status_code, answer.json()["used"]) == (200, 1_500_000_000)
    account.api.advance(days=32)
    found = account.usage("storage_bytes")
    assert (found["used"], found["limit"], found["hard_limit"]) == (1_500_000_000, 2_500_000_000, 2_750_000_000)


def test_more_storage_than_is_held_cannot_be_given_back(account: Account) -> None:
    assert account.consume("storage_bytes", 100).status_code == 200
    answer = account.consume("storage_bytes", -101)
    assert error_of(answer, 422, "QUANTITY_EXCEEDS_USED")["details"]["used"] == 100
    assert account.usage("storage_bytes")["used"] == 100


def test_storage_over_the_limit_of_a_lower_plan_can_be_given_back(account: Account) -> None:
    account.buy("pro")
    assert account.consume("storage_bytes", 20_000_000_000).status_code == 200
    account.cancel()
    account.api.advance(days=32)
    assert account.usage("storage_bytes")["state"] == "blocked"
    error_of(account.consume("storage_bytes", 1), 403, "PLAN_LIMIT_EXCEEDED")
    answer = account.consume("storage_bytes", -18_000_000_000)
    assert (answer.status_code, answer.json()["used"], answer.json()["state"]) == (200, 2_000_000_000, "ok")


# Places


def test_a_resource_takes_one_place_however_often_it_is_claimed(account: Account) -> None:
    first = account.claim("gateway_apis", "api-1")
    assert first.status_code == 200
    found = first.json()
    assert (found["kind"], found["id"], found["read_only"], found["used"], found["limit"]) == (
        "gateway_apis",
        "api-1",
        False,
        1,
        3,
    )
    assert account.claim("gateway_apis", "api-1").json() == found
    assert account.get("/api/billing/usage")["resource_counts"]["gateway_apis"]["used"] == 1


def test_a_freed_place_can_be_taken_again_and_freeing_is_safe_to_repeat(account: Account) -> None:
    for name in "abc":
        assert account.claim("gateway_apis", name).status_code == 200
    details = error_of(account.claim("gateway_apis", "d"), 403, "PLAN_LIMIT_EXCEEDED")["details"]
    assert (details["used"], details["limit"]) == (3, 3)
    assert [account.free("gateway_apis", "b").status_code for _ in range(2)] == [200, 200]
    assert account.claim("gateway_apis", "d").status_code == 200
    assert account.read_only("gateway_apis") == {"a": False, "c": False, "d": False}


def test_the_last_place_is_taken_by_one_of_many(account: Account) -> None:
    assert account.claim("gateway_apis", "first").status_code == 200
    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(lambda n: account.claim("gateway_apis", f"r-{n}").status_code, range(16)))
    assert statuses == {200: 2, 403: 14}
    assert len(account.read_only("gateway_apis")) == 3


def test_an_unlimited_kind_takes_any_number(account: Account) -> None:
    account.buy("pro")
    answers = [account.claim("projects", f"p-{n}") for n in range(12)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].json()["limit"] is None


def test_every_kind_is_listed_also_while_it_is_empty(account: Account) -> None:
    found = account.get("/api/billing/resources")
    assert found["tier"] == "free"
    assert found["resources"] == {
        kind: {"limit": limit, "used": 0, "items": []}
        for kind, limit in {
            "projects": 10,
            "team_members": 1,
            "gateway_apis": 3,
            "mcp_workspaces": 3,
            "realtime_connections": 200,
        }.items()
    }
