"""The steps of the random mode about who spent it: labels, budgets, usage, tools with prices, and adding it up."""

from __future__ import annotations

from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.tools import ToolRequest
from aerostack_billing.values.fields import validated
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.requests import BudgetName, BudgetRequest
from tests.rooms.worlds.wallet import charge, hold
from tests.simulation.randomly import Act, Play

_AGENTS = ("a", "b", "c")
_MODELS = ("gpt-4o-mini", "claude-opus-4-6", "o1")


def _labels(play: Play) -> dict[str, str]:
    labels = {"agent": play.chance.choice(_AGENTS)}
    return labels | ({"key": "k"} if play.chance.random() < 0.5 else {})


def _price(play: Play) -> tuple[int | None, dict[str, object]]:
    """An amount, or tokens."""
    if play.chance.random() < 0.5:
        return play.chance.choice((1, 90, 400)), {}
    usage = {"model": play.chance.choice(_MODELS), "input_tokens": play.chance.randint(0, 90_000), "output_tokens": 7}
    return None, {"usage": usage}


def _note(play: Play, account: str) -> Any:  # noqa: ANN401 - what is done with a JSON answer
    def note(answer: Any) -> None:  # noqa: ANN401
        play.answers.transfers[account, answer["charge_id"]] = round(answer["amount_cents"] * 10_000)
        play.charges.append((account, answer["charge_id"]))

    return note


def labelled(play: Play) -> None:
    account, key, labels = play.account(), play.key(), _labels(play)
    cents, more = _price(play)
    mode = play.chance.choice(("wallet", "wallet", "byok"))
    play.ask(
        f"labelled charge of {account} by {mode}",
        lambda parts: charge(parts, account, cents, key, labels=labels, billing_mode=mode, **more),
        _note(play, account),
    )


def labelled_at_once(play: Play) -> None:
    """Charges that meet on one budget."""
    account, key, labels = play.account(), play.key(), _labels(play)
    acts: list[Act] = [
        lambda parts, number=number: charge(parts, account, 300, f"{key}/{number}", labels=labels)
        for number in range(3)
    ]
    play.at_once("labelled charges", acts)


def labelled_hold(play: Play) -> None:
    account, key, labels = play.account(), play.key(), _labels(play)

    def note(answer: Any) -> None:  # noqa: ANN401
        play.answers.transfers[account, answer["hold_id"]] = micros(500)
        play.holds.append((account, answer["hold_id"], 500))

    play.ask(f"labelled hold of {account}", lambda parts: hold(parts, account, 500, key, labels=labels), note)


def budget(play: Play) -> None:
    """Set one, perhaps that of each agent, perhaps below what is spent; or take one away."""
    account = play.account()
    name = BudgetName(label="agent", value=play.chance.choice((*_AGENTS, "*")))
    if play.chance.random() < 0.2:
        play.ask(f"budget of {account} taken away", lambda parts: parts.wallet.budgets.delete(account, name))
        return
    limit = play.chance.choice((50, 700, 1_500))
    wanted = {"limit_cents": limit, "window": play.chance.choice(("day", "month", "total"))}
    wanted |= {"include_byok": play.chance.random() < 0.3}
    request = validated(BudgetRequest, wanted)
    # Noted before it is asked: an answer that is lost may have set it.
    most = play.answers.budgets
    most[account] = max(most.get(account, 0), micros(limit))
    play.ask(f"budget {limit} of {account}", lambda parts: parts.wallet.budgets.put(account, name, request))


def tool(play: Play) -> None:
    """A creator sets a tool's price, or sells it no more."""
    creator = play.chance.choice(play.creators)
    name, cents = f"tool-{creator}", play.chance.choice((0, 5, 250))
    request = validated(ToolRequest, {"name": "Search", "price_cents": cents})
    if play.chance.random() < 0.1:
        play.ask(f"{name} is sold no more", lambda parts: parts.creators.tools.delete(creator, name))
        return
    play.ask(f"{name} costs {cents}", lambda parts: parts.creators.tools.put(creator, name, request))


def tool_use(play: Play) -> None:
    account, key = play.account(), play.key()
    asked = {"kind": "tool_call", "tool_id": f"tool-{play.chance.choice(play.creators)}", "max_price_cents": 100}
    if play.chance.random() < 0.3:
        del asked["max_price_cents"]
    play.ask(
        f"{asked['tool_id']} for {account}",
        lambda parts: charge(parts, account, None, key, labels=_AGENT, **asked),
        _note(play, account),
    )


_AGENT = {"agent": "a"}


def add_up(play: Play) -> None:
    """Spending is added up, by one, by two at once, or anew."""
    account = play.account()

    def catch_up(parts: Runtime) -> object:
        return parts.wallet.spending_fold.catch_up(account)

    chosen = play.chance.random()
    if chosen < 0.6:
        play.ask(f"spending of {account} added up", catch_up, again=False)
    elif chosen < 0.9:
        play.at_once(f"spending of {account} added up", [catch_up, catch_up])
    else:
        # Whole: what an operator broke off is seen by the audit until it is done again.
        play.world.request(lambda parts: parts.wallet.spending_fold.rebuild(account))
        play.say(f"spending of {account} made anew")


WEIGHTS = {
    labelled: 8,
    labelled_at_once: 3,
    labelled_hold: 3,
    budget: 4,
    tool: 3,
    tool_use: 4,
    add_up: 4,
}
