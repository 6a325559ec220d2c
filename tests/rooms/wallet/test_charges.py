"""Charges: taken once, never more than there is; what is taken back after it was spent is owed."""

from __future__ import annotations

from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import IdempotencyKeyReused, InvalidRequest
from aerostack_billing.values.fields import validated
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.requests import ChargeRequest, HoldRequest, RefundRequest, SpendCapRequest
from aerostack_billing.wallet.rules import InsufficientBalance, SpendCapReached
from tests.rooms.conftest import Time
from tests.rooms.worlds.wallet import audited, capture, charge, fund, hold, lines, owe

# Charges


def test_a_charge_takes_its_price_to_the_micro(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    answer = charge(parts, account, "0.34", "a", reference="conv_1")
    assert {name: answer[name] for name in ("kind", "amount_cents", "billing_mode", "balance_cents")} == {
        "kind": "bot_conversation",
        "amount_cents": 0.34,
        "billing_mode": "wallet",
        "balance_cents": 499,
    }
    assert answer["balance_micros"] == 4_996_600
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.spent, wallet.deposited) == (4_996_600, 3_400, 5_000_000)


def test_64_threads_charging_ten_dollars_in_cents_succeed_exactly_1000_times(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)

    def attempt(i: int) -> bool:
        try:
            charge(parts, account, 1, f"k{i}")
        except InsufficientBalance:
            return False
        return True

    with ThreadPoolExecutor(64) as pool:
        results = Tally(pool.map(attempt, range(1_064)))
    assert results == {True: 1_000, False: 64}
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.seq) == (0, 1_001)


def test_threads_of_eight_processes_charging_one_wallet_take_no_cent_twice(
    parts: Runtime, processes: list[Runtime], account: str
) -> None:
    fund(parts, account, 200)

    def attempt(i: int) -> bool:
        try:
            charge(processes[i % len(processes)], account, 1, f"k{i}")
        except InsufficientBalance:
            return False
        return True

    with ThreadPoolExecutor(64) as pool:
        results = Tally(pool.map(attempt, range(232)))
    assert results == {True: 200, False: 32}
    assert audited(parts, account).seq == 201


