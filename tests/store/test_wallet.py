"""Charges and holds: taken once, never more than there is, every line explained by the ledger."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aerostack_billing.errors import BillingError, IdempotencyKeyReused, InvalidRequest
from aerostack_billing.fields import validated
from aerostack_billing.money import micros
from aerostack_billing.runtime import Runtime
from aerostack_billing.wallet.holds import HoldEnded, HoldNotFound
from aerostack_billing.wallet.ledger import Change
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.requests import (
    CaptureRequest,
    ChargeRequest,
    HoldRequest,
    ReleaseRequest,
    SpendCapRequest,
)
from aerostack_billing.wallet.rules import InsufficientBalance, Posting, SpendCapReached, credit_payment, take_back
from tests.store.conftest import Time


def fund(parts: Runtime, account: str, cents: int, payment: str = "pi_1") -> None:
    """Credit a payment as the settlement does, without Stripe."""

    def rule(wallet: Wallet) -> Change[Wallet]:
        posting = Posting(wallet)
        credit_payment(posting, "deposit", payment, micros(cents), payment)
        return Change(posting.wallet, posting.transfers)

    parts.wallets.apply(account, rule)


def owe(parts: Runtime, account: str, cents: int, payment: str = "pi_1") -> None:
    """Take a deposit back as the settlement does, without Stripe."""

    def rule(wallet: Wallet) -> Change[Wallet]:
        posting = Posting(wallet)
        take_back(posting, "refund", f"{payment}:refund", micros(cents), payment)
        return Change(posting.wallet, posting.transfers)

    parts.wallets.apply(account, rule)


def charge(parts: Runtime, account: str, amount: object, key: str, **more: object) -> dict[str, Any]:
    body = {
        "account_id": account,
        "kind": "bot_conversation",
        "amount_cents": amount,
        "billing_mode": "wallet",
        "idempotency_key": key,
        **more,
    }
    return parts.charges.charge(ChargeRequest.model_validate(body)).body


def hold(parts: Runtime, account: str, amount: object, key: str = "h", **more: object) -> dict[str, Any]:
    body = {"account_id": account, "kind": "agent_execution", "amount_cents": amount, "idempotency_key": key, **more}
    return parts.holds.take(HoldRequest.model_validate(body)).body


def capture(
    parts: Runtime, account: str, hold_id: str, amount: object, key: str = "c", *, partial: bool = False
) -> dict[str, Any]:
    body = {"account_id": account, "amount_cents": amount, "idempotency_key": key, "allow_partial": partial}
    return parts.holds.capture(hold_id, CaptureRequest.model_validate(body)).body


def release(parts: Runtime, account: str, hold_id: str, key: str = "r") -> dict[str, Any]:
    return parts.holds.release(hold_id, ReleaseRequest(account_id=account, idempotency_key=key)).body


def lines(parts: Runtime, account: str) -> list[tuple[str, object]]:
    """Type and amount of every transaction, oldest first."""
    page: Any = parts.statement.transactions(account, "100", None, None)
    return [(line["type"], line["amount_cents"]) for line in reversed(page["transactions"])]


def audited(parts: Runtime, account: str) -> Wallet:
    """The wallet, after its audit found nothing wrong."""
    assert parts.audit.run(account).violations == ()
    return parts.wallets.get(account)


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
    read, others = parts.wallets.get, [processes[0]]

    def read_then_written(account_id: str) -> Wallet:
        wallet = read(account_id)
        if others:
            fund(others.pop(), account_id, 500)
        return wallet

    monkeypatch.setattr(parts.wallets, "get", read_then_written)
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
    assert parts.wallets.get(account).version == 0


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


def test_32_twins_under_one_key_charge_once(parts: Runtime, account: str) -> None:
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
    parts.statement.cap(account, SpendCapRequest(monthly_cap_cents=100))
    charge(parts, account, 100, "a")
    with pytest.raises(SpendCapReached) as refused:
        charge(parts, account, "0.01", "b")
    assert refused.value.details == {"cap_cents": 100, "spent_cents": 100, "held_cents": 0, "required_cents": 0.01}
    time_stands.to(2026, 4, 1)
    charge(parts, account, 100, "b")
    parts.statement.cap(account, SpendCapRequest(monthly_cap_cents=None))
    charge(parts, account, 100, "c")
    audited(parts, account)


def test_holds_count_towards_the_cap_before_they_are_captured(parts: Runtime, account: str) -> None:
    fund(parts, account, 1_000)
    parts.statement.cap(account, SpendCapRequest(monthly_cap_cents=100))
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
    parts.lapsing.sweep()
    assert audited(parts, account).held == micros(300)
    time_stands.forward(1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: parts.lapsing.sweep(), range(4)))
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
        parts.lapsing.sweep()
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
            lambda hold_id=hold_id: capture(parts, account, hold_id, 30, "c"),
            lambda hold_id=hold_id: release(parts, account, hold_id, "r"),
            parts.lapsing.sweep,
            lambda hold_id=hold_id: capture(parts, account, hold_id, 30, "c2"),
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


# The statement


def test_each_line_follows_from_the_one_before(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge(parts, account, "0.34", "a")
    hold_id = hold(parts, account, 100)["hold_id"]
    capture(parts, account, hold_id, 50)
    page: Any = parts.statement.transactions(account, "100", None, None)
    balance = 0.0
    for line in reversed(page["transactions"]):
        balance = round(balance + line["amount_cents"], 4)
        assert line["balance_after_cents"] == balance
    assert balance == 449.66


def test_pages_hold_every_line_once_and_end(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    for i in range(11):
        charge(parts, account, 1, f"k{i}")
    for size in ("1", "4", "12", "100"):
        seen, cursor = [], None
        while True:
            page: Any = parts.statement.transactions(account, size, cursor, None)
            assert len(page["transactions"]) <= int(size)
            seen += [line["id"] for line in page["transactions"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 12


def test_a_type_is_found_among_many_others(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    for i in range(5):
        charge(parts, account, 1, f"k{i}")
    page: Any = parts.statement.transactions(account, "2", None, "deposit")
    assert [line["type"] for line in page["transactions"]] == ["deposit"]
    assert page["next_cursor"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "x"},
        {"limit": "-1"},
        {"limit": "1.5"},
        {"limit": "\u0663"},
        {"cursor": "x"},
        {"cursor": ""},
        {"cursor": "c2VxOi0x"},
        {"cursor": "é"},
        {"kind": "gift"},
        {"kind": ""},
    ],
)
def test_a_wrong_page_is_refused(parts: Runtime, account: str, wrong: dict[str, str]) -> None:
    asked = {"limit": None, "cursor": None, "kind": None, **wrong}
    with pytest.raises(InvalidRequest):
        parts.statement.transactions(account, **asked)


def test_an_empty_wallet_has_an_empty_statement(parts: Runtime, account: str) -> None:
    assert parts.statement.transactions(account, None, None, None) == {"transactions": [], "next_cursor": None}


# The audit


def test_the_audit_names_what_somebody_tampered_with(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge(parts, account, 100, "a")
    key = {"account_id": {"S": account}, "item": {"S": "wallet"}}
    parts.dynamo._client.update_item(
        TableName=parts.settings.wallets_table,
        Key=key,  # type: ignore[arg-type]
        UpdateExpression="ADD balance :one, seq :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    named = {violation.invariant for violation in parts.audit.run(account).violations}
    assert named == {"seq has no gap", "balance is the sum of its transfers"}


def test_the_audit_of_all_sees_every_account(parts: Runtime, account: str) -> None:
    accounts = [f"{account}{i}" for i in range(3)]
    for each in accounts:
        fund(parts, each, 500)
    assert set(accounts) <= set(parts.wallets.all_accounts())
