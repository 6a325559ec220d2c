"""Usage that producers send through a queue and do not wait for.

A message is the body of a `consume`, or a batch, `{"events": [...]}`. The queue delivers at least once, so each event
is deduplicated by the transaction that counts it: by its idempotency key, or, where it has none, by the message's id.
The events of one account that have no key are counted together, with one record a message, whatever number they are.

What becomes of an event. Counted. Refused: the plan's limit forbids it; it is reported and not tried again. Dead: it
can never be counted, and is put aside with the reason. Stopped: an operator stopped its sender; it is put aside as
well, where nobody is paged for it. Left to be delivered again: the store failed, or storage is given back before it was
taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, Protocol

from aerostack_billing.idempotency.store import IdempotencyStore, keyed
from aerostack_billing.operators.senders import Admit, Sender, stopped
from aerostack_billing.plans.models import STORAGE
from aerostack_billing.platform.dead_letters import DeadLetters
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.usage.batch import Batch
from aerostack_billing.usage.counters import CountersItem
from aerostack_billing.usage.models import BatchRequest, ConsumeRequest
from aerostack_billing.usage.service import Metering
from aerostack_billing.usage.store import KeyTaken, NoRoom, UsageStore, item_of
from aerostack_billing.values.errors import (
    BillingError,
    CallerBlocked,
    GaugeBelowZero,
    InvalidRequest,
    StoreUnavailable,
)
from aerostack_billing.values.fields import validated
from aerostack_billing.values.json_object import parse_object

KEPT_SECONDS = 5 * 86_400
"""How long an event is known to have been counted: longer than the queue keeps a message."""

CALLER: Final = "usage-queue"
"""How operators name whoever sends to the queue, before the sender."""

_ATTEMPTS = 20
_MARKS_AT_ONCE = 80
"""Records that one transaction writes beside the counters; it holds a hundred actions at most."""


@dataclass(frozen=True)
class Message:
    """One message as it was delivered.

    `principal` is who sent it, as SQS tells it. `first_sender` is who did at first, where it was put aside before.
    """

    message_id: str
    body: str
    principal: str | None = None
    first_sender: str | None = None

    @property
    def sender(self) -> Sender:
        """Who sent it."""
        return Sender(CALLER, self.principal, self.first_sender)


@dataclass(frozen=True)
class Ingested:
    """What became of a delivery: how many events, and which messages are to be delivered again."""

    counted: int = 0
    refused: int = 0
    stopped: int = 0
    dead: int = 0
    again: frozenset[str] = frozenset()

    def view(self) -> dict[str, object]:
        """For the log."""
        return {**asdict(self), "again": len(self.again)}


class IngestListener(Protocol):
    """Whoever wants to know what becomes of events that nobody waits for."""

    def usage_refused(self, account_id: str, metric: str, quantity: int, message_id: str) -> None:
        """Called for each event that the plan's limit refused."""

    def ingested(self, done: Ingested, callers: Sequence[str]) -> None:
        """Called once a delivery, with the names of those who sent it."""


@dataclass(frozen=True)
class _Event:
    """An event in its place."""

    message: Message
    place: int
    raw: Mapping[str, object]
    request: ConsumeRequest


@dataclass(frozen=True)
class _Outcome:
    """What an event came to: None was counted."""

    event: _Event
    error: Mapping[str, object] | None = None
    status: int = 200


@dataclass(frozen=True)
class _Dead:
    """What of a message can never be counted: an event of it, or, where it has none, all of its body.

    `stopped`: because an operator stopped its sender.
    """

    message: Message
    reason: str
    event: Mapping[str, object] | None = None
    stopped: bool = False