def test_of_two_that_write_a_new_wallet_at_once_the_second_looks_again(
    parts: Runtime, processes: list[Runtime], account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, others = parts.wallet.store.get, [processes[0]]

    def read_then_written(account_id: str) -> Wallet:
        wallet = read(account_id)
        if others:
            fund(others.pop(), account_id, 500)
        return wallet

    monkeypatch.setattr(parts.wallet.store, "get", read_then_written)
    charge(parts, account, 100, "own key", billing_mode="byok")
    assert lines(parts, account) == [("deposit", 500), ("charge", 0)]
    assert audited(parts, account).balance == micros(500)


def test_a_short_wallet_is_402_with_the_figures_and_nothing_is_taken(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    with pytest.raises(InsufficientBalance) as refused:
        charge(parts, account, 501, "a")
    assert refused.value.status == 402
    assert refused.value.details == {
        "balance_cents": 500,
        "balance_micros": 5_000_000,
        "debt_cents": 0,
        "required_cents": 501,
        "missing_cents": 1,
        "deposit": {"method": "POST", "path": "/api/balance/deposit"},
    }
    assert audited(parts, account).seq == 1


def test_a_wallet_never_funded_is_short(parts: Runtime, account: str) -> None:
    with pytest.raises(InsufficientBalance):
        charge(parts, account, 1, "a")
    assert parts.wallet.store.get(account).version == 0


def test_the_same_key_gives_the_first_answer_also_when_the_money_is_gone(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    first = charge(parts, account, 500, "a")
    assert charge(parts, account, 500, "a") == first
    assert audited(parts, account).seq == 2


def test_a_key_for_another_body_is_409(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge(parts, account, 5, "a")
    for other in ({"amount": 6}, {"amount": 5, "reference": "x"}, {"amount": 5, "kind": "agent_execution"}):
        body: dict[str, Any] = dict(other)
        with pytest.raises(IdempotencyKeyReused):
            charge(parts, account, body.pop("amount"), "a", **body)
    assert audited(parts, account).balance == micros(495)


def test_a_key_of_a_refused_charge_may_succeed_later(parts: Runtime, account: str) -> None:
    with pytest.raises(InsufficientBalance):
        charge(parts, account, 5, "a")
    fund(parts, account, 500)
    assert charge(parts, account, 5, "a")["balance_cents"] == 495


def test_32_duplicates_under_one_key_charge_once(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: charge(parts, account, 5, "a"), range(32)))
    assert all(answer == answers[0] for answer in answers)
    assert audited(parts, account).balance == micros(495)


def test_a_key_holds_for_ever(parts: Runtime, account: str, time_stands: Time) -> None:
    fund(parts, account, 500)
    first = charge(parts, account, 5, "a")
    time_stands.forward(10 * 365 * 86_400)
    assert charge(parts, account, 5, "a") == first


def test_ones_own_key_costs_nothing_and_is_on_record(parts: Runtime, account: str) -> None:
    answer = charge(parts, account, 2, "a", billing_mode="byok")
    assert (answer["amount_cents"], answer["balance_cents"]) == (0, 0)
    assert lines(parts, account) == [("charge", 0)]
    audited(parts, account)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_cents": -1},
        {"amount_cents": "0.00001"},
        {"amount_cents": 0.5},
        {"amount_cents": 10**30},
        {"kind": "tool_call"},
        {"kind": "tool_call", "creator_id": "acct_c", "billing_mode": "byok"},
        {"creator_id": "acct_c"},
        {"kind": "gift"},
        {"billing_mode": "free"},
        {"idempotency_key": None},
        {"reference": ""},
        {"more": 1},
    ],
)
def test_a_wrong_charge_is_refused(wrong: dict[str, object]) -> None:
    body = {
        "account_id": "acct_1",
        "kind": "bot_conversation",
        "amount_cents": 2,
        "billing_mode": "wallet",
        "idempotency_key": "k",
    }
    assert validated(ChargeRequest, body).amount_cents == 20_000
    with pytest.raises(InvalidRequest):
        validated(ChargeRequest, {**body, **wrong})


# Caps


def test_a_monthly_cap_on_spending_refuses_what_passes_it_until_the_next_month(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    fund(parts, account, 1_000)
    parts.wallet.statement.cap(account, SpendCapRequest(monthly_cap_cents=100))
    charge(parts, account, 100, "a")
    with pytest.raises(SpendCapReached) as refused:
        charge(parts, account, "0.01", "b")
    assert refused.value.details == {"cap_cents": 100, "spent_cents": 100, "held_cents": 0, "required_cents": 0.01}
    time_stands.to(2026, 4, 1)
    charge(parts, account, 100, "b")
    parts.wallet.statement.cap(account, SpendCapRequest(monthly_cap_cents=None))
    charge(parts, account, 100, "c")
    audited(parts, account)


def test_holds_count_towards_the_cap_before_they_are_captured(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    parts.wallet.statement.cap(account, SpendCapRequest(monthly_cap_cents=100))
    taken = hold(parts, account, 60)
    with pytest.raises(SpendCapReached):
        hold(parts, account, 41, "h2")
    with pytest.raises(SpendCapReached):
        capture(parts, account, taken["hold_id"], 101)
    with pytest.raises(SpendCapReached):
        charge(parts, account, 41, "a")
    charge(parts, account, 15, "a")
    hold(parts, account, 5, "h3")
    assert capture(parts, account, taken["hold_id"], 101, partial=True)["captured_cents"] == 80
    audited(parts, account)


# Debt


def test_a_deposit_taken_back_after_it_was_spent_is_owed_and_paid_by_the_next(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge(parts, account, 450, "a")
    owe(parts, account, 500)
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.debt) == (0, micros(450))
    with pytest.raises(InsufficientBalance):
        charge(parts, account, "0.01", "b")
    fund(parts, account, 1_000, "pi_2")
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.debt) == (micros(550), 0)
    assert lines(parts, account)[-2:] == [("deposit", 1_000), ("debt_payment", -450)]


@pytest.mark.parametrize("evil", ["\x1b[2J", "a\nb", "\x00", "\x7f", "\x9b1m", "a\u2028b", "a\rb", "\t"])
def test_control_characters_are_refused_in_whatever_text_a_service_sends(evil: str) -> None:
    whole = {"account_id": "acct_1", "kind": "bot_conversation", "amount_cents": 1, "idempotency_key": "k"}
    for model, more in (
        (ChargeRequest, {**whole, "billing_mode": "wallet", "reference": evil}),
        (ChargeRequest, {**whole, "billing_mode": "wallet", "labels": {"agent": evil}}),
        (HoldRequest, {**whole, "reference": evil}),
        (RefundRequest, {"account_id": "acct_1", "idempotency_key": "k", "reason": evil}),
    ):
        with pytest.raises(InvalidRequest):
            validated(model, more)
