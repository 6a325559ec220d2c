"""The charge queue: what was sent is delivered at least once, an account's in order, until it is done with."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.ledger.keys import transfer_id
from aerostack_billing.wallet.queued_charges import Message, Taken
from tests.simulation.tables import Tables
from tests.simulation.world import World

_AT_ONCE = 10


@dataclass
class Sent:
    """A message: what became of it is known once it is done with."""

    message: Message
    keys: list[str]
    received: int = 0
    over: bool = False
    wholly_dead: bool = False


@dataclass
class ChargeQueue:
    """What services sent. Nobody tells them what became of it."""

    world: World
    sent: list[Sent] = field(default_factory=list)

    def send(self, account: str, body: str, keys: list[str], *, dead: bool = False) -> None:
        """A message in the group of its account; of one that is `dead` nothing can be read."""
        message = Message(f"c{len(self.sent)}", body, account, self.world.time.at)
        self.sent.append(Sent(message, keys, wholly_dead=dead))

    def some(self, chance: random.Random) -> list[Sent]:
        """The first of what waits, group by group, perhaps with something that was done with before."""
        waiting = [sent for sent in self.sent if not sent.over][: chance.randint(1, _AT_ONCE)]
        over = [sent for sent in self.sent if sent.over]
        return waiting + chance.sample(over, min(len(over), chance.choice((0, 0, 1))))

    def waits(self) -> Iterator[list[Sent]]:
        """All that waits, as it is delivered."""
        waiting = [sent for sent in self.sent if not sent.over]
        for start in range(0, len(waiting), _AT_ONCE):
            yield waiting[start : start + _AT_ONCE]

    def deliver(self, parts: Runtime, batch: list[Sent]) -> Taken:
        """One delivery."""
        return parts.wallet.queued.run([sent.message for sent in batch])

    def received(self, batch: list[Sent], done: list[Taken | None]) -> None:
        """Note what one delivery, or several of the same at once, came to: None for one that broke off."""
        ended = [one for one in done if one is not None]
        for sent in batch:
            sent.received += 1
            if any(sent.message.message_id not in one.again for one in ended):
                sent.over = True

    def stuck(self) -> list[str]:
        """What waits though nothing breaks."""
        return [f"{sent.message} waits" for sent in self.sent if not sent.over]

    def broken(self, tables: Tables) -> list[str]:
        """Charges of messages that are done with, and that are neither in the ledger nor among the dead letters."""
        there = {row["transfer_id"] for row in tables.of("LedgerTable")}
        aside: set[tuple[str, str]] = set()
        whole: set[str] = set()
        for body, _, message_id in self.world.charge_letters.kept:
            found = _charges(body)
            aside |= {(message_id, str(one.get("idempotency_key"))) for one in found}
            whole |= set() if found else {message_id}
        done = [sent for sent in self.sent if sent.over]
        wrong = [f"{s.message} is nowhere" for s in done if s.wholly_dead and s.message.message_id not in whole]
        kept = [(sent.message, key) for sent in done for key in sent.keys]
        return wrong + [
            f"{key} of {message} was lost"
            for message, key in kept
            if transfer_id("ch_", message.group, key) not in there and (message.message_id, key) not in aside
        ]


def _charges(body: str) -> list[dict[str, object]]:
    """The charges that a dead letter holds; none of a body that is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return []
    return found["charges"] if isinstance(found, dict) and "charges" in found else []
