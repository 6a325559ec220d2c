"""The steps of the random mode that charge much at once: batches, and allowances drawn down and extended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aerostack_billing.values.fields import validated
from aerostack_billing.wallet.queued_charges import Taken
from aerostack_billing.wallet.requests import CaptureRequest, ExtendRequest
from tests.rooms.worlds.wallet import charge_all, queued
from tests.simulation.randomly import Play

_PRICES = (0, 1, 30, 400, 2_500)


def batch_of_charges(play: Play) -> None:
    """Charges of two accounts in one call, one of them twice, some by a tool."""
    accounts = [play.account(), play.account()]
    charges: list[dict[str, object]] = []
    for _ in range(play.chance.randint(2, 6)):
        one: dict[str, object] = {"account_id": play.chance.choice(accounts), "idempotency_key": play.key()}
        one["amount_cents"] = play.chance.choice(_PRICES)
        match play.chance.random():
            case chosen if chosen < 0.2:
                one |= {"kind": "tool_call", "creator_id": play.chance.choice(play.creators)}
            case chosen if chosen < 0.4:
                one |= {"kind": "tool_call", "amount_cents": None, **_tool(play)}
            case _:
                pass
        charges += [one] * (2 if play.chance.random() < 0.2 else 1)

    def note(results: Any) -> None:  # noqa: ANN401
        for result in results:
            if result["status"] == 201:
                charge = result["account_id"], result["charge_id"]
                play.answers.transfers[charge] = round(result["amount_cents"] * 10_000)
                play.charges.append(charge)

    act = lambda parts: charge_all(parts, accounts[0], *charges)  # noqa: E731
    if play.chance.random() < 0.2:
        play.at_once("batch of charges", [act, act])
    play.ask(f"batch of {len(charges)} charges", act, note)


def _tool(play: Play) -> dict[str, object]:
    """A call of a creator's tool, perhaps at no more than a price."""
    most = {"max_price_cents": 100} if play.chance.random() < 0.5 else {}
    return {"tool_id": f"tool-{play.chance.choice(play.creators)}", **most}


def draw(play: Play) -> None:
    """A hold pays several pieces of work, some of them calls of tools, and may stay open."""
    if not play.holds:
        return
    account, hold_id, held = play.chance.choice(play.holds[-10:])
    items: list[dict[str, object]] = [
        {"amount_cents": play.chance.choice((0, 1, held // 4, held))} for _ in range(play.chance.randint(1, 4))
    ]
    if play.chance.random() < 0.3:
        items.insert(play.chance.randint(0, len(items)), _tool(play))
    body = {"account_id": account, "idempotency_key": play.key(), "items": items}
    request = validated(CaptureRequest, {**body, "final": play.chance.random() < 0.3})

    def note(answer: Any) -> None:  # noqa: ANN401
        for item in answer["items"]:
            play.answers.transfers[account, item["charge_id"]] = round(item["amount_cents"] * 10_000)
            play.charges.append((account, item["charge_id"]))

    play.ask(f"draw of {account}", lambda parts: parts.wallet.allowances.capture(hold_id, request).body, note)


def extend(play: Play) -> None:
    """A hold ends later, and holds more."""
    if not play.holds:
        return
    account, hold_id, _ = play.chance.choice(play.holds[-10:])
    body = {"account_id": account, "idempotency_key": play.key(), "ttl_seconds": play.chance.choice((60, 90_000))}
    request = validated(ExtendRequest, {**body, "add_cents": play.chance.choice((0, 50, 700))})
    play.ask(f"extension for {account}", lambda parts: parts.wallet.allowances.extend(hold_id, request).body)


def send_charges(play: Play) -> None:
    """A service puts charges of one account on the queue; now and then what makes no sense."""
    account = play.account()
    if play.chance.random() < 0.05:
        play.charge_queue.send(account, play.chance.choice(("no JSON", "[]")), [], dead=True)
        return
    charges: list[dict[str, object]] = []
    for _ in range(play.chance.randint(1, 4)):
        one: dict[str, object] = {"account_id": account, "idempotency_key": play.key()}
        one["amount_cents"] = play.chance.choice((*_PRICES, -1))
        if play.chance.random() < 0.3:
            one |= {"kind": "tool_call", "creator_id": play.chance.choice(play.creators)}
        charges += [one] * (2 if play.chance.random() < 0.2 else 1)
    message = queued("", *charges)
    play.charge_queue.send(account, message.body, [str(one["idempotency_key"]) for one in charges])
    play.say(f"{len(charges)} charges are sent")


def deliver_charges(play: Play) -> None:
    """The queue delivers what waits, with some of what was done with."""
    batch = play.charge_queue.some(play.chance)
    if not batch:
        return
    done: list[Taken | None] = [None]

    def note(ended: Taken) -> None:
        done[0] = ended

    act = lambda parts: play.charge_queue.deliver(parts, batch)  # noqa: E731
    play.ask(f"{len(batch)} messages of charges", act, note, again=False)
    play.charge_queue.received(batch, done)


WEIGHTS: dict[Callable[[Play], None], int] = {
    batch_of_charges: 4,
    draw: 5,
    extend: 3,
    send_charges: 5,
    deliver_charges: 4,
}
"""How often each is chosen, beside the others."""
