"""A tool's call is charged by the tool's own price, as it is in the very transaction, and pays its creator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.tool_store import ToolStore
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.fields import validated
from aerostack_billing.wallet.requests import ChargeRequest, RefundRequest
from aerostack_billing.wallet.rules import InsufficientBalance
from aerostack_billing.wallet.tools import PriceChanged, Tool, ToolNotFound
from tests.rooms.creators.test_tools import publish
from tests.rooms.worlds.wallet import audited, capture, charge, fund, hold


@pytest.fixture
def tool(parts: Runtime, account: str, creator: str) -> str:
    """A tool of 25 cents, and an account with $10 to pay it."""
    fund(parts, account, 1_000)
    name = f"{creator}-search"
    publish(parts, creator, name, 25)
    return name


def asking(tool: str, **more: object) -> dict[str, object]:
    return {"kind": "tool_call", "tool_id": tool, **more}


def pending(parts: Runtime, creator: str) -> int:
    return sum(earned.amount for earned in parts.creators.store.pending(creator).values())


def test_price_and_creator_are_the_tools_and_the_line_names_it(
    parts: Runtime, account: str, creator: str, tool: str
) -> None:
    charged = charge(parts, account, None, "k", **asking(tool, max_price_cents=25))
    assert (charged["amount_cents"], charged["tool_id"]) == (25, tool)
    line = parts.ledger.whole(account)[-1]
    assert line.details["tool_version"] == 1
    assert line.split is not None
    assert line.split.creator_id == creator
    assert pending(parts, creator) == 200_000
    publish(parts, creator, tool, 40)
    assert charge(parts, account, None, "k", **asking(tool, max_price_cents=25)) == charged
    parts.wallet.refunds.refund(charged["charge_id"], RefundRequest(account_id=account, idempotency_key="r"))
    assert pending(parts, creator) == 0
    audited(parts, account)


def test_a_price_that_rose_is_refused_above_what_was_allowed_and_nothing_is_taken(
    parts: Runtime, account: str, creator: str, tool: str
) -> None:
    charge(parts, account, None, "k", **asking(tool, max_price_cents=30))
    publish(parts, creator, tool, 40)
    for asked in (
        lambda: charge(parts, account, None, "k2", **asking(tool, max_price_cents=30)),
        lambda: hold(parts, account, None, "h2", **asking(tool, max_price_cents=30)),
    ):
        with pytest.raises(PriceChanged) as refused:
            asked()
        assert refused.value.details["price_cents"] == 40
    assert audited(parts, account).balance == 9_750_000
    assert charge(parts, account, None, "k2", **asking(tool, max_price_cents=40))["amount_cents"] == 40


def test_each_process_charges_what_the_tool_costs_now_whatever_it_remembers(
    processes: list[Runtime], account: str, creator: str, tool: str
) -> None:
    charge(processes[0], account, None, "k", **asking(tool))
    for price in (40, 10):
        publish(processes[1], creator, tool, price)
        assert charge(processes[0], account, None, f"k{price}", **asking(tool))["amount_cents"] == price
    publish(processes[1], creator, tool, 2_000)
    with pytest.raises(InsufficientBalance):
        charge(processes[0], account, None, "too dear", **asking(tool))
    publish(processes[1], creator, tool, 5)
    assert charge(processes[0], account, None, "too dear", **asking(tool))["amount_cents"] == 5
    audited(processes[0], account)


@pytest.fixture
def changing(
    parts: Runtime, creator: str, tool: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], object]], None]:
    """Runs something right before a charge's transaction first looks at the tool."""

    def change(act: Callable[[], object]) -> None:
        unchanged, done = ToolStore.unchanged, [False]

        def overtaken(store: ToolStore, asked: Tool) -> object:
            if not done[0]:
                done[0] = True
                act()
            return unchanged(store, asked)

        monkeypatch.setattr(ToolStore, "unchanged", overtaken)

    return change


def test_a_price_that_changes_meanwhile_is_the_one_that_is_paid(
    parts: Runtime, account: str, creator: str, tool: str, changing: Callable[[Callable[[], object]], None]
) -> None:
    changing(lambda: publish(parts, creator, tool, 30))
    assert charge(parts, account, None, "k", **asking(tool))["amount_cents"] == 30


def test_a_hold_sets_aside_the_price_of_its_moment_and_keeps_it(
    parts: Runtime, account: str, creator: str, tool: str, changing: Callable[[Callable[[], object]], None]
) -> None:
    changing(lambda: publish(parts, creator, tool, 30))
    held = hold(parts, account, None, **asking(tool))
    assert (held["amount_cents"], held["tool_id"]) == (30, tool)
    publish(parts, creator, tool, 99)
    assert capture(parts, account, held["hold_id"], 30)["tool_id"] == tool
    assert pending(parts, creator) == 240_000
    audited(parts, account)


def test_a_batch_pays_what_tools_cost_in_its_transaction(
    parts: Runtime, account: str, creator: str, tool: str, changing: Callable[[Callable[[], object]], None]
) -> None:
    def body(key: str, **more: object) -> dict[str, object]:
        common = {"account_id": account, "billing_mode": "wallet", "idempotency_key": key}
        return {**common, **asking(tool, **more)}

    changing(lambda: publish(parts, creator, tool, 30))
    results = parts.wallet.batch.run([body("a"), body("b", max_price_cents=25), body("c"), body("d", tool_id="none")])
    answers = [(each.status, each.body.get("amount_cents")) for each in results]
    assert answers == [(201, 30), (409, None), (201, 30), (404, None)]
    assert pending(parts, creator) == 480_000
    audited(parts, account)


def test_what_is_sold_no_more_is_not_charged_and_what_was_charged_stands(
    parts: Runtime, account: str, creator: str, tool: str
) -> None:
    charged = charge(parts, account, None, "k", **asking(tool))
    parts.creators.tools.delete(creator, tool)
    with pytest.raises(ToolNotFound):
        charge(parts, account, None, "k2", **asking(tool))
    assert charge(parts, account, None, "k", **asking(tool)) == charged


def test_nobody_pays_a_tool_of_their_own(parts: Runtime, account: str) -> None:
    fund(parts, account, 100)
    publish(parts, account, f"{account}-own")
    for act in (charge, hold):
        with pytest.raises(InvalidRequest):
            act(parts, account, None, "k", **asking(f"{account}-own"))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"amount_cents": 1}, "amount_cents"),
        ({"creator_id": "acct_c"}, "creator_id"),
        ({"kind": "agent_execution"}, "tool_id"),
        ({"tool_id": None, "amount_cents": 1, "creator_id": "acct_c", "max_price_cents": 1}, "max_price_cents"),
        ({"tool_id": None}, "amount_cents"),
        ({"billing_mode": "byok"}, "billing_mode"),
        ({"tool_id": "a#b"}, "tool_id"),
    ],
)
def test_what_does_not_fit_a_tool_is_named(more: dict[str, object], field: str) -> None:
    body = {"account_id": "acct_a", "kind": "tool_call", "billing_mode": "wallet", "idempotency_key": "k"}
    with pytest.raises(InvalidRequest) as refused:
        validated(ChargeRequest, {**body, "tool_id": "t", **more})
    assert list(refused.value.details) == [field]
