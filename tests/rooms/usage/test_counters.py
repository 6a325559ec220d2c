"""Usage counters: one conditional write, exact at any concurrency, correct through months and plans."""

from __future__ import annotations

from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.accounts.store import VersionConflict
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.idempotency.store import Keyed, keyed
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.usage.models import ConsumeRequest
from aerostack_billing.values.errors import (
    BillingError,
    GaugeBelowZero,
    IdempotencyKeyReused,
    InvalidRequest,
    PlanLimitExceeded,
    UnknownMetric,
)
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.usage import ceilings, consume, move_to


def test_free_passes_its_55000th_request_and_refuses_the_next(parts: Runtime, account: str) -> None:
    assert consume(parts, account, 54_999)["state"] == "grace"
    last = consume(parts, account)
    assert (last["used"], last["remaining"], last["state"]) == (55_000, 0, "blocked")
    with pytest.raises(PlanLimitExceeded) as refused:
        consume(parts, account)
    assert refused.value.details == {
        "metric": "api_requests",
        "period": "2026-03",
        "used": 55_000,
        "limit": 50_000,
        "hard_limit": 55_000,
        "remaining": 0,
        "state": "blocked",
        "requested": 1,
    }


def test_the_limit_itself_is_still_ok_and_one_more_is_grace(parts: Runtime, account: str) -> None:
    assert consume(parts, account, 50_000)["state"] == "ok"
    assert consume(parts, account)["state"] == "grace"


def test_64_concurrent_consumers_of_the_last_100_let_exactly_100_pass(parts: Runtime, account: str) -> None:
    consume(parts, account, 5_400, "gateway_requests")

    def attempt(_: int) -> bool:
        try:
            consume(parts, account, metric="gateway_requests")
        except PlanLimitExceeded:
            return False
        return True

    with ThreadPoolExecutor(64) as pool:
        passed = Tally(pool.map(attempt, range(400)))
    assert passed == {True: 100, False: 300}
    assert consume(parts, account, dry_run=True, metric="ai_tokens")["used"] == 0
    counter = parts.usage.store.read(account, ["2026-03"], consistent=True)["2026-03"].counters["gateway_requests"]
    assert (counter.used, counter.room) == (5_500, 0)


def test_the_first_use_of_a_month_by_64_at_once_counts_each(parts: Runtime, account: str) -> None:
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda _: consume(parts, account), range(64)))
    assert consume(parts, account)["used"] == 65


def test_a_full_item_with_the_longest_account_id_is_still_one_write_unit(parts: Runtime, meter: Meter) -> None:
    account = "a" * 128
    move_to(parts, account, "enterprise")
    for metric in parts.catalog.data.monthly_quotas:
        consume(parts, account, 10**15 - 1, metric)
    meter.reset()
    consume(parts, account)
    assert meter.spent() == (1, 1, 0)


@pytest.mark.parametrize("quantity", [0, -1])
def test_what_is_not_positive_is_refused(parts: Runtime, account: str, quantity: int, meter: Meter) -> None:
    with pytest.raises(InvalidRequest):
        consume(parts, account, quantity)
    assert meter.requests == 0


def test_an_unknown_metric_is_refused_and_nothing_is_asked(parts: Runtime, account: str, meter: Meter) -> None:
    with pytest.raises(UnknownMetric):
        consume(parts, account, metric="api_request")
    assert meter.requests == 0


def test_an_enterprise_account_has_no_limit(parts: Runtime, account: str) -> None:
    move_to(parts, account, "enterprise")
    answer = consume(parts, account, 10**15)
    assert (answer["limit"], answer["hard_limit"], answer["remaining"], answer["state"]) == (None, None, None, "ok")


# Months


