"""Batches of charges: each answered as it would have been alone, by as few transactions as fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.platform.dynamo import Dynamo, Write
from aerostack_billing.values import authority
from aerostack_billing.values.authority import Authority
from aerostack_billing.values.errors import StoreUnavailable
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.batches import _Run
from aerostack_billing.wallet.requests import RefundRequest
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.budgets import put, spent
from tests.rooms.worlds.outbox import waiting_events
from tests.rooms.worlds.usage import consume
from tests.rooms.worlds.wallet import audited, charge, charge_all, fund, hold, lines

TOKENS = {"model": "gpt-4o-mini", "input_tokens": 1_000, "output_tokens": 100}


@pytest.fixture
def funded(parts: Runtime, account: str) -> Iterator[str]:
    """An account with $100.00, whose books are in order in the end."""
    fund(parts, account, 10_000)
    yield account
    audited(parts, account)


def statuses(results: Sequence[Mapping[str, Any]]) -> list[int]:
    return [result["status"] for result in results]


def test_a_hundred_charges_of_one_account_are_four_requests_and_two_transactions(
    parts: Runtime, funded: str, meter: Meter, actions: list[int]
) -> None:
    results = charge_all(parts, funded, *({"labels": {"agent": "agt_7", "key": f"k_{n}"}} for n in range(100)))
    assert statuses(results) == [201] * 100
    assert meter.operations == ["GetItem", "GetItem", "TransactWriteItems", "TransactWriteItems"]
    assert meter.read_units <= 2
    # By DynamoDB's own rule: two units for each item of up to a KB.
    assert sum(actions) * 2 <= 210
    assert [result["balance_micros"] for result in results] == [micros(10_000 - 2 * n) for n in range(1, 101)]
    assert parts.wallet.store.get(funded).balance == micros(9_800)


def test_each_charge_of_a_batch_is_answered_as_it_would_have_been_alone(parts: Runtime, funded: str) -> None:
    others: list[dict[str, Any]] = [
        {"amount_cents": 7, "reference": "run-1", "labels": {"agent": "a"}},
        {"usage": TOKENS, "kind": "agent_execution"},
        {"amount_cents": 3, "billing_mode": "byok"},
        {"amount_cents": 10_000, "kind": "agent_execution"},
        {"amount_cents": 5, "kind": "tool_call", "creator_id": f"{funded}_creator"},
    ]
    batched = charge_all(parts, funded, *others)
    alone = f"{funded}_alone"
    fund(parts, alone, 10_000)
    one_by_one = [charge_all(parts, alone, {"idempotency_key": f"k{n}", **one})[0] for n, one in enumerate(others)]
    own = {"charge_id", "account_id", "created_at"}
    assert [{k: v for k, v in result.items() if k not in own} for result in batched] == [
        {k: v for k, v in result.items() if k not in own} for result in one_by_one
    ]
    assert statuses(batched) == [201, 201, 201, 402, 201]
    assert charge(parts, funded, 7, "k0", reference="run-1", labels={"agent": "a"}) == {
        name: value for name, value in batched[0].items() if name != "status"
    }


def test_a_batch_that_is_sent_again_writes_nothing(parts: Runtime, funded: str, meter: Meter) -> None:
    first = charge_all(parts, funded, *({} for _ in range(100)))
    meter.reset()
    assert charge_all(parts, funded, *({} for _ in range(100))) == first
    assert meter.operations == ["GetItem", "BatchGetItem"]
    assert meter.write_units == 0


def test_lines_that_stand_among_new_ones_are_found_by_one_look(parts: Runtime, funded: str, meter: Meter) -> None:
    stands = [charge(parts, funded, 2, f"k{n}")["charge_id"] for n in range(1, 40, 3)]
    meter.reset()
    results = charge_all(parts, funded, *({} for _ in range(40)))
    assert statuses(results) == [201] * 40
    assert [results[n]["charge_id"] for n in range(1, 40, 3)] == stands
    assert meter.operations.count("TransactWriteItems") == 2
    assert len(meter.operations) <= 6
    assert parts.wallet.store.get(funded).balance == micros(10_000 - 80)


def test_a_charge_that_is_refused_refuses_no_other_and_they_are_taken_in_their_order(
    parts: Runtime, account: str
) -> None:
    fund(parts, account, 10)
    results = charge_all(parts, account, *({"amount_cents": amount} for amount in (6, 6, 3, 2, 1)))
    assert statuses(results) == [201, 402, 201, 402, 201]
    assert results[1]["error"]["code"] == "INSUFFICIENT_BALANCE"
    assert results[1]["error"]["details"]["balance_cents"] == 4
    assert audited(parts, account).balance == 0


def test_what_was_paid_for_before_is_not_refused_for_want_of_money_now(
    parts: Runtime, account: str, meter: Meter
) -> None:
    fund(parts, account, 10)
    charge(parts, account, 2, "k1")
    charge(parts, account, 8, "k2")
    results = charge_all(parts, account, {}, {}, {"amount_cents": 8}, {"amount_cents": 9, "idempotency_key": "k2"})
    assert statuses(results) == [402, 201, 201, 409]


def test_what_was_paid_for_before_is_not_refused_whatever_comes_between(
    parts: Runtime, processes: list[Runtime], account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(parts, account, 5)
    standing = parts.wallet.batch._standing

    def then_charged(run: _Run) -> dict[str, Transfer]:
        found = standing(run)
        charge(processes[0], account, 5, "k0")
        return found

    monkeypatch.setattr(parts.wallet.batch, "_standing", then_charged)
    results = charge_all(parts, account, {"amount_cents": 5}, {"amount_cents": 4})
    assert statuses(results) == [201, 402]


def test_a_wrong_charge_is_refused_by_itself(parts: Runtime, funded: str) -> None:
    results = charge_all(
        parts, funded, {}, {"amount_cents": -1}, {"kind": "gift"}, {"amount_cents": 5_000_000}, {"labels": {"A": "b"}}
    )
    assert statuses(results) == [201, 422, 422, 422, 422]
    assert audited(parts, funded).balance == micros(9_998)


def test_a_narrowed_token_takes_what_it_is_for_and_nothing_else(parts: Runtime, funded: str) -> None:
    with authority.using(Authority(accounts=(funded,), kinds=frozenset({"agent_execution"}), most_cents=5)):
        agent = {"kind": "agent_execution"}
        results = charge_all(parts, funded, agent, {}, {**agent, "account_id": "x"}, {**agent, "amount_cents": 6})
    assert statuses(results) == [201, 403, 403, 403]


def test_a_key_that_stands_twice_in_a_batch_is_taken_once(parts: Runtime, funded: str) -> None:
    results = charge_all(parts, funded, *({"amount_cents": amount, "idempotency_key": "k"} for amount in (2, 2, 3)), {})
    assert statuses(results) == [201, 201, 409, 201]
    assert results[0] == results[1]
    assert lines(parts, funded)[1:] == [("charge", -2), ("charge", -2)]


def test_a_refusal_is_not_kept_for_another_request_under_its_key(parts: Runtime, account: str) -> None:
    fund(parts, account, 5)
    results = charge_all(parts, account, *({"amount_cents": amount, "idempotency_key": "k"} for amount in (6, 6, 5)))
    assert statuses(results) == [402, 402, 201]


def test_what_could_not_be_served_holds_back_what_came_after_it(
    parts: Runtime, funded: str, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its account alone: charges are taken in their order."""
    other = f"{account}_other"
    fund(parts, other, 10)
    tool = {"kind": "tool_call", "creator_id": f"{funded}_creator"}
    with monkeypatch.context() as patch:
        patch.setattr(parts.creators.earnings, "register", _unserved)
        results = charge_all(parts, funded, {}, tool, {}, {"account_id": other})
    assert statuses(results) == [201, 503, 503, 201]
    assert statuses(charge_all(parts, funded, {}, tool, {}, {"account_id": other})) == [201] * 4


