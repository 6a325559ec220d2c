"""The burst limit: exact at any concurrency, by the one write that counts what is used."""

from __future__ import annotations

import random
from collections import Counter as Tally
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.usage.bursts import LIMIT
from aerostack_billing.usage.models import ConsumeRequest
from aerostack_billing.usage.service import Consumed
from aerostack_billing.values.errors import PlanLimitExceeded, RateLimitExceeded
from tests.rooms.conftest import MARCH, Meter, Time
from tests.rooms.worlds.usage import batch, consume, event, move_to, statuses, take

FREE = 100
STARTER = 500


def call(parts: Runtime, account: str, **more: object) -> Consumed:
    request = ConsumeRequest(account_id=account, metric="api_requests", **more)  # type: ignore[arg-type]
    return parts.usage.metering.consume(request)


def passes(parts: Runtime, account: str) -> bool:
    try:
        call(parts, account)
    except RateLimitExceeded:
        return False
    return True


def spend(parts: Runtime, account: str, calls: int) -> None:
    """Let this minute have had so many calls, the last of them a real one."""
    call(parts, account)
    key = {"account_id": account, "period": clock.period()}
    place = f"burst_{clock.minute() % 7}"
    set_calls = Write(parts.settings.usage_table, key, update="SET #p = :n", names={"#p": place}, values={":n": calls})
    parts.dynamo.update(set_calls)


def used(parts: Runtime, account: str) -> int:
    return parts.usage.store.counters_item(account, clock.period()).counters["api_requests"].used


# Exact


def test_64_threads_in_one_minute_pass_exactly_the_limit(processes: list[Runtime], account: str) -> None:
    with ThreadPoolExecutor(64) as pool:
        passed = Tally(pool.map(lambda n: passes(processes[n % 8], account), range(256)))
    assert passed == {True: FREE, False: 156}
    assert used(processes[0], account) == FREE


def test_the_next_minute_passes_as_many_again(parts: Runtime, account: str, time_stands: Time) -> None:
    for minute in range(1, 4):
        with ThreadPoolExecutor(32) as pool:
            passed = Tally(pool.map(lambda _: passes(parts, account), range(130)))
        assert passed == {True: FREE, False: 30}
        assert used(parts, account) == minute * FREE
        time_stands.forward(60)