def test_a_new_month_starts_at_zero_and_the_old_one_can_be_read(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    consume(parts, account, 55_000)
    time_stands.to(2026, 4, 1)
    assert consume(parts, account)["used"] == 1
    march = parts.usage.overview.view(account, "2026-03")
    assert march["period"] == "2026-03"
    assert march["usage"]["api_requests"]["used"] == 55_000  # type: ignore[index]


@pytest.mark.parametrize("period", ["2026-13", "26-03", "2026-04", "march", "", "2026-03\n"])
def test_a_period_that_is_no_month_so_far_is_refused(parts: Runtime, account: str, period: str) -> None:
    with pytest.raises(InvalidRequest):
        parts.usage.overview.view(account, period)


# Plan changes


def test_a_rise_in_the_middle_of_a_month_keeps_used_and_moves_the_ceiling(parts: Runtime, account: str) -> None:
    consume(parts, account, 55_000)
    move_to(parts, account, "starter")
    answer = consume(parts, account)
    assert (answer["used"], answer["limit"], answer["hard_limit"]) == (55_001, 500_000, 575_000)


def test_a_fall_below_what_is_used_blocks_and_takes_nothing_away(parts: Runtime, account: str) -> None:
    move_to(parts, account, "pro")
    consume(parts, account, 60_000)
    move_to(parts, account, "free")
    with pytest.raises(PlanLimitExceeded) as refused:
        consume(parts, account)
    assert (refused.value.details["used"], refused.value.details["remaining"]) == (60_000, 0)
    assert refused.value.details["hard_limit"] == 55_000


def test_up_and_down_through_unlimited_ends_where_it_began(parts: Runtime, account: str) -> None:
    consume(parts, account, 10)
    for tier in ("enterprise", "business", "enterprise", "free"):
        move_to(parts, account, tier)  # type: ignore[arg-type]
    assert consume(parts, account, dry_run=True)["hard_limit"] == 55_000


def test_plan_changes_and_consumers_at_once_keep_used_plus_room_at_the_hard_limit(parts: Runtime, account: str) -> None:
    consume(parts, account)

    def change(tier: Tier) -> None:
        for _ in range(50):
            try:
                move_to(parts, account, tier)
            except VersionConflict:
                continue
            return
        pytest.fail("the plan could not be changed")

    with ThreadPoolExecutor(16) as pool:
        changes = [pool.submit(change, tier) for tier in ("starter", "pro", "enterprise", "business", "starter")]
        used = [pool.submit(consume, parts, account) for _ in range(200)]
        for future in [*changes, *used]:
            future.result()
    tier = parts.accounts.store.get(account).plan.tier
    counter = parts.usage.store.read(account, ["2026-03"], consistent=True)["2026-03"].counters["api_requests"]
    assert counter.used == 201
    assert counter.used + counter.room == parts.catalog.plan(tier).quotas["api_requests"].ceiling


def test_a_month_born_while_the_plan_changes_has_the_new_limits(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    """The change is prepared at the end of March and lands in April, after April's first use."""
    time_stands.to(2026, 3, 31, 23, 59, 59)
    before = parts.accounts.store.get(account)
    moves = ceilings(parts).moves(account, "free", "pro")
    time_stands.to(2026, 4, 1)
    consume(parts, account)
    with pytest.raises(VersionConflict):
        parts.accounts.store.write_plan(before, PlanState(tier="pro"), moves, None)
    move_to(parts, account, "pro")
    assert consume(parts, account)["hard_limit"] == 2_400_000


def test_an_item_is_never_opened_with_the_limits_of_a_plan_that_has_ended(parts: Runtime, account: str) -> None:
    stale = parts.accounts.store.get(account)
    move_to(parts, account, "pro")
    parts.usage.store.open(stale, "2026-03")
    assert parts.usage.store.read(account, ["2026-03"], consistent=True) == {}
    assert consume(parts, account)["limit"] == 2_000_000


def test_a_metric_that_a_release_adds_is_counted_in_the_month_under_way(parts: Runtime, account: str) -> None:
    consume(parts, account)
    key = {"account_id": account, "period": "2026-03"}
    names = {"#used": "email_sends_used", "#room": "email_sends_room", "#version": "limits_version"}
    parts.dynamo.update(Write(parts.settings.usage_table, key, update="REMOVE #used, #room, #version", names=names))
    answer = consume(parts, account, 3, "email_sends")
    assert (answer["used"], answer["hard_limit"]) == (3, 1_100)
    assert consume(parts, account)["used"] == 2


# The gauge


def test_storage_is_given_back_and_never_resets(parts: Runtime, account: str, time_stands: Time) -> None:
    consume(parts, account, 1_000, "storage_bytes")
    time_stands.to(2026, 4, 2)
    assert consume(parts, account, -400, "storage_bytes")["used"] == 600
    with pytest.raises(GaugeBelowZero):
        consume(parts, account, -601, "storage_bytes")
    assert consume(parts, account, -600, "storage_bytes")["used"] == 0


def test_storage_over_a_cheaper_plans_limit_can_still_be_given_back(parts: Runtime, account: str) -> None:
    move_to(parts, account, "pro")
    consume(parts, account, 20_000_000_000, "storage_bytes")
    move_to(parts, account, "free")
    assert consume(parts, account, -10, "storage_bytes", dry_run=True)["allowed"] is True
    assert consume(parts, account, -10_000_000_000, "storage_bytes")["remaining"] == 0


def test_storage_has_the_grace_of_a_quota(parts: Runtime, account: str) -> None:
    assert consume(parts, account, 2_750_000_000, "storage_bytes")["state"] == "blocked"
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account, 1, "storage_bytes")


# Idempotency


def test_a_key_counts_once_and_gives_the_first_answer_again(parts: Runtime, account: str) -> None:
    first = consume(parts, account, 5, idempotency_key="k")
    consume(parts, account, 7)
    request = ConsumeRequest(account_id=account, metric="api_requests", quantity=5, idempotency_key="k")
    again = parts.usage.metering.consume(request)
    assert (again.body, again.replayed) == (first, True)
    assert consume(parts, account)["used"] == 13


def test_a_key_for_another_request_is_refused_and_counts_nothing(parts: Runtime, account: str) -> None:
    consume(parts, account, 5, idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        consume(parts, account, 6, idempotency_key="k")
    assert consume(parts, account)["used"] == 6


def test_32_duplicates_under_one_key_count_once_and_all_get_one_answer(parts: Runtime, account: str) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: consume(parts, account, 5, idempotency_key="k"), range(32)))
    assert all(answer == answers[0] for answer in answers)
    assert consume(parts, account)["used"] == 6