def _unserved(_: str) -> None:
    raise StoreUnavailable("The store did not answer.")


def test_charges_of_many_accounts_are_answered_in_their_places(parts: Runtime, funded: str) -> None:
    other = f"{funded}_other"
    fund(parts, other, 3)
    results = charge_all(parts, funded, {}, {"account_id": other}, {}, {"account_id": other})
    assert statuses(results) == [201, 201, 201, 402]
    assert [result.get("account_id") for result in results] == [funded, other, funded, None]
    audited(parts, other)


def test_budgets_are_exact_within_a_batch_and_tell_what_they_refused_once(parts: Runtime, funded: str) -> None:
    put(parts, funded, 5, label="agent", value="*")
    agents = [{"labels": {"agent": agent}} for agent in "aaabbab"]
    results = charge_all(parts, funded, *agents)
    assert statuses(results) == [201, 201, 402, 201, 201, 402, 402]
    assert results[2]["error"]["code"] == "BUDGET_REACHED"
    assert results[2]["error"]["details"]["remaining_cents"] == 1
    assert [spent(parts, funded, agent) for agent in "ab"] == [(4, 0), (4, 0)]
    assert sorted(e["data"]["value"] for e in waiting_events(parts, funded) if e["type"] == "budget.reached") == [
        "a",
        "b",
    ]


def test_charges_that_meet_more_budgets_than_a_transaction_holds_are_all_counted(
    parts: Runtime, funded: str, meter: Meter, actions: list[int]
) -> None:
    put(parts, funded, 100, label="agent", value="*")
    actions.clear()
    results = charge_all(parts, funded, *({"labels": {"agent": f"a{n}"}} for n in range(90)))
    assert statuses(results) == [201] * 90
    assert max(actions) <= 100
    assert meter.operations.count("TransactWriteItems") <= 3
    assert {spent(parts, funded, f"a{n}") for n in range(90)} == {(2, 0)}