def test_clocks_that_disagree_about_the_minute_let_no_more_through(processes: list[Runtime], account: str) -> None:
    """Each call is told one of two minutes by chance: what was counted in the later one is not restarted."""
    chance = random.Random(5)
    with clock.using(lambda: MARCH + chance.choice((0, 60))), ThreadPoolExecutor(32) as pool:
        answer = list(pool.map(lambda n: minute_of(processes[n % 8], account), range(300)))
    by_minute = Tally(minute for minute in answer if minute is not None)
    assert by_minute[MARCH // 60 + 1] == FREE
    assert by_minute[MARCH // 60] <= FREE
    assert used(processes[0], account) == by_minute.total()


def minute_of(parts: Runtime, account: str) -> int | None:
    try:
        burst = call(parts, account).burst
    except RateLimitExceeded:
        return None
    assert burst is not None
    return burst.minute


def test_a_clock_that_is_far_off_does_not_close_the_account_to_the_others(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.forward(3_600)
    spend(parts, account, FREE)
    assert not passes(parts, account)
    time_stands.forward(-3_600)
    assert passes(parts, account)


# What it costs


@pytest.mark.parametrize("minutes", [0, 1, 2, 5, 6, 10, 15, 30, 60])
def test_a_call_is_one_request_also_when_it_is_the_first_of_its_minute(
    parts: Runtime, account: str, meter: Meter, time_stands: Time, minutes: int
) -> None:
    call(parts, account)
    time_stands.forward(60 * minutes)
    meter.reset()
    call(parts, account)
    assert meter.spent() == (1, 1, 0)


def test_a_call_after_seven_minutes_of_silence_is_two_requests_and_begins_the_count_anew(
    parts: Runtime, account: str, meter: Meter, time_stands: Time
) -> None:
    spend(parts, account, FREE)
    time_stands.forward(420)
    meter.reset()
    first = call(parts, account)
    assert meter.operations == ["UpdateItem", "UpdateItem"]
    assert first.headers["x-ratelimit-remaining"] == str(FREE - 1)


def test_a_refused_call_is_one_request(parts: Runtime, account: str, meter: Meter) -> None:
    spend(parts, account, FREE)
    meter.reset()
    with pytest.raises(RateLimitExceeded):
        call(parts, account)
    assert meter.operations == ["UpdateItem"]


def test_no_count_of_an_old_minute_stays_in_the_item(parts: Runtime, account: str, time_stands: Time) -> None:
    for _ in range(20):
        call(parts, account)
        time_stands.forward(60)
    item = parts.dynamo.get(parts.settings.usage_table, {"account_id": account, "period": "2026-03"}) or {}
    assert len([name for name in item if name.startswith("burst_")]) == 3


# What an answer tells


def test_an_answer_tells_how_many_calls_are_left_and_until_when(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 10, 12, 0, 45)
    call(parts, account)
    assert call(parts, account, quantity=10).headers == {
        "x-ratelimit-limit": "100",
        "x-ratelimit-remaining": "98",
        "x-ratelimit-reset": str(int(MARCH) + 60),
    }


def test_a_refusal_says_when_to_ask_again_and_counts_nothing(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 3, 10, 12, 0, 45)
    spend(parts, account, FREE)
    for _ in range(2):
        with pytest.raises(RateLimitExceeded) as refused:
            call(parts, account)
        assert (refused.value.status, refused.value.code) == (429, "RATE_LIMIT_EXCEEDED")
        assert refused.value.headers == {
            "retry-after": "15",
            "x-ratelimit-limit": "100",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(int(MARCH) + 60),
        }
        assert refused.value.details["reset_at"] == "2026-03-10T12:01:00Z"
    assert used(parts, account) == 1
    time_stands.forward(15)
    assert passes(parts, account)


def test_an_unlimited_plan_has_no_burst_limit_to_tell_of(parts: Runtime, account: str) -> None:
    move_to(parts, account, "enterprise")
    spend(parts, account, 1_000_000)
    assert call(parts, account).headers == {}


# What counts as a call


def test_only_calls_for_api_requests_count(parts: Runtime, account: str) -> None:
    spend(parts, account, FREE)
    for metric in ("ai_tokens", "storage_bytes"):
        consume(parts, account, 1, metric)
    assert statuses(batch(parts, event(account), event(account, idempotency_key="k"))) == [200, 200]
    assert take(parts, account)["granted"] == 1_000
    assert not passes(parts, account)


def test_a_batch_that_answers_its_events_one_by_one_is_under_no_burst_limit(parts: Runtime, account: str) -> None:
    call(parts, account, idempotency_key="k")
    spend(parts, account, FREE)
    assert statuses(batch(parts, event(account, idempotency_key="k"))) == [200]
    assert statuses(batch(parts, event(account, 60_000, idempotency_key="l"))) == [403]


def test_what_the_monthly_limit_refuses_is_no_call_of_the_minute(parts: Runtime, account: str) -> None:
    call(parts, account, quantity=55_000)
    for _ in range(5):
        with pytest.raises(PlanLimitExceeded):
            call(parts, account)
    move_to(parts, account, "starter")
    assert call(parts, account).headers["x-ratelimit-remaining"] == str(STARTER - 2)


def test_where_both_limits_refuse_the_one_that_waiting_does_not_help_is_told(parts: Runtime, account: str) -> None:
    call(parts, account, quantity=54_999)
    spend(parts, account, FREE)
    with pytest.raises(PlanLimitExceeded):
        call(parts, account)


def test_a_dry_run_is_no_call_and_tells_of_the_burst_limit(parts: Runtime, account: str) -> None:
    for _ in range(3):
        call(parts, account, dry_run=True)
    spend(parts, account, FREE - 1)
    assert call(parts, account, dry_run=True).body["allowed"] is True
    assert passes(parts, account)
    with pytest.raises(RateLimitExceeded):
        call(parts, account, dry_run=True)


# Keys


def test_a_call_under_a_key_counts_once_however_often_it_is_answered(parts: Runtime, account: str) -> None:
    first = call(parts, account, idempotency_key="k")
    assert first.headers["x-ratelimit-remaining"] == str(FREE - 1)
    for _ in range(3):
        assert call(parts, account, idempotency_key="k").replayed
    assert call(parts, account).headers["x-ratelimit-remaining"] == str(FREE - 2)


def test_a_key_is_answered_also_in_a_minute_without_calls_left(parts: Runtime, account: str) -> None:
    first = call(parts, account, quantity=5, idempotency_key="k")
    spend(parts, account, FREE)
    again = call(parts, account, quantity=5, idempotency_key="k")
    assert (again.body, again.replayed) == (first.body, True)


def test_a_key_that_the_burst_limit_refused_may_be_used_later(parts: Runtime, account: str, time_stands: Time) -> None:
    spend(parts, account, FREE)
    with pytest.raises(RateLimitExceeded):
        call(parts, account, idempotency_key="k")
    time_stands.forward(60)
    done = call(parts, account, idempotency_key="k")
    assert (done.replayed, done.body["used"]) == (False, 2)


def test_64_threads_under_keys_pass_exactly_the_limit(parts: Runtime, account: str) -> None:
    def passes_under(key: str) -> bool:
        try:
            call(parts, account, idempotency_key=key)
        except RateLimitExceeded:
            return False
        return True

    spend(parts, account, FREE - 20)
    with ThreadPoolExecutor(64) as pool:
        passed = Tally(pool.map(passes_under, map(str, range(64))))
    assert passed == {True: 20, False: 44}
    assert used(parts, account) == 21


# Plans


def test_a_change_of_plan_moves_the_limit_of_the_minute_under_way(parts: Runtime, account: str) -> None:
    spend(parts, account, FREE)
    move_to(parts, account, "starter")
    assert call(parts, account).headers["x-ratelimit-remaining"] == str(STARTER - FREE - 1)
    move_to(parts, account, "free")
    assert not passes(parts, account)


def test_an_item_from_before_there_was_a_burst_limit_is_given_one(parts: Runtime, account: str, meter: Meter) -> None:
    call(parts, account)
    key = {"account_id": account, "period": "2026-03"}
    names = {"#limit": LIMIT, "#minute": "burst_minute", "#calls": f"burst_{clock.minute() % 7}"}
    names["#version"] = "limits_version"
    parts.dynamo.update(Write(parts.settings.usage_table, key, update=f"REMOVE {', '.join(names)}", names=names))
    assert call(parts, account).headers["x-ratelimit-remaining"] == str(FREE - 1)
    assert used(parts, account) == 2


# Races that a test has to bring about


def test_a_minute_that_others_begin_meanwhile_is_counted_in_as_they_left_it(
    parts: Runtime, account: str, time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven minutes later two callers find the old count; the second one's new beginning is refused."""
    spend(parts, account, FREE)
    time_stands.forward(420)
    meanwhile: list[Callable[[], object]] = [lambda: call(parts, account)]
    update = parts.dynamo.update

    def after_another(write: Write) -> object:
        if meanwhile and ":seen" in (write.values or {}):
            meanwhile.pop()()
        return update(write)

    monkeypatch.setattr(parts.dynamo, "update", after_another)
    assert call(parts, account).headers["x-ratelimit-remaining"] == str(FREE - 2)