class Ingest:
    """Counts what the queue delivers."""

    def __init__(
        self,
        batch: Batch,
        metering: Metering,
        usage: UsageStore,
        idempotency: IdempotencyStore,
        dead_letters: DeadLetters,
        refused: DeadLetters,
        listener: IngestListener,
        admit: Admit,
    ) -> None:
        self._batch = batch
        self._metering = metering
        self._usage = usage
        self._idempotency = idempotency
        self._dead_letters = dead_letters
        self._refused = refused
        self._listener = listener
        self._admit = admit

    def run(self, messages: Sequence[Message]) -> Ingested:
        """Count all of them; safe to repeat. What it does not name as to be delivered `again` is done with."""
        try:
            refused = stopped((message.sender for message in messages), self._admit)
        except StoreUnavailable:
            return self._done(messages, Ingested(again=frozenset(message.message_id for message in messages)))
        events: list[_Event] = []
        dead: list[_Dead] = []
        for message in messages:
            why = refused.get(message.sender)
            if why is None:
                self._read(message, events, dead)
            else:
                dead += _all_of(message, why)
        done = self._judged(self._count(events), dead)
        # A message that comes again brings what is dead of it again.
        dead = [letter for letter in dead if letter.message.message_id not in done.again]
        not_taken = self._put_aside(dead)
        aside = [letter.stopped for letter in dead if letter.message.message_id not in not_taken]
        again = done.again | not_taken
        return self._done(messages, replace(done, stopped=sum(aside), dead=aside.count(False), again=again))

    def _done(self, messages: Sequence[Message], done: Ingested) -> Ingested:
        self._listener.ingested(done, sorted({message.sender.caller for message in messages}))
        return done

    def _read(self, message: Message, events: list[_Event], dead: list[_Dead]) -> None:
        try:
            raws = _events_of(message)
        except BillingError as error:
            dead.append(_Dead(message, _reason(error)))
            return
        for place, raw in enumerate(raws):
            try:
                request = validated(ConsumeRequest, raw)
                self._metering.check(request)
                if request.dry_run:
                    raise InvalidRequest(
                        "The queue takes no dry run: nobody waits for its answer.", {"dry_run": "must be false"}
                    )
            except BillingError as error:
                dead.append(_Dead(message, _reason(error), _with_key(raw, message, place)))
                continue
            events.append(_Event(message, place, raw, request))

    def _count(self, events: Sequence[_Event]) -> Iterator[_Outcome]:
        """Count each event once, those of one account together."""
        keyless: dict[str, list[_Event]] = {}
        alone: list[_Event] = []
        for event in events:
            # Given back before it was taken, storage has to come again without what came with it.
            if event.request.idempotency_key is not None or event.request.metric == STORAGE:
                alone.append(event)
            else:
                keyless.setdefault(event.request.account_id, []).append(event)
        yield from self._count_by_keys(alone)
        for account_id, of_account in keyless.items():
            for run in _runs(of_account):
                yield from self._count_keyless(account_id, run)

    def _count_by_keys(self, events: Sequence[_Event]) -> Iterator[_Outcome]:
        asked = [_with_key(event.raw, event.message, event.place) for event in events]
        for event, result in zip(events, self._batch.run(asked), strict=True):
            error = result.body.get("error")
            yield _Outcome(event, error if isinstance(error, dict) else None, result.status)

    def _count_keyless(self, account_id: str, events: list[_Event]) -> list[_Outcome]:
        """Count what passes of one account's events, with a record of each message: all of it or nothing.

        A message whose record is there was counted at an earlier delivery.
        """
        try:
            return self._count_run(account_id, events)
        except StoreUnavailable as error:
            # What was counted all the same has its record.
            return [_outcome(event, error) for event in events]

    def _count_run(self, account_id: str, events: list[_Event]) -> list[_Outcome]:
        item, known, counters_item = item_of(events[0].request.metric), list[_Outcome](), None
        for _ in attempts(_ATTEMPTS):
            passing, refused = self._decide(item, events, counters_item)
            ids = list(dict.fromkeys(event.message.message_id for event in passing))
            try:
                if passing:
                    self._add(account_id, item, passing, ids)
            except KeyTaken as taken:
                before = {ids[place] for place in taken.places}
                known += [_Outcome(event) for event in events if event.message.message_id in before]
                events = [event for event in events if event.message.message_id not in before]
            except NoRoom as none:
                counters_item = none.counters_item
            else:
                return [*known, *map(_Outcome, passing), *refused]
        raise StoreUnavailable("The account's counters are too busy.")

    def _decide(
        self, item: str, events: Sequence[_Event], counters_item: CountersItem | None
    ) -> tuple[list[_Event], list[_Outcome]]:
        """Which events pass, in their order, by a counters_item; all of them while none was seen."""
        if counters_item is None:
            return list(events), []
        left = {name: counter.room for name, counter in counters_item.counters.items()}
        passing: list[_Event] = []
        refused: list[_Outcome] = []
        for event in events:
            request = event.request
            if request.quantity <= left[request.metric]:
                left[request.metric] -= request.quantity
                passing.append(event)
            else:
                refused.append(_outcome(event, self._metering.refused(request, item, counters_item)))
        return passing, refused

    def _add(self, account_id: str, item: str, passing: Sequence[_Event], message_ids: Sequence[str]) -> None:
        totals: dict[str, int] = {}
        for event in passing:
            totals[event.request.metric] = totals.get(event.request.metric, 0) + event.request.quantity
        records = [self._message_record(account_id, message_id) for message_id in message_ids]
        self._metering.opened(account_id, item, lambda: self._usage.add_all_once(account_id, item, totals, records))
        for event in passing:
            if event.request.quantity < 0:
                self._metering.freed(account_id, event.request.metric, -event.request.quantity)
        after = self._usage.counters_item(account_id, item)
        for metric in totals:
            self._metering.tell(account_id, item, metric, after)

    def _message_record(self, account_id: str, message_id: str) -> Write:
        """The write that records that a message's events of an account are counted."""
        return self._idempotency.claim(keyed("ingest", account_id, message_id, {}), kept_seconds=KEPT_SECONDS)

    def _judged(self, outcomes: Iterable[_Outcome], dead: list[_Dead]) -> Ingested:
        """How many were counted and refused, and what is to come again; what is dead joins `dead`."""
        counted = refused = 0
        again: set[str] = set()
        for outcome in outcomes:
            event, request = outcome.event, outcome.event.request
            code = str(outcome.error.get("code")) if outcome.error else ""
            if outcome.error is None:
                counted += 1
            elif outcome.status == 403:
                refused += 1
                self._listener.usage_refused(
                    request.account_id, request.metric, request.quantity, event.message.message_id
                )
            elif outcome.status >= 500 or code == GaugeBelowZero.code:
                again.add(event.message.message_id)
            else:
                dead.append(_Dead(event.message, code, event.raw))
        return Ingested(counted, refused, again=frozenset(again))

    def _put_aside(self, dead: Sequence[_Dead]) -> set[str]:
        """Put what is dead aside, by message; the ids of the messages where that failed."""
        failed: set[str] = set()
        by_message: dict[str, list[_Dead]] = {}
        for letter in dead:
            by_message.setdefault(letter.message.message_id, []).append(letter)
        for message_id, letters in by_message.items():
            reason = "; ".join(dict.fromkeys(letter.reason for letter in letters))
            events = [letter.event for letter in letters if letter.event is not None]
            body = json.dumps({"events": events}, default=str) if events else letters[0].message.body
            aside, sender = self._refused if letters[0].stopped else self._dead_letters, letters[0].message.sender
            try:
                aside.put(body, reason=reason, message_id=message_id, sender=sender.origin)
            except StoreUnavailable:
                failed.add(message_id)
        return failed


