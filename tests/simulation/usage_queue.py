"""The usage queue: what was sent is delivered at least once, in any company, until it is done with."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.usage.ingest import Ingested, Message
from tests.simulation.answers import Answers
from tests.simulation.world import World

_AT_ONCE = 10
_KEPT_SECONDS = 4 * 86_400
_RECEIVED_AT_MOST = 5
"""As the template says of the queue."""

Event = tuple[str, str, int]
"""An account, a metric and a quantity."""


@dataclass
class Sent:
    """A message. Its `events` can be counted, each of another account or metric; `dead` of it can never be."""

    message: Message
    at: float
    events: list[Event]
    dead: int = 0
    received: int = 0
    aside: bool = False
    """What is dead of it must be among the dead letters."""


class UsageQueue:
    """What producers sent. Nobody tells them what became of it: it is told to the log."""

    def __init__(self, world: World, answer: Answers) -> None:
        self._world = world
        self._told = answer
        self._sent: list[Sent] = []
        self._waiting: list[Sent] = []
        self._taken: list[Sent] = []

    def send(self, body: str, events: list[Event], dead: int = 0) -> None:
        """A message; of its events it is not known yet whether they will be counted."""
        sent = Sent(Message(f"m{len(self._sent)}", body), self._world.time.at, events, dead)
        self._sent.append(sent)
        self._waiting.append(sent)
        for account, metric, quantity in events:
            self._told.unknown[account, metric].append(quantity)

    def some(self, chance: random.Random) -> list[Sent]:
        """Any of what waits, perhaps with something that was done with before."""
        self._expire()
        some = chance.sample(self._waiting, min(len(self._waiting), chance.randint(1, _AT_ONCE - 2)))
        return some + chance.sample(self._taken, min(len(self._taken), chance.choice((0, 0, 1, 2))))

    def waits(self) -> list[list[Sent]]:
        """All that waits, as it is delivered."""
        self._expire()
        return [self._waiting[start : start + _AT_ONCE] for start in range(0, len(self._waiting), _AT_ONCE)]

    def deliver(self, parts: Runtime, batch: list[Sent]) -> Ingested:
        """One delivery."""
        return parts.usage.ingest.run([sent.message for sent in batch])

    def received(self, batch: list[Sent], done: list[Ingested | None]) -> None:
        """Note what one delivery, or several of the same at once, came to: None for one that broke off.

        Only a first delivery that came to its end tells for sure what was counted: a later one finds the mark of the
        message, and does not know what of it was refused before.
        """
        ended = [one for one in done if one is not None]
        for sent in batch:
            sent.received += 1
            over = any(sent.message.message_id not in one.again for one in ended)
            sure = len(ended) == len(done) and all(sent.message.message_id not in one.again for one in done if one)
            if over:
                sent.aside = sent.dead > 0
            if sent.received == 1 and sure:
                self._know(sent)
            if sent in self._waiting and (over or sent.received == _RECEIVED_AT_MOST):
                self._waiting.remove(sent)
                self._taken.append(sent)

    def _know(self, sent: Sent) -> None:
        for account, metric, quantity in sent.events:
            # What was refused is not tried again, but where the whole message comes again it may pass by then.
            if (account, metric, quantity, sent.message.message_id) not in self._world.refused:
                self._told.unknown[account, metric].remove(quantity)
                self._told.counted[account, metric] += quantity

    def _expire(self) -> None:
        """What is known to have been counted is known for longer than the queue keeps a message."""
        since = self._world.time.at - _KEPT_SECONDS
        self._waiting = [sent for sent in self._waiting if sent.at > since]
        self._taken = [sent for sent in self._taken if sent.at > since]

    def stuck(self) -> list[str]:
        """What waits though nothing breaks: only storage may, that is given back before it was taken."""
        return [
            f"{sent.message} waits" for sent in self._waiting if all(quantity > 0 for _, _, quantity in sent.events)
        ]

    def broken(self) -> list[str]:
        """Dead letters that are missing, or that hold what could be counted."""
        letters: dict[str, set[str]] = {}
        for body, _, message_id in self._world.letters.kept:
            letters.setdefault(message_id, set()).add(body)
        wrong = []
        for sent in self._sent:
            there = letters.get(sent.message.message_id, set())
            if sent.aside and not there:
                wrong.append(f"what is dead of {sent.message} is nowhere")
            wrong += [f"{sent.message} is put aside as {body}" for body in there if _size(body) != sent.dead]
        return wrong


def _size(body: str) -> int:
    """How many events a dead letter has; a body that is no batch of events is dead as a whole."""
    try:
        found = json.loads(body)
    except ValueError:
        return 1
    return len(found["events"]) if "events" in found else 1
