"""Flows of budgets, tools with prices, and spending."""

from __future__ import annotations

from aerostack_billing.creators.tools import ToolRequest
from aerostack_billing.values.fields import validated
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.requests import BudgetName, BudgetRequest
from tests.rooms.worlds.wallet import capture, charge, hold
from tests.simulation.flows import flow
from tests.simulation.flows_money import fund, lines, pending
from tests.simulation.invariants_spending import spending_true
from tests.simulation.tables import Tables
from tests.simulation.world import World

_LABELS = {"agent": "a"}
_BUDGET = BudgetName(label="agent", value="a")
_TOOL = "tool-search"


def _budgeted(world: World) -> None:
    fund(world)
    limits = validated(BudgetRequest, {"limit_cents": 500, "window": "total"})
    world.request(lambda parts: parts.wallet.budgets.put(world.account, _BUDGET, limits))


@flow("charge and hold under a budget", _budgeted)
class _Budgeted:
    @staticmethod
    def act(world: World) -> None:
        world.request(lambda parts: charge(parts, world.account, 300, "k", labels=_LABELS))
        held = world.request(lambda parts: hold(parts, world.account, 200, "h", labels=_LABELS))
        try:
            world.request(lambda parts: charge(parts, world.account, 1, "more", labels=_LABELS))
        except BudgetReached:
            pass
        else:
            raise AssertionError("a charge passed a budget that was used up")
        world.request(lambda parts: capture(parts, world.account, held["hold_id"], 150, "c"))

    @staticmethod
    def end(world: World) -> None:
        budget = world.eyes.wallet.budgets.get(world.account, _BUDGET)
        assert (budget["spent_cents"], budget["held_cents"]) == (450, 0)


def _published(world: World) -> None:
    fund(world)
    _price(world, 40)


def _price(world: World, cents: int) -> None:
    asked = validated(ToolRequest, {"name": "Search", "price_cents": cents})
    world.request(lambda parts: parts.creators.tools.put(world.creator, _TOOL, asked))


@flow("tool's price, changed between two calls", _published)
class _Tool:
    @staticmethod
    def act(world: World) -> None:
        asked: dict[str, object] = {"kind": "tool_call", "tool_id": _TOOL}
        world.request(lambda parts: charge(parts, world.account, None, "k", **asked))
        _price(world, 50)
        world.request(lambda parts: charge(parts, world.account, None, "k2", **asked))

    @staticmethod
    def end(world: World) -> None:
        assert lines(world)[1:] == [("charge", -40), ("charge", -50)]
        assert pending(world) == micros(72)


def _spent(world: World) -> None:
    fund(world)
    for number in range(3):
        labels = {"agent": f"a{number}"}
        world.request(lambda parts, n=number, of=labels: charge(parts, world.account, 10, f"k{n}", labels=of))  # type: ignore[misc]


@flow("spending added up, and rebuilt", _spent)
class _AddedUp:
    @staticmethod
    def act(world: World) -> None:
        world.request(lambda parts: parts.wallet.spending_fold.catch_up(world.account))
        world.request(lambda parts: charge(parts, world.account, 10, "later", labels=_LABELS))
        world.request(lambda parts: parts.wallet.spending_fold.rebuild(world.account))

    @staticmethod
    def end(world: World) -> None:
        assert spending_true(world, Tables(world), settled=True) == []
        assert world.eyes.wallet.spending_store.cursor(world.account).through == 5
