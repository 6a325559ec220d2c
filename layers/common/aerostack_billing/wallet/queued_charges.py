"""Charges that services send through a queue and do not wait for.

A message is the body of a charge, or a batch of them, `{"charges": [...]}`. The queue is a FIFO one: messages of one
group, the account, are taken in their order, one delivery after another. It delivers at least once, and dedupes for
five minutes; the ledger's keys dedupe for ever.

What becomes of a charge. Taken. Unpaid, or stopped with its sender: that is a domain event, and the charge is kept
with the reason in the queue of refused charges, which nobody is paged for. Dead: it can never be taken as it is, which
somebody has to mend; it is a dead letter with the reason. Which refusal is which: `queue_refusals`. Left to be
delivered again: the store failed; then so is what its group sent after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Protocol, cast

from aerostack_billing.operators.senders import Admit, Sender, stopped
from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.platform import clock, correlation
from aerostack_billing.platform.dead_letters import DeadLetters
from aerostack_billing.values.errors import BillingError, CallerBlocked, StoreUnavailable
from aerostack_billing.values.fields import validated
from aerostack_billing.values.json_object import parse_object
from aerostack_billing.values.money import cents
from aerostack_billing.wallet.batches import ChargeBatch, Result
from aerostack_billing.wallet.charges import charge_id_of
from aerostack_billing.wallet.domain_events import ChargeRefused
from aerostack_billing.wallet.queue_refusals import Fate, fate_of
from aerostack_billing.wallet.requests import ChargeRequest, ChargesRequest

CALLER: Final = "charge-queue"
"""How the ledger names who asked for such charges, before the sender: a message carries no token."""

_AT_ONCE = 100
"""Charges that are taken by one call of the batch."""
_LONGEST_REASON = 1_000


@dataclass(frozen=True)
class Message:
    """One message as it was delivered. `received_at`, in Unix seconds, is the same at every delivery.

    `principal` is who sent it, as SQS tells it. `first_sender` is who did at first, where it was put aside before.
    """

    message_id: str
    body: str
    group: str
    received_at: float
    principal: str | None = None
    first_sender: str | None = None

    @property
    def sender(self) -> Sender:
        """Who sent it."""
        return Sender(CALLER, self.principal, self.first_sender)

    @property
    def caller(self) -> str:
        """By whom the ledger says that its charges were asked for."""
        return self.sender.caller


@dataclass(frozen=True)
class Taken:
    """What became of a delivery: how many charges, and which messages are to be delivered again."""

    charged: int = 0
    unpaid: int = 0
    stopped: int = 0
    dead: int = 0
    again: frozenset[str] = frozenset()

    def view(self) -> dict[str, object]:
        """For the log."""
        return {**asdict(self), "again": len(self.again)}


class QueueListener(Protocol):
    """Whoever wants to know what becomes of charges that nobody waits for."""

    def charges_taken(self, done: Taken) -> None:
        """Called once a delivery."""


@dataclass
class _Post:
    """A message while it is worked on: its charges, and those that were refused, by the reason's code."""

    message: Message
    charges: Sequence[Mapping[str, object]] = ()
    charged: int = 0
    refused: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    events: list[DomainEvent] = field(default_factory=list)
    unreadable: BillingError | None = None
    """Why nothing of it can be read."""
    stopped: CallerBlocked | None = None
    """That nothing of it may be taken."""

    def refuse(self, raw: Mapping[str, object], code: str, details: object) -> None:
        """Note a charge that was refused, and tell of it unless it is somebody's fault."""
        self.refused.setdefault(code, []).append(raw)
        self.reasons.setdefault(code, _reason(code, details))
        if fate_of(code) != "fault":
            self.events += _told(self.message, raw, code)

    @property
    def letters(self) -> Iterator[tuple[str, str, str]]:
        """What is to be put aside: the code of the refusal, the reason and the body."""
        if self.unreadable is not None:
            why = self.stopped or self.unreadable
            yield why.code, _reason(why.code, why.details), self.message.body
        for code, raws in self.refused.items():
            yield code, self.reasons[code], json.dumps({"charges": raws}, default=str)

    def count(self, fate: Fate) -> int:
        """How many of its charges had this fate; one that cannot be read is one."""
        refused = sum(len(raws) for code, raws in self.refused.items() if fate_of(code) == fate)
        if self.unreadable is None:
            return refused
        return refused + (fate == fate_of((self.stopped or self.unreadable).code))


