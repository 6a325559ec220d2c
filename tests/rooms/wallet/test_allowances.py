"""Allowances: holds that are drawn down by itemised captures and extended, exact, once, and back when they lapse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values import authority
from aerostack_billing.values.authority import Authority
from aerostack_billing.values.errors import IdempotencyKeyReused, InvalidRequest, TokenRestricted
from aerostack_billing.values.fields import validated
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.hold_work import HoldEnded, HoldNotFound
from aerostack_billing.wallet.requests import CaptureRequest, RefundRequest, SpendCapRequest
from aerostack_billing.wallet.rules import InsufficientBalance, SpendCapReached
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.allowances import Item, drawing, drawn, extended
from tests.rooms.worlds.budgets import put, spent
from tests.rooms.worlds.wallet import audited, capture, charge, fund, hold, lines, release

AGENT = {"agent": "a"}


@pytest.fixture
def funded(parts: Runtime, account: str) -> Iterator[str]:
    """An account with $100.00, whose books are in order in the end."""
    fund(parts, account, 10_000)
    yield account
    audited(parts, account)


def test_a_hold_is_drawn_down_item_by_item_and_ends_with_the_last(parts: Runtime, funded: str) -> None:
    hold_id = hold(parts, funded, 100, labels=AGENT)["hold_id"]
    first = drawn(parts, funded, hold_id, 10, {"amount_cents": 20, "reference": "run-2", "labels": {"run": "r"}})
    assert (first["captured_cents"], first["remaining_cents"], first["held_cents"]) == (30, 70, 70)
    assert [item["amount_cents"] for item in first["items"]] == [10, 20]
    last = drawn(parts, funded, hold_id, 5, key="d2", final=True)
    assert (last["captured_cents"], last["remaining_cents"], last["held_cents"]) == (5, 0, 0)
    wallet = audited(parts, funded)
    assert (wallet.balance, wallet.held, wallet.spent) == (micros(9_965), 0, micros(35))
    assert lines(parts, funded)[1:] == [
        ("hold", -100),
        ("release", 30),
        ("capture", -10),
        ("capture", -20),
        ("release", 70),
        ("capture", -5),
    ]
    shown: Any = parts.wallet.statement.transactions(funded, "3", None, None)["transactions"]
    assert (shown[2]["reference"], shown[2]["labels"]) == ("run-2", {"agent": "a", "run": "r"})


def test_a_capture_of_items_is_made_once_for_its_key_whatever_came_after(parts: Runtime, funded: str) -> None:
    hold_id = hold(parts, funded, 100)["hold_id"]
    first = drawn(parts, funded, hold_id, 10, 20)
    for _ in range(2):
        again = drawing(parts, funded, hold_id, 10, 20)
        assert (again.body, again.replayed) == (first, True)
        with pytest.raises(IdempotencyKeyReused):
            drawn(parts, funded, hold_id, 10, 21)
        last = drawing(parts, funded, hold_id, 5, 6, key="end", final=True)
    assert last.replayed
    with pytest.raises(HoldEnded):
        drawn(parts, funded, hold_id, 5, key="more")
    with pytest.raises(HoldEnded):
        capture(parts, funded, hold_id, 5)
    with pytest.raises(HoldEnded):
        release(parts, funded, hold_id)
    assert parts.wallet.store.get(funded).spent == micros(41)


def test_all_items_are_taken_or_none(parts: Runtime, account: str) -> None:
    fund(parts, account, 50)
    hold_id = hold(parts, account, 40)["hold_id"]
    with pytest.raises(InsufficientBalance):
        drawn(parts, account, hold_id, 30, 21)
    assert audited(parts, account).held == micros(40)
    assert drawn(parts, account, hold_id, 30, 20)["remaining_cents"] == 0
    with pytest.raises(InsufficientBalance):
        drawn(parts, account, hold_id, 1, key="d2")
    assert audited(parts, account).balance == 0


def test_what_is_beyond_the_hold_keeps_to_the_cap(parts: Runtime, funded: str) -> None:
    hold_id = hold(parts, funded, 40)["hold_id"]
    parts.wallet.statement.cap(funded, SpendCapRequest(monthly_cap_cents=50))
    with pytest.raises(SpendCapReached):
        drawn(parts, funded, hold_id, 30, 21)
    assert drawn(parts, funded, hold_id, 30, 20)["captured_cents"] == 50


def test_a_lapsed_hold_gives_back_what_was_not_drawn_and_late_items_are_served_from_the_balance(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    fund(parts, account, 100)
    hold_id = hold(parts, account, 80, ttl_seconds=60)["hold_id"]
    drawn(parts, account, hold_id, 30)
    time_stands.forward(61)
    assert drawn(parts, account, hold_id, 10, key="late")["held_cents"] == 0
    assert drawn(parts, account, hold_id, 10, key="later")["captured_cents"] == 10
    with pytest.raises(InsufficientBalance):
        drawn(parts, account, hold_id, 51, key="too much")
    drawn(parts, account, hold_id, 1, key="end", final=True)
    with pytest.raises(HoldEnded):
        drawn(parts, account, hold_id, 1, key="after the end")
    assert audited(parts, account).balance == micros(49)


def test_what_a_node_that_died_had_not_captured_comes_back_when_the_hold_lapses(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    fund(parts, account, 100)
    hold_id = hold(parts, account, 80, ttl_seconds=60)["hold_id"]
    drawn(parts, account, hold_id, 30)
    time_stands.forward(61)
    assert parts.wallet.lapsing.sweep() == 1
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.held, wallet.spent) == (micros(70), 0, micros(30))


def test_a_hold_is_extended_in_time_and_money(parts: Runtime, account: str, time_stands: Time) -> None:
    fund(parts, account, 100)
    hold_id = hold(parts, account, 40, ttl_seconds=60)["hold_id"]
    answer = extended(parts, account, hold_id, 30, 120)
    assert (answer["amount_cents"], answer["added_cents"], answer["held_cents"]) == (70, 30, 70)
    assert answer["expires_at"] == "2026-03-10T12:02:00Z"
    assert extended(parts, account, hold_id, 30, 120) == answer
    with pytest.raises(IdempotencyKeyReused):
        extended(parts, account, hold_id, 31, 120)
    with pytest.raises(InsufficientBalance):
        extended(parts, account, hold_id, 31, 120, key="too much")
    assert extended(parts, account, hold_id, 0, 1, key="sooner")["expires_at"] == "2026-03-10T12:02:00Z"
    time_stands.forward(119)
    assert drawn(parts, account, hold_id, 70)["remaining_cents"] == 0
    time_stands.forward(2)
    assert extended(parts, account, hold_id, 30, 120) == answer
    with pytest.raises(HoldEnded):
        extended(parts, account, hold_id, 0, 120, key="over")
    parts.wallet.lapsing.sweep()
    with pytest.raises(HoldEnded):
        extended(parts, account, hold_id, 0, 120, key="over")
    with pytest.raises(HoldNotFound):
        extended(parts, account, "hold_" + 40 * "0", 0, 120)
    assert audited(parts, account).balance == micros(30)


def test_a_token_for_small_amounts_lets_no_hold_grow_beyond_them(parts: Runtime, funded: str) -> None:
    with authority.using(Authority(most_cents=50)):
        hold_id = hold(parts, funded, 40)["hold_id"]
        assert extended(parts, funded, hold_id, 10)["amount_cents"] == 50
        with pytest.raises(TokenRestricted):
            extended(parts, funded, hold_id, 1, key="more")
        drawn(parts, funded, hold_id, 25, 25)
        with pytest.raises(TokenRestricted):
            drawn(parts, funded, hold_id, 51, key="d2")


def test_budgets_count_each_item_once_and_are_met_when_the_allowance_grows(parts: Runtime, funded: str) -> None:
    put(parts, funded, 100)
    hold_id = hold(parts, funded, 60, labels=AGENT)["hold_id"]
    drawn(parts, funded, hold_id, 10, 20)
    assert spent(parts, funded) == (30, 30)
    with pytest.raises(BudgetReached):
        extended(parts, funded, hold_id, 41)
    extended(parts, funded, hold_id, 40)
    assert spent(parts, funded) == (30, 70)
    with pytest.raises(BudgetReached):
        drawn(parts, funded, hold_id, 70, 1, key="beyond")
    drawn(parts, funded, hold_id, 60, key="most", final=True)
    assert spent(parts, funded) == (90, 0)


def test_an_extension_moves_the_hold_into_the_budgets_of_its_day(
    parts: Runtime, funded: str, time_stands: Time
) -> None:
    put(parts, funded, 100)
    hold_id = hold(parts, funded, 60, ttl_seconds=86_400, labels=AGENT)["hold_id"]
    time_stands.forward(86_000)
    extended(parts, funded, hold_id, 10)
    assert spent(parts, funded) == (0, 70)
    drawn(parts, funded, hold_id, 30)
    assert spent(parts, funded) == (30, 40)
    put(parts, funded, 50, label="key", value="k")
    extended(parts, funded, hold_id, 0, 900, "again")
    audited(parts, funded)


def test_creators_of_items_are_paid_their_shares(parts: Runtime, funded: str, creator: str) -> None:
    hold_id = hold(parts, funded, 100)["hold_id"]
    tool = {"amount_cents": 10, "kind": "tool_call", "creator_id": creator}
    answer = drawn(parts, funded, hold_id, tool, tool, 5)
    assert [earned.amount for earned in parts.creators.store.pending(creator).values()] == [micros(16)]
    request = RefundRequest(account_id=funded, idempotency_key="r")
    assert parts.wallet.refunds.refund(answer["items"][0]["charge_id"], request).body["refunded_cents"] == 10


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"amount_cents": 5_000_000}, "items.1.amount_cents"),
        ({"amount_cents": 1, "kind": "tool_call"}, "items.1.creator_id"),
        ({"amount_cents": 1, "labels": {"agent": "b"}}, "items.1.labels.agent"),
    ],
)
def test_a_wrong_item_is_named(parts: Runtime, funded: str, item: Item, field: str) -> None:
    hold_id = hold(parts, funded, 100, labels=AGENT)["hold_id"]
    with pytest.raises(InvalidRequest) as refused:
        drawn(parts, funded, hold_id, 1, item)
    assert list(refused.value.details) == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"items": []}, "items"),
        ({"items": [{"amount_cents": 1}] * 91}, "items"),
        ({"items": [{"amount_cents": 1}], "amount_cents": 1}, "items"),
        ({"items": [{"amount_cents": 1}], "labels": {"a": "b"}}, "labels"),
        ({"items": [{"amount_cents": 1}], "allow_partial": True}, "allow_partial"),
        ({"items": [{}]}, "items.0.amount_cents"),
        ({"amount_cents": 1, "final": False}, "final"),
    ],
)
def test_what_a_capture_of_items_cannot_be_is_refused(body: Item, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validated(CaptureRequest, {"account_id": "acct", "idempotency_key": "k", **body})
    assert field in refused.value.details


def test_items_of_more_creators_than_a_transaction_holds_are_refused(parts: Runtime, funded: str) -> None:
    hold_id = hold(parts, funded, 100)["hold_id"]
    tools = [{"amount_cents": 1, "kind": "tool_call", "creator_id": f"{funded}_{n}"} for n in range(50)]
    with pytest.raises(InvalidRequest):
        drawn(parts, funded, hold_id, *tools)
    assert drawn(parts, funded, hold_id, *tools[:45])["captured_cents"] == 45


def test_draws_extensions_and_ends_at_once_never_take_more_than_there_is(
    processes: list[Runtime], account: str
) -> None:
    fund(processes[0], account, 500)
    hold_id = hold(processes[0], account, 100)["hold_id"]
    taken, refused = list[int](), list[int]()

    def act(number: int) -> None:
        parts = processes[number % 8]
        try:
            if number % 4 == 0:
                extended(parts, account, hold_id, 20, key=f"e{number}")
            elif number % 11 == 0:
                charge(parts, account, 7, f"c{number}")
            else:
                taken.append(drawn(parts, account, hold_id, 3, 4, key=f"d{number}")["captured_cents"])
        except (InsufficientBalance, HoldEnded):
            refused.append(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(48)))
    wallet = audited(processes[0], account)
    charged = sum(number % 4 != 0 and number % 11 == 0 and number not in refused for number in range(48))
    assert wallet.spent == micros(sum(taken) + 7 * charged)
    assert wallet.balance >= 0


def test_ten_thousand_charges_of_one_account_take_at_most_400_requests_and_21_500_units(
    parts: Runtime, account: str, meter: Meter, units: list[int]
) -> None:
    fund(parts, account, 10_000)
    meter.reset()
    units.clear()
    hold_id = hold(parts, account, 1_000, labels={"agent": "agt_7", "key": "k_1"})["hold_id"]
    for number in range(112):
        if number % 6 == 5:
            extended(parts, account, hold_id, 500, key=f"e{number}")
        items = [{"amount_cents": "0.9", "reference": f"run-{number}-{n}"} for n in range(90 if number < 111 else 10)]
        drawn(parts, account, hold_id, *items, key=f"d{number}", final=number == 111)
    assert meter.requests <= 400
    assert sum(units) <= 21_500
    wallet = audited(parts, account)
    assert (wallet.spent, wallet.held) == (micros(9_000), 0)
    assert sum(kind == "capture" for kind, _ in all_lines(parts, account)) == 10_000


def all_lines(parts: Runtime, account: str) -> list[tuple[str, int]]:
    return [(transfer.type, transfer.amount) for transfer in parts.ledger.whole(account)]


@pytest.fixture
def units(meter: Meter, client: Any) -> Iterator[list[int]]:  # noqa: ANN401 - a client of AWS
    """The write units of each transaction by DynamoDB's own rule: two for each started KB of each item."""
    counted: list[int] = []

    def note(params: dict[str, Any], **_: object) -> None:
        for action in params.get("TransactItems", []):
            ((_, body),) = action.items()
            counted.append(2 * -(-max(1, _bytes(body.get("Item") or body["Key"])) // 1024))

    client.meta.events.register("provide-client-params.dynamodb.TransactWriteItems", note, unique_id="units")
    yield counted
    client.meta.events.unregister("provide-client-params.dynamodb.TransactWriteItems", unique_id="units")


def _bytes(item: Mapping[str, Any]) -> int:
    """About what DynamoDB counts an item as: names, and values without their types."""
    size = 0
    for name, typed in item.items():
        ((kind, value),) = typed.items()
        size += len(name.encode()) + (_bytes(value) + 3 if kind == "M" else len(str(value).encode()) + 1)
    return size
