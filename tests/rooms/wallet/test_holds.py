"""Holds: money set aside once, ended once, by capture, release or lapse."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import BillingError, IdempotencyKeyReused
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.hold_work import HoldEnded, HoldNotFound
from aerostack_billing.wallet.models import Hold
from aerostack_billing.wallet.requests import SpendCapRequest
from aerostack_billing.wallet.rules import InsufficientBalance
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.wallet import audited, capture, charge, fund, hold, lines, owe, release

# Holds


def test_a_hold_sets_money_aside(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    taken = hold(parts, account, 300)
    assert (taken["balance_cents"], taken["held_cents"]) == (200, 300)
    assert taken["expires_at"] == "2026-03-10T12:15:00Z"
    with pytest.raises(InsufficientBalance):
        charge(parts, account, 201, "a")
    assert audited(parts, account).held == micros(300)


def test_a_capture_of_less_gives_the_rest_back(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    taken = hold(parts, account, 300)
    answer = capture(parts, account, taken["hold_id"], 120)
    assert (answer["captured_cents"], answer["short_cents"]) == (120, 0)
    assert (answer["balance_cents"], answer["held_cents"]) == (380, 0)
    assert lines(parts, account) == [("deposit", 500), ("hold", -300), ("release", 300), ("capture", -120)]
    assert audited(parts, account).spent == micros(120)


def test_a_capture_of_more_takes_the_rest_from_the_balance(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    taken = hold(parts, account, 300)
    answer = capture(parts, account, taken["hold_id"], 450)
    assert (answer["captured_cents"], answer["balance_cents"]) == (450, 50)
    audited(parts, account)


def test_a_capture_of_more_than_there_is_keeps_the_hold(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    taken = hold(parts, account, 300)
    with pytest.raises(InsufficientBalance):
        capture(parts, account, taken["hold_id"], 501)
    assert audited(parts, account).held == micros(300)
    answer = capture(parts, account, taken["hold_id"], 501, partial=True)
    assert (answer["captured_cents"], answer["short_cents"], answer["balance_cents"]) == (500, 1, 0)
    audited(parts, account)


def test_a_capture_replays_and_another_key_is_409(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    hold_id = hold(parts, account, 300)["hold_id"]
    first = capture(parts, account, hold_id, 120)
    assert capture(parts, account, hold_id, 120) == first
    with pytest.raises(IdempotencyKeyReused):
        capture(parts, account, hold_id, 121)
    with pytest.raises(HoldEnded):
        capture(parts, account, hold_id, 120, "other")
    with pytest.raises(HoldEnded):
        release(parts, account, hold_id)
    audited(parts, account)


def test_a_release_replays_and_nothing_can_be_captured_after_it(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    hold_id = hold(parts, account, 300)["hold_id"]
    first = release(parts, account, hold_id)
    assert (first["released_cents"], first["balance_cents"], first["held_cents"]) == (300, 500, 0)
    assert release(parts, account, hold_id) == first
    with pytest.raises(HoldEnded):
        release(parts, account, hold_id, "other")
    with pytest.raises(HoldEnded):
        capture(parts, account, hold_id, 1)
    audited(parts, account)


@pytest.mark.parametrize("hold_id", ["", "hold_", "hold_" + "0" * 40, "pi_1", "../x", "hold_" + "g" * 40])
def test_a_hold_that_is_none_is_404(parts: Runtime, account: str, hold_id: str) -> None:
    for act in (lambda: capture(parts, account, hold_id, 1), lambda: release(parts, account, hold_id)):
        with pytest.raises(HoldNotFound):
            act()


def test_another_accounts_hold_is_404(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    hold_id = hold(parts, account, 300)["hold_id"]
    with pytest.raises(HoldNotFound):
        capture(parts, f"{account}x", hold_id, 1)
    with pytest.raises(HoldNotFound):
        release(parts, f"{account}x", hold_id)


def test_a_hold_lapses_by_the_schedule_and_once(parts: Runtime, account: str, time_stands: Time) -> None:
    fund(parts, account, 500)
    hold(parts, account, 300, ttl_seconds=60)
    time_stands.forward(59)
    parts.wallet.lapsing.sweep()
    assert audited(parts, account).held == micros(300)
    time_stands.forward(1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: parts.wallet.lapsing.sweep(), range(4)))
    assert (audited(parts, account).held, audited(parts, account).balance) == (0, micros(500))
    assert lines(parts, account)[-1] == ("release", 300)


def test_until_the_schedule_has_run_a_lapsed_hold_stands_in_nobodys_way(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    fund(parts, account, 500)
    hold(parts, account, 300, ttl_seconds=60)
    time_stands.forward(60)
    assert charge(parts, account, 400, "a")["balance_cents"] == 100
    assert hold(parts, account, 100, "h2")["held_cents"] == 100
    audited(parts, account)


def test_a_partial_capture_finds_what_lapsed_holds_held(parts: Runtime, account: str, time_stands: Time) -> None:
    fund(parts, account, 500)
    hold(parts, account, 200, "h1", ttl_seconds=60)
    hold_id = hold(parts, account, 250, "h2")["hold_id"]
    time_stands.forward(60)
    answer = capture(parts, account, hold_id, 550, partial=True)
    assert (answer["captured_cents"], answer["short_cents"], answer["held_cents"]) == (500, 50, 0)
    audited(parts, account)


@pytest.mark.parametrize("swept", [False, True])
def test_a_capture_after_the_lapse_is_served_from_the_balance(
    parts: Runtime, account: str, time_stands: Time, *, swept: bool
) -> None:
    fund(parts, account, 500)
    hold_id = hold(parts, account, 300, ttl_seconds=60)["hold_id"]
    time_stands.forward(60)
    if swept:
        parts.wallet.lapsing.sweep()
    charge(parts, account, 250, "a") if swept else None
    available = 250 if swept else 500
    with pytest.raises(InsufficientBalance):
        capture(parts, account, hold_id, available + 1)
    first = capture(parts, account, hold_id, 200)
    assert (first["captured_cents"], first["balance_cents"]) == (200, available - 200)
    assert capture(parts, account, hold_id, 200) == first
    with pytest.raises(HoldEnded):
        capture(parts, account, hold_id, 200, "other")
    audited(parts, account)


def test_capture_release_and_lapse_at_once_end_the_hold_once(parts: Runtime, account: str, time_stands: Time) -> None:
    fund(parts, account, 5_000)
    for round_number in range(10):
        hold_id = hold(parts, account, 100, f"h{round_number}", ttl_seconds=60)["hold_id"]
        time_stands.forward(60)

        def quietly(act: Callable[[], object]) -> str:
            try:
                act()
            except BillingError as error:
                return error.code
            return "done"

        acts = [
            lambda hold_id=hold_id: capture(parts, account, hold_id, 30, f"c{hold_id}"),
            lambda hold_id=hold_id: release(parts, account, hold_id, "r"),
            parts.wallet.lapsing.sweep,
            lambda hold_id=hold_id: capture(parts, account, hold_id, 30, f"c2{hold_id}"),
        ]
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(quietly, acts))
        assert set(results) <= {"done", "HOLD_ENDED"}
        assert audited(parts, account).held == 0


def test_an_open_hold_is_honoured_when_a_debt_came_up_meanwhile(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    hold_id = hold(parts, account, 300)["hold_id"]
    owe(parts, account, 500)
    assert audited(parts, account).debt == micros(300)
    answer = capture(parts, account, hold_id, 100)
    assert (answer["captured_cents"], answer["short_cents"]) == (100, 0)
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.debt) == (0, micros(100))


def test_a_charge_that_finds_the_wallet_short_frees_no_hold_whose_time_is_not_over(
    parts: Runtime, account: str
) -> None:
    fund(parts, account, 500)
    hold_id = hold(parts, account, 400)["hold_id"]
    with pytest.raises(InsufficientBalance):
        charge(parts, account, 200, "a")
    assert audited(parts, account).held == micros(400)
    assert capture(parts, account, hold_id, 400)["short_cents"] == 0


def test_a_partial_capture_passes_no_cap(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    parts.wallet.statement.cap(account, SpendCapRequest(monthly_cap_cents=300))
    answer = capture(parts, account, hold(parts, account, 200)["hold_id"], 600, partial=True)
    assert (answer["captured_cents"], answer["short_cents"]) == (300, 300)
    audited(parts, account)


# Debt


def test_a_hold_whose_time_is_over_guarantees_nothing_to_who_owes(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    """Whether or not the schedule came by: what it held pays the debt first."""
    fund(parts, account, 500)
    held = hold(parts, account, 500, ttl_seconds=60)
    owe(parts, account, 400)
    time_stands.forward(60)
    with pytest.raises(InsufficientBalance):
        capture(parts, account, held["hold_id"], 500)
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.held, wallet.debt) == (micros(100), 0, 0)


def test_however_many_holds_are_open_a_402_costs_the_same(parts: Runtime, account: str, meter: Meter) -> None:
    fund(parts, account, 100)
    put_holds(parts, account, 600, lapsed=False)
    meter.reset()
    with pytest.raises(InsufficientBalance):
        charge(parts, account, 101, "a")
    assert meter.read_units <= 12


def test_a_few_lapsed_holds_are_freed_by_whoever_needs_their_money_those_of_most_money_first(
    parts: Runtime, account: str, time_stands: Time, meter: Meter
) -> None:
    fund(parts, account, 1_000)
    for number in range(39):
        hold(parts, account, 10, f"small{number}", ttl_seconds=60)
    hold(parts, account, 600, "large", ttl_seconds=60)
    time_stands.forward(61)
    meter.reset()
    charge(parts, account, 700, "a")
    assert meter.requests <= 40
    audited(parts, account)
    with pytest.raises(InsufficientBalance):
        charge(parts, account, 301, "b")
    assert audited(parts, account).balance <= micros(300)


def put_holds(parts: Runtime, account: str, count: int, *, lapsed: bool) -> None:
    """Open holds of a cent that no wallet knows of: what is asked is only what reading them costs."""
    until = clock.seconds() + (-1 if lapsed else 3_600)
    for number in range(count):
        open_hold = Hold(account, f"hold_{number:040x}", micros(1), "agent_execution", until, None)
        parts.dynamo.put(parts.wallet.store.opening(open_hold))


@pytest.mark.parametrize("lapsed", [False, True])
def test_a_key_that_captured_one_hold_captures_no_other(
    parts: Runtime, account: str, time_stands: Time, *, lapsed: bool
) -> None:
    fund(parts, account, 1_000)
    first, second = (hold(parts, account, 100, key, ttl_seconds=60)["hold_id"] for key in ("h1", "h2"))
    if lapsed:
        time_stands.forward(60)
        parts.wallet.lapsing.sweep()
    taken = capture(parts, account, first, 80, "k")
    with pytest.raises(IdempotencyKeyReused):
        capture(parts, account, second, 80, "k")
    assert capture(parts, account, first, 80, "k") == taken
    with pytest.raises(HoldEnded):
        capture(parts, account, first, 80, "other")
    capture(parts, account, second, 80, "k2")
    assert audited(parts, account).spent == micros(160)


def test_captures_of_a_lapsed_hold_under_several_keys_at_once_take_one(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    fund(parts, account, 1_000)
    hold_id = hold(parts, account, 100, ttl_seconds=60)["hold_id"]
    time_stands.forward(60)
    parts.wallet.lapsing.sweep()

    def taken(number: int) -> bool:
        try:
            capture(parts, account, hold_id, 80, f"k{number}")
        except HoldEnded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(taken, range(8))) == 1
    assert audited(parts, account).spent == micros(80)