def test_a_refusal_frees_the_key(parts: Runtime, account: str) -> None:
    consume(parts, account, 55_000)
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account, 5, idempotency_key="k")
    move_to(parts, account, "pro")
    assert consume(parts, account, 5, idempotency_key="k")["used"] == 55_005
    assert consume(parts, account, 5, idempotency_key="k")["used"] == 55_005


def test_a_key_replays_also_when_no_room_is_left(parts: Runtime, account: str) -> None:
    first = consume(parts, account, 55_000, idempotency_key="k")
    assert consume(parts, account, 55_000, idempotency_key="k") == first


def test_a_key_whose_first_request_broke_off_after_counting_is_answered_not_counted(
    parts: Runtime, account: str
) -> None:
    consume(parts, account)
    asked = keyed("consume", account, "k", {"metric": "api_requests", "quantity": 5})
    parts.usage.store.add_with(account, "2026-03", "api_requests", 5, [parts.idempotency.claim(asked)])
    assert consume(parts, account, 5, idempotency_key="k")["used"] == 6
    assert consume(parts, account, 5, idempotency_key="k")["used"] == 6


def test_of_two_that_answer_one_key_both_give_what_was_kept_first(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The duplicate comes between the count and its answer, when the figures are others already."""
    keep, duplicates = parts.idempotency.answer, list[int]()

    def duplicate_first(request: Keyed, body: dict[str, object]) -> dict[str, object]:
        monkeypatch.setattr(parts.idempotency, "answer", keep)
        consume(parts, account, 5)
        duplicates.append(consume(parts, account, idempotency_key="k")["used"])
        return keep(request, body)

    monkeypatch.setattr(parts.idempotency, "answer", duplicate_first)
    assert [consume(parts, account, idempotency_key="k")["used"]] == duplicates == [6]
    assert consume(parts, account, idempotency_key="k")["used"] == 6


def test_a_key_expires_by_condition_and_not_by_ttl(parts: Runtime, account: str, time_stands: Time) -> None:
    consume(parts, account, 5, idempotency_key="k")
    time_stands.forward(24 * 3600)
    assert consume(parts, account, 5, idempotency_key="k")["used"] == 5
    time_stands.forward(3601)
    assert consume(parts, account, 5, idempotency_key="k")["used"] == 10


def test_one_accounts_key_is_no_other_accounts_key(parts: Runtime, account: str) -> None:
    consume(parts, account, 5, idempotency_key="k")
    assert consume(parts, f"{account}x", 6, idempotency_key="k")["used"] == 6


# Dry run


def test_a_dry_run_tells_and_counts_nothing(parts: Runtime, account: str, meter: Meter) -> None:
    assert consume(parts, account, 55_000, dry_run=True)["used"] == 0
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account, 55_001, dry_run=True)
    assert meter.write_units == 0
    consume(parts, account, 54_999)
    assert consume(parts, account, 1, dry_run=True)["remaining"] == 1
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account, 2, dry_run=True)


# Showing


def test_usage_of_an_account_never_seen_is_zeros_in_one_request(parts: Runtime, account: str, meter: Meter) -> None:
    view = parts.usage.overview.view(account, None)
    assert meter.spent()[0] == 1
    assert view["usage"]["api_requests"] == {  # type: ignore[index]
        "used": 0,
        "limit": 50_000,
        "hard_limit": 55_000,
        "remaining": 55_000,
        "state": "ok",
    }
    assert view["resource_counts"]["projects"] == {"used": 0, "limit": 10}  # type: ignore[index]


def test_a_refusal_is_an_error_with_a_code_and_a_way_out(parts: Runtime, account: str) -> None:
    with pytest.raises(BillingError) as refused:
        consume(parts, account, 55_001)
    assert refused.value.code == "PLAN_LIMIT_EXCEEDED"
    assert "Upgrade" in refused.value.message
