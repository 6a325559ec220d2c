"""A piece of work that a hold pays for may be a tool's call: at the tool's price, in the capture's own transaction."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.tool_store import ToolStore
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.fields import validated
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.requests import CaptureRequest, RefundRequest
from aerostack_billing.wallet.rules import InsufficientBalance
from aerostack_billing.wallet.tools import PriceChanged, Tool, ToolNotFound
from tests.rooms.creators.test_tools import publish
from tests.rooms.worlds.allowances import Item, drawing, drawn
from tests.rooms.worlds.budgets import put, spent
from tests.rooms.worlds.wallet import audited, charge, fund, hold

AGENT = {"agent": "a"}


@pytest.fixture
def tool(parts: Runtime, account: str, creator: str) -> str:
    """A tool of 25 cents, and an account with $10 to pay it."""
    fund(parts, account, 1_000)
    name = f"{creator}-search"
    publish(parts, creator, name, 25)
    return name


def pending(parts: Runtime, creator: str) -> int:
    return sum(earned.amount for earned in parts.creators.store.pending(creator).values())


def test_an_item_costs_what_its_tool_does_and_pays_the_tools_creator(
    parts: Runtime, account: str, creator: str, tool: str
) -> None:
    put(parts, account, 100)
    hold_id = hold(parts, account, 90, labels=AGENT)["hold_id"]
    items: list[Item] = [{"tool_id": tool, "max_price_cents": 25, "labels": {"run": "r"}}, {"amount_cents": 5}]
    answer = drawn(parts, account, hold_id, *items)
    assert [(item["amount_cents"], item["tool_id"]) for item in answer["items"]] == [(25, tool), (5, None)]
    assert (answer["remaining_cents"], pending(parts, creator)) == (60, micros(20))
    line = next(line for line in parts.ledger.whole(account) if line.transfer_id == answer["items"][0]["charge_id"])
    assert (line.details["kind"], line.details["tool_version"], line.labels) == ("tool_call", 1, {**AGENT, "run": "r"})
    assert spent(parts, account) == (30, 60)
    refund = RefundRequest(account_id=account, idempotency_key="r")
    parts.wallet.refunds.refund(answer["items"][0]["charge_id"], refund)
    assert (pending(parts, creator), spent(parts, account)) == (0, (5, 60))
    audited(parts, account)


def test_what_was_captured_stands_whatever_its_tool_costs_since_or_whether_it_is_sold(
    processes: list[Runtime], account: str, creator: str, tool: str
) -> None:
    here, there = processes[0], processes[1]
    hold_id = hold(here, account, 90)["hold_id"]
    item = {"tool_id": tool, "max_price_cents": 25}
    first = drawn(here, account, hold_id, item)
    for change in (lambda: publish(here, creator, tool, 40), lambda: here.creators.tools.delete(creator, tool)):
        change()
        again = drawing(there, account, hold_id, item)
        assert (again.body, again.replayed) == (first, True)
    audited(here, account)


def test_a_price_above_what_was_allowed_names_the_item_and_nothing_is_taken(
    parts: Runtime, account: str, creator: str, tool: str
) -> None:
    hold_id = hold(parts, account, 90)["hold_id"]
    publish(parts, creator, tool, 40)
    with pytest.raises(PriceChanged) as refused:
        drawn(parts, account, hold_id, 5, {"tool_id": tool, "max_price_cents": 39})
    assert (refused.value.details["item"], refused.value.details["price_cents"]) == (1, 40)
    with pytest.raises(ToolNotFound) as unknown:
        drawn(parts, account, hold_id, {"tool_id": "none"})
    assert unknown.value.details == {"item": 0, "tool_id": "none"}
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.held, pending(parts, creator)) == (micros(910), micros(90), 0)


def test_a_price_that_changes_meanwhile_is_the_one_that_is_paid(
    parts: Runtime, account: str, creator: str, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_id, unchanged, done = hold(parts, account, 90)["hold_id"], ToolStore.unchanged, [False]

    def overtaken(store: ToolStore, asked: Tool) -> object:
        if not done[0]:
            done[0] = True
            publish(parts, creator, tool, 30)
        return unchanged(store, asked)

    monkeypatch.setattr(ToolStore, "unchanged", overtaken)
    answer = drawn(parts, account, hold_id, {"tool_id": tool}, {"tool_id": tool})
    assert (answer["captured_cents"], pending(parts, creator)) == (60, micros(48))
    audited(parts, account)


def test_all_items_of_a_tool_cost_what_it_does_now_also_where_one_was_priced_by_memory(
    processes: list[Runtime], account: str, creator: str, tool: str
) -> None:
    here, there = processes[0], processes[1]
    hold_id = hold(here, account, 90)["hold_id"]
    drawn(here, account, hold_id, {"tool_id": tool}, key="remembered")
    publish(there, creator, tool, 15)
    answer = drawn(here, account, hold_id, {"tool_id": tool}, {"tool_id": tool, "max_price_cents": 20})
    assert [item["amount_cents"] for item in answer["items"]] == [15, 15]
    audited(here, account)


def test_nobody_is_refused_for_a_price_that_fell_since_it_was_remembered(
    processes: list[Runtime], account: str, creator: str, tool: str
) -> None:
    here, there = processes[0], processes[1]
    hold_id = hold(here, account, 30)["hold_id"]
    drawn(here, account, hold_id, {"tool_id": tool}, key="remembered")
    charge(here, account, 970, "the rest")
    with pytest.raises(InsufficientBalance):
        drawn(here, account, hold_id, {"tool_id": tool})
    publish(there, creator, tool, 5)
    assert drawn(here, account, hold_id, {"tool_id": tool})["captured_cents"] == 5
    audited(here, account)


def test_a_tools_price_beyond_the_hold_keeps_to_the_budgets_of_its_labels(
    parts: Runtime, account: str, creator: str, tool: str
) -> None:
    put(parts, account, 40)
    hold_id = hold(parts, account, 20, labels=AGENT)["hold_id"]
    with pytest.raises(BudgetReached):
        drawn(parts, account, hold_id, {"tool_id": tool}, {"tool_id": tool})
    assert drawn(parts, account, hold_id, {"tool_id": tool})["captured_cents"] == 25
    assert (spent(parts, account), pending(parts, creator)) == ((25, 0), micros(20))
    audited(parts, account)


def test_nobody_pays_a_tool_of_their_own(parts: Runtime, account: str, tool: str) -> None:
    publish(parts, account, f"{account}-own")
    hold_id = hold(parts, account, 90)["hold_id"]
    with pytest.raises(InvalidRequest) as refused:
        drawn(parts, account, hold_id, {"tool_id": tool}, {"tool_id": f"{account}-own"})
    assert list(refused.value.details) == ["items.1.creator_id"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"amount_cents": 1}, "items.0.amount_cents"),
        ({"creator_id": "acct_c"}, "items.0.creator_id"),
        ({"kind": "agent_execution"}, "items.0.tool_id"),
        ({"tool_id": None, "amount_cents": 1, "max_price_cents": 1}, "items.0.max_price_cents"),
        ({"tool_id": "a#b"}, "items.0.tool_id"),
    ],
)
def test_what_does_not_fit_a_tool_is_named(more: Item, field: str) -> None:
    body = {"account_id": "acct_a", "idempotency_key": "k", "items": [{"tool_id": "t", **more}]}
    with pytest.raises(InvalidRequest) as refused:
        validated(CaptureRequest, body)
    assert list(refused.value.details) == [field]
