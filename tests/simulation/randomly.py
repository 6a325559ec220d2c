"""The random mode: many accounts, every verb, every fault, webhooks in any order or never, all from one seed."""

from __future__ import annotations

import hashlib
import json
import random
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform.dynamo import Item
from aerostack_billing.usage.periods import BEGAN_ITEM
from aerostack_billing.values.errors import BillingError, RequestInProgress
from tests.simulation.answers import Answers
from tests.simulation.chance import repeatable
from tests.simulation.charge_queue import ChargeQueue
from tests.simulation.faults import DUPLICATE, KEPT, LOST, Call, Crash, kinds_for
from tests.simulation.invariants import violations
from tests.simulation.invariants_spending import budgets_held, spending_true
from tests.simulation.tables import Tables
from tests.simulation.turns import Turns
from tests.simulation.usage_queue import UsageQueue
from tests.simulation.ways_on import ways_on
from tests.simulation.world import SCHEDULES, World

Act = Callable[[Runtime], Any]
Note = Callable[[Any], None]
_KEY_LIVES = 24 * 3600
_STRUCK = 0.3
"""How often a step has one of its calls struck."""
_CHECK_EVERY = 25
_SETTLE_EVERY = 250
_LOG = 40


class Broken(AssertionError):
    """An invariant does not hold, or something escaped: the seed, the step, and what was done before."""


@dataclass
class Asked:
    """A request that was not answered: it is made again with its key while that is sure to be remembered."""

    name: str
    act: Act
    note: Note
    at: float


