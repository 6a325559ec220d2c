"""A world to run the layer in: DynamoDB Local, a local Stripe in this process, a clock, and what production does.

Between two calls of the layer anything may break; what goes on around it is what would in production: Stripe sends its
events again, the client asks again with its key, the schedules fire, time passes.
"""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import stripe

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.client import API_VERSION
from aerostack_billing.platform import clock
from aerostack_billing.platform.config import Settings
from aerostack_billing.values.errors import BillingError, RequestInProgress
from aerostack_billing.webhooks.models import Event
from local.aws.seed import create_tables
from local.stripe import LocalStripe
from local.template import Table, load_app
from tests.rooms.conftest import Time, connected
from tests.simulation.bare import BareDynamo
from tests.simulation.chance import repeatable
from tests.simulation.environment import ENVIRONMENT
from tests.simulation.faults import DUPLICATE, Crash
from tests.simulation.memory import MemoryDynamo
from tests.simulation.person import Person
from tests.simulation.post import Kept, Post
from tests.simulation.process import Process, Refused, Ways
from tests.simulation.stripe_queue import StripeQueue
from tests.simulation.wires import BusWire, Calls, DynamoWire, LetterWire, Row, StripeWire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

Result = TypeVar("Result")
START: Final = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()
_TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_BASE = "http://stripe.simulated"
_PREFIX = "simulation"
_CLIENT_WAITS = (1, 30, 400, 4_000, 40_000, 50_000, 100_000)
"""After which seconds a client that got no answer asks again."""
SCHEDULES: Final[dict[str, Callable[[Runtime], object]]] = {
    "reload": lambda parts: parts.reload.service.sweep(),
    "holds": lambda parts: parts.wallet.lapsing.sweep(),
    "payouts": lambda parts: parts.creators.payouts.sweep(),
    "spending": lambda parts: parts.wallet.spending_fold.sweep(),
    "reconcile": lambda parts: parts.webhooks.reconciler.run(),
    "audit": lambda parts: parts.audit.service.run(None, see=parts.usage.metering.catch_up),
    "events": lambda parts: parts.outbox.publisher.run(),
    "notices": lambda parts: parts.notifications.dispatch.run(),
}
"""What the schedules run, as the functions do."""


class StillFailing(AssertionError):
    """A request is not answered however often it is made, although nothing is broken any more."""


@dataclass
class Picture:
    """The world at one moment, to be gone back to."""

    rows: dict[Row, dict[str, Any]]
    stripe: bytes
    at: float
    heard: set[str]
    notes: dict[str, Any]
    published: list[dict[str, Any]]
    queued: list[str]
    post: Kept