def _events_of(message: Message) -> list[dict[str, object]]:
    """The events of a message. InvalidJson or InvalidRequest for what is neither an event nor a batch."""
    body = parse_object(message.body)
    return validated(BatchRequest, body).events if "events" in body else [body]


def _all_of(message: Message, why: CallerBlocked) -> list[_Dead]:
    """What a sender who is stopped sent: each event under a key, so that it counts once when it is sent again."""
    try:
        raws = _events_of(message)
    except BillingError:
        return [_Dead(message, _reason(why), stopped=True)]
    return [_Dead(message, _reason(why), _with_key(raw, message, at), stopped=True) for at, raw in enumerate(raws)]


def _with_key(raw: Mapping[str, object], message: Message, place: int) -> dict[str, object]:
    """The event as it was sent, under a key that is the same at every delivery, where it has none of its own."""
    own = raw.get("idempotency_key")
    return {**raw, "idempotency_key": f"sqs:{message.message_id}:{place}" if own is None else own}


def _runs(events: Sequence[_Event]) -> Iterator[list[_Event]]:
    """One account's events in runs of few enough messages for one transaction; none splits a message."""
    run: list[_Event] = []
    ids: set[str] = set()
    for event in events:
        message_id = event.message.message_id
        if message_id not in ids and len(ids) == _MARKS_AT_ONCE:
            yield run
            run, ids = [], set()
        ids.add(message_id)
        run.append(event)
    yield run


def _outcome(event: _Event, error: BillingError) -> _Outcome:
    return _Outcome(event, {"code": error.code}, error.status)


def _reason(error: BillingError) -> str:
    # As JSON: what a producer named a field may hold what the queue takes in no attribute.
    return f"{error.code} {json.dumps(error.details)}"[:1_000]