class Play:
    """One run. Its steps are chosen by `verbs`."""

    def __init__(self, world: World, chance: random.Random, accounts: int) -> None:
        self.world = world
        self.chance = chance
        self.accounts = [f"acct_{number}" for number in range(accounts)]
        self.creators = [f"crea_{number}" for number in range(max(1, accounts // 2))]
        self.answers = Answers()
        self.queue = UsageQueue(world, self.answers)
        self.charge_queue = ChargeQueue(world)
        self.unanswered: list[Asked] = []
        self.pages: list[tuple[str, str]] = []
        self.sessions: list[tuple[str, str]] = []
        self.holds: list[tuple[str, str, int]] = []
        self.charges: list[tuple[str, str]] = []
        self.leases: list[tuple[str, str, dict[str, Any]]] = []
        self.lost: set[str] = set()
        self.log: list[str] = []
        self.trace = hashlib.sha256()
        self.counts: dict[str, int] = defaultdict(int)
        self._keys = 0
        world.calls.trace = lambda asked: self.trace.update(f"{world.time.at} {asked}".encode())
        world.calls.choose = self._kind

    # What a step is made of

    def key(self) -> str:
        """A new idempotency key."""
        self._keys += 1
        return f"key_{self._keys}"

    def account(self) -> str:
        """Any account."""
        return self.chance.choice(self.accounts)

    def ask(self, name: str, act: Act, note: Note = lambda _: None, *, again: bool = True) -> None:
        """A client's request, perhaps with a call struck; kept to be made again where it is not answered."""
        asked = Asked(name, act, note, self.world.time.at)
        if not self._answered(asked) and again:
            self.unanswered.append(asked)

    def _answered(self, asked: Asked) -> bool:
        self._arm()
        try:
            answer = self.world._run(asked.act)
        except Crash:
            self.say(f"{asked.name}: crashed")
            return False
        except BillingError as error:
            self.say(f"{asked.name}: {error.code}")
            return error.status < 500 and not isinstance(error, RequestInProgress)
        finally:
            self.disarm()
        self.say(f"{asked.name}: done")
        asked.note(answer)
        return True

    def ask_again(self) -> None:
        """One of the requests that were not answered, with the same key; none whose key may be forgotten."""
        now = self.world.time.at
        self.unanswered = [asked for asked in self.unanswered if now - asked.at < _KEY_LIVES]
        if self.unanswered:
            asked = self.unanswered.pop(self.chance.randrange(len(self.unanswered)))
            if not self._answered(asked):
                self.unanswered.append(asked)

    def at_once(self, name: str, acts: list[Act]) -> list[BaseException | None]:
        """The acts in processes of their own, which take turns at every call."""
        processes = [self.world.process() for _ in acts]
        self._arm()
        try:
            raised = Turns(self.world.calls, self.chance).run(
                [lambda act=act, parts=parts: act(parts) for act, parts in zip(acts, processes, strict=True)]  # type: ignore[misc]
            )
        finally:
            self.disarm()
        self.say(f"{name}, {len(acts)} at once: {[type(error).__name__ for error in raised]}")
        for error in raised:
            if error is not None and not isinstance(error, Crash | BillingError):
                raise error
        return raised

    def fire(self, schedule: str) -> None:
        """A schedule, perhaps with a call struck."""
        self._arm()
        try:
            ended = self.world.fire(schedule)
        finally:
            self.disarm()
        self.say(f"{schedule}: {'ended' if ended else 'broke off'}")

    def deliver(self, event: dict[str, Any]) -> None:
        """A delivery of Stripe's, perhaps with a call struck."""
        self._arm()
        try:
            taken = self.world.deliver(event)
        finally:
            self.disarm()
        self.say(f"{event['type']}: {'taken' if taken else 'refused'}")

    def take(self, body: str) -> None:
        """A delivery of the queue of Stripe's events, perhaps with a call struck."""
        self._arm()
        try:
            done = self.world.take(body)
        finally:
            self.disarm()
        self.say(f"from Stripe's queue: {'done' if done else 'comes again'}")

    def on_their_way(self) -> list[dict[str, Any]]:
        """Events that were not taken and not lost, oldest first."""
        return [event for event in self.world.unheard() if event["id"] not in self.lost]

    def say(self, line: str) -> None:
        """A line of the log."""
        struck = self.world.calls.struck
        broken = f" [{self.world.calls.kind} at {struck}]" if struck else ""
        self.log.append(f"{self.world.time.at:.0f} {line}{broken}")
        self.counts[line.partition(":")[0]] += 1

    def _arm(self) -> None:
        self.world.calls.struck = None
        if self.chance.random() < _STRUCK:
            self.world.calls.begin(self.chance.randint(1, 14))

    def disarm(self) -> None:
        """Nothing more of this step breaks."""
        self.world.calls.end()

    def _kind(self, call: Call) -> str:
        kinds = [kind for kind in kinds_for(call) if kind not in {LOST, KEPT if call.key is None else ""}]
        if self.world.calls.gate is not None:
            # An outage is one process's own, and a duplicate would wait for a turn that never comes.
            kinds = [kind for kind in kinds if kind != DUPLICATE and "for good" not in kind]
        return self.chance.choice(kinds)

    # What must hold

    def check(self, *, settled: bool) -> None:
        """Every invariant, and that what callers were told is in the tables."""
        found = violations(self.world, settled=settled)
        tables = Tables(self.world)
        found += self.answers.broken(tables) + self.queue.broken() + self.charge_queue.broken(tables)
        found += budgets_held(tables, self.answers.budgets) + spending_true(self.world, tables, settled=settled)
        found += ways_on(self.world, self.accounts, self.key) if settled else []
        if found:
            raise Broken("\n".join(found))

    def settle(self) -> None:
        """Nothing breaks for a while: Stripe sends all but what is lost, the schedules fire, clients ask again."""
        self.world.restart()
        self.world.calls.kept.clear()
        old = [event for event in self.world.stripe_events() if event["id"] in self.world.heard]
        for event in self.chance.sample(old, min(10, len(old))):
            assert self.world.deliver(event)
        for wait in (0, 400, 4_000, 90_000, 90_000):
            self.world.later(wait)
            self._hear_all()
            self.see_carried()
            for asked in self.unanswered:
                if self.world.time.at - asked.at < _KEY_LIVES and self._ends(asked):
                    continue
            self.unanswered = []
            for batch in self.queue.waits():
                self.queue.received(batch, [self.world._run(lambda parts, b=batch: self.queue.deliver(parts, b))])  # type: ignore[misc]
            for sent in self.charge_queue.waits():
                done = self.world._run(lambda parts, s=sent: self.charge_queue.deliver(parts, s))  # type: ignore[misc]
                self.charge_queue.received(sent, [done])
            assert self.queue.stuck() + self.charge_queue.stuck() == []
            for schedule in SCHEDULES:
                assert self.world.fire(schedule), f"{schedule} still fails"
            self._hear_all()
        assert self.world.fire("events"), "events still fails"
        self.say("settled")

    def see_carried(self) -> None:
        """Keep what is carried into months: the record of it goes when another paid period begins."""
        keys: list[Item] = [{"account_id": account, "period": BEGAN_ITEM} for account in self.accounts]
        table = self.world.tables["UsageTable"]
        for row in self.world.eyes.dynamo.batch_get({table: keys}, consistent=True)[table]:
            self.answers.keep_carried(row)

    def _ends(self, asked: Asked) -> bool:
        try:
            asked.note(self.world._run(asked.act))
        except BillingError as error:
            if error.status >= 500:
                raise
        return True

    def _hear_all(self) -> None:
        while events := self.on_their_way():
            self.chance.shuffle(events)
            for event in events:
                assert self.world.deliver(event), f"{event['type']} is still refused"
            self.world.take_in()
        self.world.take_in()
        assert self.world.queue.waiting == [], "an event is taken in by no delivery"


@dataclass(frozen=True)
class Played:
    """What a run came to: how often each thing was done, and a digest of every call and of the tables in the end."""

    counts: dict[str, int]
    digest: str


def play(world: World, seed: int, steps: int, accounts: int = 6) -> Played:
    """A run of so many steps from the seed. Broken if anything does not hold."""
    from tests.simulation.verbs import open_up, step  # which act on the Play that is made here

    world.back_to(world.bare)
    # Every second run has the queue of Stripe's events in it.
    world.queued = seed % 2 == 1
    with repeatable(f"random/{seed}") as chance:
        playing = Play(world, chance, accounts)
        number = 0
        try:
            open_up(playing)
            for number in range(1, steps + 1):
                step(playing)
                playing.see_carried()
                if number % _SETTLE_EVERY == 0:
                    playing.settle()
                    playing.check(settled=True)
                elif number % _CHECK_EVERY == 0:
                    playing.check(settled=False)
            playing.settle()
            playing.check(settled=True)
        except Exception as error:
            done = "\n".join(playing.log[-_LOG:])
            what = str(error) if isinstance(error, Broken) else traceback.format_exc()
            raise Broken(f"SEED={seed}, step {number}:\n{what}\n\nbefore it:\n{done}") from error
        finally:
            world.calls.end()
            world.calls.trace = world.calls.choose = world.calls.gate = None
        tables = json.dumps(Tables(world).rows, sort_keys=True, default=str)
        playing.trace.update(tables.encode())
        return Played(dict(playing.counts), playing.trace.hexdigest())
