"""The steps of the random mode in which usage goes by the queue."""

from __future__ import annotations

import json
from collections.abc import Callable

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.usage.ingest import Ingested
from tests.rooms.worlds.usage import event
from tests.simulation.randomly import Act, Play
from tests.simulation.usage_queue import Event

_METRICS = ("api_requests", "ai_tokens", "storage_bytes")
_DEAD: tuple[dict[str, object], ...] = (
    {"metric": "nonsense"},
    {"quantity": -1},
    {"quantity": "many"},
    {"dry_run": True},
)


def send_usage(play: Play) -> None:
    """A producer puts a message on the queue; now and then one of which something, or all, makes no sense."""
    if play.chance.random() < 0.05:
        play.queue.send(play.chance.choice(("no JSON", "[]", '{"metric": 7}')), [], dead=1)
        play.say("a body without sense is sent")
        return
    there = [(account, metric) for account in play.accounts for metric in _METRICS]
    counted: list[Event] = []
    raws: list[dict[str, object]] = []
    for account, metric in play.chance.sample(there, play.chance.randint(1, 5)):
        quantity = play.chance.choice((1, 40, 20_000, 10**6))
        if metric == "storage_bytes" and play.chance.random() < 0.4:
            quantity = -quantity
        counted.append((account, metric, quantity))
        own = {"idempotency_key": play.key()} if play.chance.random() < 0.3 else {}
        raws.append(event(account, quantity, metric, **own))
    dead = [event(play.account()) | play.chance.choice(_DEAD)] if play.chance.random() < 0.2 else []
    raws += dead
    play.queue.send(json.dumps(raws[0] if len(raws) == 1 else {"events": raws}), counted, len(dead))
    play.say(f"{len(raws)} events are sent")


def deliver_usage(play: Play) -> None:
    """The queue delivers some of what waits, with some of what was done with."""
    batch = play.queue.some(play.chance)
    if not batch:
        return
    done: list[Ingested | None] = [None]

    def note(ended: Ingested) -> None:
        done[0] = ended

    play.ask(f"{len(batch)} messages", lambda parts: play.queue.deliver(parts, batch), note, again=False)
    play.queue.received(batch, done)


def deliver_usage_at_once(play: Play) -> None:
    """Two deliveries of the same, as where the first took longer than the queue waits."""
    batch = play.queue.some(play.chance)
    if not batch:
        return
    done: list[Ingested | None] = [None, None]

    def delivery(number: int) -> Act:
        def act(parts: Runtime) -> object:
            done[number] = play.queue.deliver(parts, batch[:: 1 - 2 * number])
            return done[number]

        return act

    play.at_once(f"{len(batch)} messages", [delivery(0), delivery(1)])
    play.queue.received(batch, done)


WEIGHTS: dict[Callable[[Play], None], int] = {send_usage: 10, deliver_usage: 7, deliver_usage_at_once: 4}
