"""Budgets: never above their limit by an accepted charge, at any concurrency, and always what the ledger says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.requests import BudgetName
from aerostack_billing.wallet.rules import InsufficientBalance
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.budgets import AGENT, capture, put, refund, spent, stands
from tests.rooms.worlds.wallet import audited, charge, fund, hold, release


@pytest.fixture
def funded(parts: Runtime, account: str) -> Iterator[str]:
    """An account with $100.00, whose books are in order in the end."""
    fund(parts, account, 10_000)
    yield account
    audited(parts, account)


def test_a_charge_that_fits_is_counted_and_one_that_does_not_takes_nothing(parts: Runtime, funded: str) -> None:
    put(parts, funded, 100)
    charge(parts, funded, 60, "k1", labels=AGENT)
    with pytest.raises(BudgetReached) as refused:
        charge(parts, funded, "40.0001", "k2", labels=AGENT)
    assert refused.value.details == {
        "label": "agent",
        "value": "a",
        "window": "day",
        "limit_cents": 100,
        "spent_cents": 60,
        "held_cents": 0,
        "remaining_cents": 40,
        "resets_at": "2026-03-11T00:00:00Z",
        "required_cents": 40.0001,
    }
    charge(parts, funded, 40, "k3", labels=AGENT)
    assert stands(parts, funded)["state"] == "reached"
    charge(parts, funded, 500, "k4", labels={"agent": "b"})
    charge(parts, funded, 500, "k5")
    assert spent(parts, funded) == (100, 0)


def test_five_calls_at_once_on_45_cents_spend_at_most_45(parts: Runtime, processes: list[Runtime], funded: str) -> None:
    put(parts, funded, 45)

    def attempt(i: int) -> int:
        try:
            charge(processes[i], funded, 12, f"k{i}", labels=AGENT)
        except BudgetReached:
            return 0
        return 12

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(attempt, range(5))) == 36
    assert spent(parts, funded) == (36, 0)


def test_a_budget_of_each_value_counts_each_apart_and_one_of_its_own_comes_first(parts: Runtime, funded: str) -> None:
    put(parts, funded, 10, "*")
    put(parts, funded, 30, "vip")
    for value in ("a", "b"):
        charge(parts, funded, 10, value, labels={"agent": value})
        with pytest.raises(BudgetReached):
            charge(parts, funded, 1, f"{value}2", labels={"agent": value})
    charge(parts, funded, 30, "vip", labels={"agent": "vip"})
    assert (spent(parts, funded, "a"), spent(parts, funded, "vip")) == ((10, 0), (30, 0))
    assert stands(parts, funded, "a")["inherited"] is True
    assert stands(parts, funded, "*")["spent_cents"] is None
    assert spent(parts, funded, "never seen") == (0, 0)
    # Taken over by a budget of its own and given back, it goes on counting what it counted.
    put(parts, funded, 12, "a")
    charge(parts, funded, 2, "a3", labels=AGENT)
    parts.wallet.budgets.delete(funded, BudgetName(label="agent", value="a"))
    assert spent(parts, funded, "a") == (12, 0)


def test_every_budget_that_the_labels_meet_must_have_room(parts: Runtime, funded: str) -> None:
    put(parts, funded, 100)
    put(parts, funded, 50, "k", label="key")
    charge(parts, funded, 50, "k1", labels={"agent": "a", "key": "k"})
    with pytest.raises(BudgetReached) as refused:
        charge(parts, funded, 1, "k2", labels={"agent": "a", "key": "k"})
    assert (refused.value.details["label"], refused.value.details["value"]) == ("key", "k")
    assert (spent(parts, funded), spent(parts, funded, "k", "key")) == ((50, 0), (50, 0))


@pytest.mark.parametrize(
    ("window", "same", "next_one"),
    [("day", (2026, 3, 10, 23, 59), (2026, 3, 11)), ("month", (2026, 3, 31), (2026, 4, 1))],
)
def test_a_window_begins_anew_by_date_in_the_write_of_the_charge(
    parts: Runtime, funded: str, time_stands: Time, window: str, same: tuple[int, ...], next_one: tuple[int, ...]
) -> None:
    put(parts, funded, 10, window=window)
    charge(parts, funded, 10, "k1", labels=AGENT)
    time_stands.to(*same)
    with pytest.raises(BudgetReached):
        charge(parts, funded, 1, "k2", labels=AGENT)
    time_stands.to(*next_one)
    assert spent(parts, funded) == (0, 0)
    charge(parts, funded, 4, "k3", labels=AGENT)
    assert spent(parts, funded) == (4, 0)


def test_a_total_never_begins_anew(parts: Runtime, funded: str, time_stands: Time) -> None:
    shown = put(parts, funded, 10, window="total")
    assert shown["resets_at"] is None
    charge(parts, funded, 10, "k1", labels=AGENT)
    time_stands.to(2027, 3, 10)
    with pytest.raises(BudgetReached):
        charge(parts, funded, 1, "k2", labels=AGENT)


def test_a_hold_takes_room_and_its_capture_settles_there(parts: Runtime, funded: str) -> None:
    put(parts, funded, 100)
    taken = hold(parts, funded, 80, labels=AGENT)
    assert spent(parts, funded) == (0, 80)
    with pytest.raises(BudgetReached):
        charge(parts, funded, 21, "k1", labels=AGENT)
    capture(parts, funded, taken["hold_id"], 30)
    assert spent(parts, funded) == (30, 0)
    charge(parts, funded, 70, "k2", labels=AGENT)


def test_a_capture_above_its_hold_needs_room_for_all_of_it(parts: Runtime, funded: str) -> None:
    put(parts, funded, 100)
    taken = hold(parts, funded, 80, labels=AGENT)
    with pytest.raises(BudgetReached):
        capture(parts, funded, taken["hold_id"], 101)
    assert spent(parts, funded) == (0, 80)
    answer = capture(parts, funded, taken["hold_id"], 101, allow_partial=True)
    assert (answer["captured_cents"], answer["short_cents"]) == (100, 1)
    assert spent(parts, funded) == (100, 0)


def test_what_a_hold_guarantees_passes_though_the_limit_fell_meanwhile(parts: Runtime, funded: str) -> None:
    put(parts, funded, 100)
    taken = hold(parts, funded, 80, labels=AGENT)
    assert put(parts, funded, 10)["state"] == "reached"
    capture(parts, funded, taken["hold_id"], 80)
    shown = stands(parts, funded)
    assert (shown["spent_cents"], shown["remaining_cents"]) == (80, 0)


def test_a_capture_after_midnight_settles_in_the_day_of_its_hold(
    parts: Runtime, funded: str, time_stands: Time
) -> None:
    put(parts, funded, 100)
    taken = hold(parts, funded, 80, labels=AGENT, ttl_seconds=86_400)
    time_stands.forward(43_200)
    charge(parts, funded, 95, "k1", labels=AGENT)
    with pytest.raises(BudgetReached):
        capture(parts, funded, taken["hold_id"], 86)
    capture(parts, funded, taken["hold_id"], 85)
    # 80 were of yesterday; only the 5 above the hold are of today.
    assert spent(parts, funded) == (100, 0)


def test_a_hold_from_before_the_budget_is_no_part_of_it(parts: Runtime, funded: str) -> None:
    taken = hold(parts, funded, 80, labels=AGENT)
    put(parts, funded, 10)
    capture(parts, funded, taken["hold_id"], 85)
    assert spent(parts, funded) == (5, 0)


def test_a_release_and_a_lapse_give_room_back(parts: Runtime, funded: str, time_stands: Time) -> None:
    put(parts, funded, 100)
    release(parts, funded, hold(parts, funded, 80, "h1", labels=AGENT)["hold_id"])
    assert spent(parts, funded) == (0, 0)
    hold(parts, funded, 100, "h2", labels=AGENT, ttl_seconds=60)
    time_stands.forward(61)
    # Nobody swept: whoever needs the room frees it.
    charge(parts, funded, 100, "k", labels=AGENT)
    assert spent(parts, funded) == (100, 0)


def test_a_refund_gives_room_back_in_its_own_window_alone(parts: Runtime, funded: str, time_stands: Time) -> None:
    put(parts, funded, 100)
    first = charge(parts, funded, 60, "k1", labels=AGENT)["charge_id"]
    second = charge(parts, funded, 40, "k2", labels=AGENT)["charge_id"]
    refund(parts, funded, first)
    refund(parts, funded, first)
    assert spent(parts, funded) == (40, 0)
    time_stands.forward(86_400)
    charge(parts, funded, 10, "k3", labels=AGENT)
    refund(parts, funded, second)
    assert spent(parts, funded) == (10, 0)


def test_own_keys_count_where_the_budget_says_so(parts: Runtime, funded: str) -> None:
    put(parts, funded, 100)
    put(parts, funded, 100, "k", label="key", include_byok=True)
    labels = {"agent": "a", "key": "k"}
    first = charge(parts, funded, 90, "k1", labels=labels, billing_mode="byok")
    assert first["amount_cents"] == 0
    assert (spent(parts, funded), spent(parts, funded, "k", "key")) == ((0, 0), (90, 0))
    with pytest.raises(BudgetReached):
        charge(parts, funded, 11, "k2", labels=labels, billing_mode="byok")


def test_no_single_charge_is_above_the_budget_s_highest(parts: Runtime, funded: str) -> None:
    put(parts, funded, 100, per_charge_max_cents=5)
    with pytest.raises(BudgetReached) as refused:
        charge(parts, funded, 6, "k1", labels=AGENT)
    assert (refused.value.details["per_charge_max_cents"], refused.value.details["required_cents"]) == (5, 6)
    charge(parts, funded, 5, "k2", labels=AGENT)


def test_alerts_are_told_once_a_window_each_and_what_is_reached_too(
    parts: Runtime, funded: str, time_stands: Time
) -> None:
    put(parts, funded, 100)
    for i, amount in enumerate((49, 1, 20, 15)):
        charge(parts, funded, amount, f"k{i}", labels=AGENT)
    for i in range(3):
        with pytest.raises(BudgetReached):
            charge(parts, funded, 16, f"over{i}", labels=AGENT)
    assert announced(parts, funded) == {("budget.alert", 50), ("budget.alert", 80), ("budget.reached", 85)}
    time_stands.forward(86_400)
    charge(parts, funded, 100, "all", labels=AGENT)
    assert announced(parts, funded) >= {("budget.alert", 100), ("budget.reached", 100)}


def announced(parts: Runtime, account: str) -> set[tuple[str, object]]:
    """The domain events of budgets that wait for an account: the percentage of an alert, else what is spent."""
    details = [(record.type, json.loads(record.detail)) for record in parts.outbox.store.waiting()]
    mine = [(kind, detail["data"]) for kind, detail in details if detail["account_id"] == account]
    found = [(kind, data.get("percent", data["spent_cents"])) for kind, data in mine if kind.startswith("budget.")]
    assert len(found) == len(set(found))
    return set(found)


def test_who_is_short_is_told_that_before_any_budget(parts: Runtime, account: str) -> None:
    put(parts, account, 1)
    with pytest.raises(InsufficientBalance):
        charge(parts, account, 2, "k", labels=AGENT)


def test_a_charge_that_meets_two_budgets_costs_two_requests_and_ten_units(
    parts: Runtime, funded: str, meter: Meter
) -> None:
    put(parts, funded, 1_000)
    put(parts, funded, 1_000, "*", label="key")
    labels = {"agent": "a", "key": "k", "member": "m"}
    charge(parts, funded, 1, "k0", labels=labels)
    meter.reset()
    charge(parts, funded, 1, "k1", labels=labels)
    requests, writes, reads = meter.spent()
    assert requests == 2
    assert writes <= 10
    assert reads <= 2


def test_labels_without_a_budget_cost_nothing(parts: Runtime, funded: str, meter: Meter) -> None:
    charge(parts, funded, 1, "k0")
    meter.reset()
    charge(parts, funded, 1, "k1")
    without = meter.spent()
    meter.reset()
    charge(parts, funded, 1, "k2", labels={"agent": "a", "key": "k"})
    assert meter.spent() == without


def test_a_process_that_knew_of_no_budget_meets_one_all_the_same(
    parts: Runtime, processes: list[Runtime], funded: str
) -> None:
    charge(processes[0], funded, 1, "k0", labels=AGENT)
    put(parts, funded, 5)
    charge(processes[0], funded, 5, "k1", labels=AGENT)
    with pytest.raises(BudgetReached):
        charge(processes[0], funded, 1, "k2", labels=AGENT)


def test_a_counter_that_is_left_over_stops_no_new_budget_and_counts_for_none(parts: Runtime, funded: str) -> None:
    put(parts, funded, 10, "*")
    charge(parts, funded, 10, "k1", labels=AGENT)
    parts.wallet.budgets.delete(funded, BudgetName(label="agent", value="*"))
    charge(parts, funded, 10, "k2", labels=AGENT)
    assert put(parts, funded, 10)["spent_cents"] == 0
    charge(parts, funded, 10, "k3", labels=AGENT)
    assert spent(parts, funded) == (10, 0)


def test_a_budget_is_written_only_as_it_was_read(
    parts: Runtime, processes: list[Runtime], funded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A batch read is not one picture: here the counter is read before another charge, and the wallet after it.
    put(parts, funded, 10)
    charge(parts, funded, 1, "k0", labels=AGENT)
    read, others = parts.wallet.store._read, [processes[0]]

    def torn(account_id: str, labels: Mapping[str, str], *, consistent: bool) -> Wallet:
        before = read(account_id, labels, consistent=consistent)
        if not others:
            return before
        charge(others.pop(), account_id, 8, "other", labels=AGENT)
        return replace(read(account_id, labels, consistent=consistent), met=before.met)

    monkeypatch.setattr(parts.wallet.store, "_read", torn)
    with pytest.raises(BudgetReached):
        charge(parts, funded, 8, "k1", labels=AGENT)
    assert spent(parts, funded) == (9, 0)