@dataclass
class World:
    """All that there is outside of the layer, and the process that the layer runs in."""

    url: str | None
    """Where DynamoDB Local is; None keeps the tables in this process."""
    time: Time = field(default_factory=lambda: Time(START))
    calls: Calls = field(default_factory=Calls)
    account: str = "acct_simulated"
    creator: str = "acct_creator"
    notes: dict[str, Any] = field(default_factory=dict)
    """What a flow remembers from its set-up for its end."""
    events_lost: bool = False
    queued: bool = False
    """Whether the webhook puts Stripe's events on the queue, as a stack with WebhookIntake=queue does."""
    seed: str = ""
    heard: set[str] = field(default_factory=set)
    refused: set[Refused] = field(default_factory=set)
    """Events of the usage queue that were refused, as the log is told."""

    def __post_init__(self) -> None:
        # Without their TTL: DynamoDB Local deletes by the machine's clock, which is not the world's.
        tables = [
            replace(table, name=f"{_PREFIX}-{table.logical_id}", ttl_attribute=None)
            for table in load_app(_TEMPLATE).tables.values()
        ]
        if self.url is not None:
            create_tables(connected(self.url), tables)
        stored = MemoryDynamo(tables) if self.url is None else BareDynamo(self.url)
        self.client = cast("DynamoDBClient", stored)
        self.tables = {table.logical_id: table.name for table in tables}
        keys = {table.name: _key_of(table) for table in tables}
        self.calls.clock, self.calls.lose_events = self.time.unix, self.lose_events
        self.wire = DynamoWire(self.client, self.calls, keys, self.tables["LedgerTable"])
        self.settings = Settings(
            {
                **{f"{name.removesuffix('Table').upper()}_TABLE": table for name, table in self.tables.items()},
                **ENVIRONMENT,
            }
        )
        with repeatable("world"), clock.using(self.time.unix):
            self._furnish()
        self.bare = self.picture()

    def _furnish(self) -> None:
        """A new Stripe, and the first process."""
        self.stripe = LocalStripe(self.time, _BASE, f"{_BASE}/nobody", "whsec_local")
        self.person = Person(self.stripe, _BASE)
        self.person.door("webhooks", {"drop": True})
        self._sdk = stripe.StripeClient(
            "sk_test_local",
            stripe_version=API_VERSION,
            base_addresses={"api": _BASE},
            max_network_retries=0,
            http_client=StripeWire(self.stripe, self.calls),
        )
        self.bus, self.queue = BusWire(self.calls), StripeQueue(self.calls)
        self.letters, self.charge_letters = LetterWire(self.calls), LetterWire(self.calls)
        self.post = Post(self)
        self._ways = Ways(self.wire, self._sdk, self.bus, self.letters, self.charge_letters, self.queue, self.post)
        self.eyes = Process(self.settings, replace(self._ways, dynamo=self.client), self.refused)
        """Rooms to look with: what they ask is neither numbered nor broken."""
        self.restart()
        self.fire("reconcile")

    # Processes

    def process(self) -> Runtime:
        """A new process: it knows nothing but the tables."""
        return Process(self.settings, self._ways, self.refused)

    def restart(self) -> None:
        """The process is gone; another takes its place."""
        self.parts = self.process()

    def _run(self, act: Callable[[Runtime], Result], meanwhile: Callable[[], None] | None = None) -> Result:
        """One invocation of the layer. Its duplicate, where one is struck in, does the same in another process.

        Or `meanwhile` happens then.
        """

        def duplicate() -> None:
            try:
                act(self.process())
            except BillingError:
                return

        self.calls.duplicate = meanwhile or duplicate
        try:
            return act(self.parts)
        except Crash:
            self.restart()
            raise
        finally:
            self.calls.duplicate, self.calls.outage = None, None

    # What production does

    def once(self, act: Callable[[Runtime], Result]) -> Result | None:
        """A client's request that is not made again; None if it was not answered, or answered that it failed."""
        try:
            return self._run(act)
        except Crash:
            return None
        except BillingError as error:
            if error.status < 500:
                raise
            return None

    def request(self, act: Callable[[Runtime], Result], meanwhile: Callable[[], None] | None = None) -> Result:
        """A client's request, made again with its key until it is answered."""
        last: BaseException | None = None
        for wait in _CLIENT_WAITS:
            try:
                return self._run(act, meanwhile)
            except Crash as crash:
                last = crash
            except BillingError as error:
                last = error
                if error.status < 500 and not isinstance(error, RequestInProgress):
                    raise
            self.later(wait)
        raise StillFailing from last

    def fire(self, schedule: str, meanwhile: Callable[[], None] | None = None) -> bool:
        """A scheduled function's turn; whether it came to its end."""
        try:
            self._run(SCHEDULES[schedule], meanwhile)
        except (Crash, BillingError):
            return False
        return True

    def hear(self, meanwhile: Callable[[], None] | None = None) -> None:
        """Stripe delivers what it has not, in order, until nothing new comes; what fails it will send again."""
        while not self.events_lost and [event for event in self.unheard() if self.deliver(event, meanwhile)]:
            self.take_in(meanwhile)
        self.take_in(meanwhile)

    def take_in(self, meanwhile: Callable[[], None] | None = None) -> None:
        """What is on the queue is delivered, in any order; what fails stays there."""
        waiting = list(self.queue.waiting)
        random.Random(f"{self.seed}/{len(waiting)}").shuffle(waiting)
        for body in waiting:
            self.take(body, meanwhile)

    def take(self, body: str, meanwhile: Callable[[], None] | None = None) -> bool:
        """One delivery of the queue; whether its message is done with."""
        try:
            self._run(lambda parts: self.queue.take(parts, body), meanwhile)
        except (Crash, BillingError):
            return False
        return True

    def lose_events(self) -> None:
        """From here on no webhook arrives."""
        self.events_lost = True

    def hear_elsewhere(self, events: list[dict[str, Any]]) -> None:
        """Deliveries to another process than the one that is at work; what breaks is the caller's."""
        other = self.process()
        for event in events:
            other.webhooks.service.process(Event.model_validate(copy.deepcopy(event)))
            self.heard.add(event["id"])

    def unheard(self) -> list[dict[str, Any]]:
        """Stripe's events that were not taken yet, oldest first."""
        return [event for event in self.stripe_events() if event["id"] not in self.heard]

    def stripe_events(self) -> list[dict[str, Any]]:
        """Stripe's events that the endpoints asked for, oldest first."""
        endpoints = self.stripe.world.all("webhook_endpoint").values()
        wanted = {event for endpoint in endpoints for event in endpoint["enabled_events"]}
        return [event for event in self.person.events() if event["type"] in wanted]

    def deliver(self, event: dict[str, Any], meanwhile: Callable[[], None] | None = None) -> bool:
        """One delivery; whether it was answered with 2xx."""
        sent = copy.deepcopy(event)

        def receive(parts: Runtime) -> object:
            if self.queued and parts.webhooks.queue is not None:
                return parts.webhooks.queue.put(sent)
            return parts.webhooks.service.process(Event.model_validate(sent))

        try:
            self._run(receive, meanwhile)
        except (Crash, BillingError):
            return False
        self.heard.add(event["id"])
        return True

    def pay(self, url: str, card: str = "4242424242424242") -> str:
        """A person pays on a Checkout page; the session they come back with."""
        return self.person.pay(url, card)

    def submit(self, url: str, **form: str) -> None:
        """A person sends a page's form, and is led on."""
        status, location = self.person.submit(url, **form)
        assert status == 303, (status, location)

    def take_back(self, transfer_id: str) -> None:
        """A person at Stripe's dashboard reverses a transfer."""
        self.person.post(f"transfers/{transfer_id}/reversals")

    def later(self, seconds: float) -> None:
        """Time passes, in Stripe too, each thing at its time."""
        end = self.time.at + seconds
        while (due := self.stripe.next_due()) is not None and due <= end:
            self.time.at = max(due, self.time.at)
            self.stripe.run_due()
        self.time.at = end
        self.stripe.run_due()

    def go_on(self) -> None:
        """Nothing breaks any more: all that production still does of itself, until nothing is left to do."""
        self.calls.end()
        self.restart()
        if not self.events_lost:
            events = self.stripe_events()
            for event in [*events, *events]:
                self.deliver(event)
            self.take_in()
            random.Random(self.seed).shuffle(events)
            for event in events:
                assert self.deliver(event), f"{event['type']} is still refused"
        for wait in (0, 400, 4_000, 90_000, 90_000):
            self.later(wait)
            self.hear()
            for schedule in ("holds", "reload", "payouts", "reconcile"):
                if schedule != "reconcile" or self._reconciles(wait):
                    assert self.fire(schedule), f"{schedule} still fails"
            self.hear()
        assert self.queue.waiting == [], "an event is taken in by no delivery"
        for schedule in ("spending", "audit", "events"):
            assert self.fire(schedule), f"{schedule} still fails"
        self.post.go_on()

    def _reconciles(self, wait: int) -> bool:
        """Where webhooks arrive they must do alone, but that the reconciler finds nothing wrong after a crash."""
        return wait in (400, 90_000) if self.events_lost else wait == 90_000 and "crash" in self.calls.kind

    # Going back

    def picture(self) -> Picture:
        """The world as it is now."""
        rows = {}
        for table, key in self.wire.written:
            found = self.client.get_item(TableName=table, Key={n: {"S": v} for n, v in key}, ConsistentRead=True)
            if "Item" in found:
                rows[table, key] = found["Item"]
        blob = pickle.dumps(self.stripe._store.state)
        heard, notes = set(self.heard), copy.deepcopy(self.notes)
        post = copy.deepcopy(self.post.kept)
        return Picture(rows, blob, self.time.at, heard, notes, list(self.bus.put), list(self.queue.waiting), post)

    def back_to(self, picture: Picture) -> None:
        """Make the world what it was; a new process."""
        self.calls.end()
        self.calls.kept.clear()
        requests: list[tuple[str, dict[str, Any]]] = []
        for row in sorted(self.wire.written | picture.rows.keys()):
            table, key = row
            item = picture.rows.get(row)
            put_or_delete: dict[str, Any] = (
                {"PutRequest": {"Item": item}}
                if item is not None
                else {"DeleteRequest": {"Key": {name: {"S": value} for name, value in key}}}
            )
            requests.append((table, put_or_delete))
        for start in range(0, len(requests), 25):
            batch: dict[str, list[dict[str, Any]]] = {}
            for table, request in requests[start : start + 25]:
                batch.setdefault(table, []).append(request)
            self.client.batch_write_item(RequestItems=batch)
        self.wire.forget(set(picture.rows))
        self.stripe._store.state = pickle.loads(picture.stripe)
        self.time.at, self.heard, self.notes = picture.at, set(picture.heard), copy.deepcopy(picture.notes)
        self.bus.put[:] = picture.published
        for letters in (self.letters, self.charge_letters):
            letters.kept.clear()
            letters.known.clear()
        self.queue.back_to(picture.queued)
        self.post.back_to(picture.post)
        self.refused.clear()
        self.events_lost = False
        self.restart()

    def strike(self, number: int, kind: str, seed: str) -> None:
        """From here on calls are numbered, and this one is struck."""
        self.seed = seed
        self.calls.begin(number, kind)

    @property
    def duplicated(self) -> bool:
        """Whether another process did the same step too."""
        return self.calls.kind == DUPLICATE


def _key_of(table: Table) -> tuple[str, ...]:
    return (table.hash_key,) if table.range_key is None else (table.hash_key, table.range_key)


@contextmanager
def world(url: str | None) -> Iterator[World]:
    """A world on the DynamoDB Local at that address, or in memory; the billing clock is the world's in the block."""
    made = World(url)
    with clock.using(made.time.unix):
        yield made