def test_a_creator_is_credited_once_a_batch_with_all_his_shares(
    parts: Runtime, funded: str, creator: str, actions: list[int]
) -> None:
    tool = {"kind": "tool_call", "amount_cents": 10, "creator_id": creator}
    assert statuses(charge_all(parts, funded, *(tool for _ in range(50)))) == [201] * 50
    # The wallet, fifty lines, one counter of the creator's.
    assert actions == [52]
    assert [earned.amount for earned in parts.creators.store.pending(creator).values()] == [micros(400)]


def test_a_lapsed_hold_makes_room_for_a_batch(parts: Runtime, account: str, time_stands: Time) -> None:
    fund(parts, account, 10)
    hold(parts, account, 8, ttl_seconds=60)
    assert statuses(charge_all(parts, account, *({} for _ in range(5)))) == [201, 402, 402, 402, 402]
    time_stands.forward(61)
    assert statuses(charge_all(parts, account, *({} for _ in range(5)))) == [201] * 5
    assert audited(parts, account).balance == 0


def test_the_plan_pays_for_a_batch_what_it_has_and_the_wallet_the_rest_where_it_may(
    parts: Runtime, funded: str
) -> None:
    consume(parts, funded, 110_000 - 3_500, "ai_tokens")
    by_plan = {"usage": TOKENS, "kind": "agent_execution", "billing_mode": "plan_quota"}
    results = charge_all(parts, funded, *(by_plan for _ in range(4)), {**by_plan, "fallback": "wallet"}, {})
    assert statuses(results) == [201, 201, 201, 403, 201, 201]
    assert [result.get("billing_mode") for result in results] == ["plan_quota"] * 3 + [None, "wallet", "wallet"]


def test_batches_of_the_same_charges_at_once_take_each_once(processes: list[Runtime], funded: str) -> None:
    asked = [{} for _ in range(60)]
    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(lambda parts: charge_all(parts, funded, *asked), processes))
    assert all(results == answered[0] for results in answered)
    assert processes[0].wallet.store.get(funded).balance == micros(10_000 - 120)


def test_batches_of_other_charges_at_once_never_take_the_balance_below_zero(
    processes: list[Runtime], account: str
) -> None:
    fund(processes[0], account, 200)

    def run(number: int) -> list[int]:
        keys = [{"idempotency_key": f"{number}:{n}"} for n in range(30)]
        return statuses(charge_all(processes[number], account, *keys))

    with ThreadPoolExecutor(8) as pool:
        found = [status for some in pool.map(run, range(8)) for status in some]
    assert found.count(201) == 100
    assert found.count(402) == 140
    assert audited(processes[0], account).balance == 0


def test_what_could_not_be_written_may_be_sent_again(
    parts: Runtime, funded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = failing(monkeypatch, after=1)
    results = charge_all(parts, funded, *({} for _ in range(100)))
    taken = statuses(results).count(201)
    assert 90 <= taken < 100
    assert statuses(results)[taken:] == [503] * (100 - taken)
    fails()
    assert statuses(charge_all(parts, funded, *({} for _ in range(100)))) == [201] * 100
    assert parts.wallet.store.get(funded).balance == micros(9_800)


def test_a_wallet_that_changes_between_the_transactions_of_a_batch_is_read_again(
    parts: Runtime, processes: list[Runtime], account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(parts, account, 196)
    transact, calls = Dynamo.transact, []

    def then_funded(self: Dynamo, writes: Sequence[Write]) -> None:
        transact(self, writes)
        calls.append(len(writes))
        if len(calls) == 1:
            fund(processes[0], account, 4, "pi_2")

    monkeypatch.setattr(Dynamo, "transact", then_funded)
    assert statuses(charge_all(parts, account, *({} for _ in range(100)))) == [201] * 100
    assert audited(parts, account).balance == 0


def test_a_charge_of_a_batch_is_refunded_like_any_other(parts: Runtime, funded: str) -> None:
    results = charge_all(parts, funded, {}, {})
    request = RefundRequest(account_id=funded, idempotency_key="r")
    assert parts.wallet.refunds.refund(results[1]["charge_id"], request).body["refunded_cents"] == 2


@pytest.fixture
def actions(parts: Runtime, funded: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many actions each transaction from here on has."""
    transact, counts = Dynamo.transact, list[int]()

    def counted(self: Dynamo, writes: Sequence[Write]) -> None:
        counts.append(len(writes))
        transact(self, writes)

    monkeypatch.setattr(Dynamo, "transact", counted)
    return counts


def failing(monkeypatch: pytest.MonkeyPatch, after: int) -> Callable[[], None]:
    """Let every transaction after so many fail unwritten, until what is returned is called."""
    transact, calls = Dynamo.transact, []

    def fail(self: Dynamo, writes: Sequence[Write]) -> None:
        calls.append(len(writes))
        if len(calls) > after:
            raise StoreUnavailable("The database is busy.")
        transact(self, writes)

    monkeypatch.setattr(Dynamo, "transact", fail)
    return lambda: monkeypatch.setattr(Dynamo, "transact", transact)