class QueuedCharges:
    """Takes what the queue delivers."""

    def __init__(
        self,
        batch: ChargeBatch,
        outbox: Outbox,
        dead_letters: DeadLetters,
        refused: DeadLetters,
        listener: QueueListener,
        admit: Admit,
    ) -> None:
        self._batch = batch
        self._admit = admit
        self._outbox = outbox
        self._dead_letters = dead_letters
        self._refused = refused
        self._listener = listener

    def run(self, messages: Sequence[Message]) -> Taken:
        """Take all of them, each charge once for its key; what is not named as to come `again` is done with.

        What is named may have been taken in part: its keys tell at the next delivery.
        """
        with correlation.using(correlation.current(), CALLER):
            try:
                refused = stopped((message.sender for message in messages), self._admit)
            except StoreUnavailable:
                return self._done(Taken(again=frozenset(message.message_id for message in messages)))
            posts = [replace(_read(message), stopped=refused.get(message.sender)) for message in messages]
            again: set[str] = set()
            behind: set[str] = set()
            for some in _together(posts):
                self._take([post for post in some if post.message.group not in behind], again, behind)
            # In their order: what follows one that is not done with waits for it.
            for post in posts:
                if post.message.group in behind:
                    again.add(post.message.message_id)
                elif not self._put_aside(post):
                    again.add(post.message.message_id)
                    behind.add(post.message.group)
        return self._done(_sum([post for post in posts if post.message.message_id not in again], frozenset(again)))

    def _done(self, done: Taken) -> Taken:
        self._listener.charges_taken(done)
        return done

    def _take(self, posts: Sequence[_Post], again: set[str], behind: set[str]) -> None:
        """Take the charges of some messages together; the groups whose store failed join those that stay `behind`.

        All of them are of one sender: of one who is stopped none is taken that was not before.
        """
        if not posts:
            return
        charges, why = [raw for post in posts for raw in post.charges], posts[0].stopped
        with correlation.using(correlation.current(), posts[0].message.caller):
            done = self._batch.run(charges) if why is None else self._batch.taken_before(charges, why)
        results = iter(done)
        for post in posts:
            for raw in post.charges:
                result = next(results)
                if result.status >= 500:
                    again.add(post.message.message_id)
                    behind.add(post.message.group)
                elif result.status == 201:
                    post.charged += 1
                else:
                    post.refuse(raw, *_error(result))

    def _put_aside(self, post: _Post) -> bool:
        """Tell of what is unpaid or stopped, and put aside what was refused; whether all of that is stored.

        What nobody has to mend is kept apart from what is somebody's fault: the latter pages.
        """
        message = post.message
        try:
            # Under the message's id, which stays the same, so that the event does too.
            with correlation.using(message.message_id, message.caller):
                self._outbox.put(post.events)
            for code, reason, body in post.letters:
                aside = self._dead_letters if fate_of(code) == "fault" else self._refused
                sender = message.sender.origin
                aside.put(body, reason=reason, message_id=message.message_id, sender=sender, group=message.group)
        except StoreUnavailable:
            return False
        return True


def _read(message: Message) -> _Post:
    try:
        body = parse_object(message.body)
        charges = validated(ChargesRequest, body).charges if "charges" in body else [body]
    except BillingError as error:
        return _Post(message, unreadable=error)
    return _Post(message, charges)


def _together(posts: Sequence[_Post]) -> Iterator[list[_Post]]:
    """The messages in runs of few enough charges for one call, each of one caller; none splits a message."""
    run: list[_Post] = []
    size = 0
    for post in posts:
        if run and (size + len(post.charges) > _AT_ONCE or post.message.sender != run[0].message.sender):
            yield run
            run, size = [], 0
        run.append(post)
        size += len(post.charges)
    if run:
        yield run


def _told(message: Message, raw: Mapping[str, object], code: str) -> Iterator[DomainEvent]:
    """The event of a charge that was not taken; none of what is no charge, which a sender who is stopped may send too.

    All of it derives from the message, so that it is the same at every delivery.
    """
    try:
        request = validated(ChargeRequest, raw)
    except BillingError:
        return
    charge_id = charge_id_of(request)
    data: ChargeRefused = {
        "charge_id": charge_id,
        "idempotency_key": request.idempotency_key,
        "kind": request.kind,
        "billing_mode": request.billing_mode,
        "amount_cents": None if request.amount_cents is None else cents(request.amount_cents),
        "code": code,
        "reference": request.reference,
        "labels": request.labels,
        "message_id": message.message_id,
    }
    occasion = f"{charge_id}:{code}:{message.message_id}"
    yield DomainEvent("charge.refused", request.account_id, occasion, data, clock.iso_exact(message.received_at))


def _error(result: Result) -> tuple[str, object]:
    error = cast("Mapping[str, object]", result.body["error"])
    return str(error["code"]), error["details"]


def _reason(code: str, details: object) -> str:
    # As JSON: what a producer named a field may hold what the queue takes in no attribute.
    return f"{code} {json.dumps(details, default=str)}"[:_LONGEST_REASON]


def _sum(posts: Sequence[_Post], again: frozenset[str]) -> Taken:
    def of(fate: Fate) -> int:
        return sum(post.count(fate) for post in posts)

    return Taken(sum(post.charged for post in posts), of("unpaid"), of("stopped"), of("fault"), again)
