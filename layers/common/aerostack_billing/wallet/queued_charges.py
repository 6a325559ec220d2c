"""Charges that services send through a queue and do not wait for.

A message is the body of a charge, or a batch of them, `{"charges": [...]}`. The queue is a FIFO one: messages of one
group, the account, are taken in their order, one delivery after another. It delivers at least once, and dedupes for
five minutes; the ledger's keys dedupe for ever.

What becomes of a charge. Taken. Unpaid: the wallet, a budget or the plan forbids it; that is a domain event, and the
charge is kept with the reason in the queue of refused charges, which is nobody's fault to mend. Dead: it can never be
taken as it is, or an operator stopped its sender; it is a dead letter with the reason. Left to be delivered again: the
store failed; then so is what its group sent after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Protocol, cast

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
from aerostack_billing.wallet.requests import ChargeRequest, ChargesRequest

CALLER: Final = "charge-queue"
"""How the ledger names who asked for such charges, before the sender: a message carries no token."""

_AT_ONCE = 100
"""Charges that are taken by one call of the batch."""
_UNPAID = frozenset({402, 403})
_LONGEST_REASON = 1_000


@dataclass(frozen=True)
class Message:
    """One message as it was delivered. `received_at`, in Unix seconds, is the same at every delivery.

    `sender` is who sent it, as the queue itself tells it: the id of an IAM principal, for a role with its session.
    """

    message_id: str
    body: str
    group: str
    received_at: float
    sender: str | None = None

    @property
    def caller(self) -> str:
        """By whom the ledger says that its charges were asked for; without the session, of which a role has many."""
        return CALLER if self.sender is None else f"{CALLER}:{self.sender.partition(':')[0]}"


@dataclass(frozen=True)
class Taken:
    """What became of a delivery: how many charges, and which messages are to be delivered again."""

    charged: int = 0
    unpaid: int = 0
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
    unpaid: set[str] = field(default_factory=set)
    """Of the codes, those that say that the customer's money or limits do not suffice."""
    events: list[DomainEvent] = field(default_factory=list)
    whole: str | None = None
    """Why nothing of it can be read."""

    def refuse(self, raw: Mapping[str, object], code: str, details: object) -> None:
        """Note a charge that was refused."""
        self.refused.setdefault(code, []).append(raw)
        self.reasons.setdefault(code, _reason(code, details))


class QueuedCharges:
    """Takes what the queue delivers."""

    def __init__(
        self,
        batch: ChargeBatch,
        outbox: Outbox,
        dead_letters: DeadLetters,
        refused: DeadLetters,
        listener: QueueListener,
        admit: Callable[[str], None],
    ) -> None:
        """`admit` raises CallerBlocked for a caller whom an operator stopped."""
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
                posts = [self._opened(message) for message in messages]
            except StoreUnavailable:
                return self._done(Taken(again=frozenset(message.message_id for message in messages)))
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

    def _opened(self, message: Message) -> _Post:
        """The message's charges; none of a sender whom an operator stopped. StoreUnavailable where that is unknown."""
        try:
            self._admit(message.caller)
        except CallerBlocked as blocked:
            return _Post(message, whole=_reason(blocked.code, blocked.details))
        return _read(message)

    def _take(self, posts: Sequence[_Post], again: set[str], behind: set[str]) -> None:
        """Take the charges of some messages together; the groups whose store failed join those that stay `behind`."""
        if not posts:
            return
        with correlation.using(correlation.current(), posts[0].message.caller):
            results = iter(self._batch.run([raw for post in posts for raw in post.charges]))
        for post in posts:
            for raw in post.charges:
                result = next(results)
                if result.status >= 500:
                    again.add(post.message.message_id)
                    behind.add(post.message.group)
                elif result.status == 201:
                    post.charged += 1
                else:
                    code, details = _error(result)
                    post.refuse(raw, code, details)
                    if result.status in _UNPAID:
                        post.unpaid.add(code)
                        post.events.append(_told(post.message, raw, code))

    def _put_aside(self, post: _Post) -> bool:
        """Tell of what is unpaid, and put aside what was refused; whether all of that is stored.

        What the customer cannot pay is kept apart from what is somebody's fault: the latter rings.
        """
        message = post.message
        try:
            # Under the message's id, which stays the same, so that the event does too.
            with correlation.using(message.message_id, message.caller):
                self._outbox.put(post.events)
            if post.whole is not None:
                _put(self._dead_letters, message, message.body, post.whole)
            for code, raws in post.refused.items():
                body = json.dumps({"charges": raws}, default=str)
                _put(self._refused if code in post.unpaid else self._dead_letters, message, body, post.reasons[code])
        except StoreUnavailable:
            return False
        return True


def _put(letters: DeadLetters, message: Message, body: str, reason: str) -> None:
    letters.put(body, reason=reason, message_id=message.message_id, group=message.group)


def _read(message: Message) -> _Post:
    try:
        body = parse_object(message.body)
        charges = validated(ChargesRequest, body).charges if "charges" in body else [body]
    except BillingError as error:
        return _Post(message, whole=_reason(error.code, error.details))
    return _Post(message, charges)


def _together(posts: Sequence[_Post]) -> Iterator[list[_Post]]:
    """The messages in runs of few enough charges for one call, each of one caller; none splits a message."""
    run: list[_Post] = []
    size = 0
    for post in posts:
        if run and (size + len(post.charges) > _AT_ONCE or post.message.caller != run[0].message.caller):
            yield run
            run, size = [], 0
        run.append(post)
        size += len(post.charges)
    if run:
        yield run


def _told(message: Message, raw: Mapping[str, object], code: str) -> DomainEvent:
    """The event of an unpaid charge. All of it derives from the message, so that it is the same at every delivery."""
    request = validated(ChargeRequest, raw)
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
    return DomainEvent("charge.refused", request.account_id, occasion, data, clock.iso_exact(message.received_at))


def _error(result: Result) -> tuple[str, object]:
    error = cast("Mapping[str, object]", result.body["error"])
    return str(error["code"]), error["details"]


def _reason(code: str, details: object) -> str:
    # As JSON: what a producer named a field may hold what the queue takes in no attribute.
    return f"{code} {json.dumps(details, default=str)}"[:_LONGEST_REASON]


def _sum(posts: Sequence[_Post], again: frozenset[str]) -> Taken:
    unpaid = sum(len(post.events) for post in posts)
    refused = sum(len(raws) for post in posts for raws in post.refused.values())
    dead = refused - unpaid + sum(post.whole is not None for post in posts)
    return Taken(sum(post.charged for post in posts), unpaid, dead, again)
