"""Stripe's webhooks: verified, and taken once, however often and in whatever order they come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from pydantic import ValidationError

from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import AlreadyProcessed
from aerostack_billing.webhooks.deliveries import opened
from aerostack_billing.webhooks.models import Event, Named, Outcome, is_event_id
from aerostack_billing.webhooks.store import EventStore

Handler = Callable[[Event], Outcome]
"""Takes effect of an event of its type and writes the event's processed with it; or finds that it is not ours."""


class WebhookListener(Protocol):
    """Whoever raises the alarm over events that can never be processed, and over late ones."""

    def webhook_dead(self, outcome: Outcome) -> None:
        """Called when one is recorded."""

    def webhook_taken(self, late_seconds: int) -> None:
        """Called for each delivery that is the first of its event, with how long ago Stripe made that."""


class Webhooks:
    """Takes deliveries."""

    def __init__(
        self,
        events: EventStore,
        handlers: Mapping[str, Handler],
        listener: WebhookListener,
        is_foreign: Callable[[Event], bool] = lambda _event: False,
    ) -> None:
        self._events = events
        self._handlers = handlers
        self._listener = listener
        self._is_foreign = is_foreign

    def receive(self, payload: bytes, header: str | None, secrets: Sequence[str]) -> Outcome:
        """Process one delivery; when this returns, its effect is stored.

        InvalidSignature (400) and InvalidJson (400) as `deliveries.opened`; else as `take`.
        """
        return self.take(opened(payload, header, secrets))

    def take(self, raw: object) -> Outcome:
        """Process what a genuine delivery carried; when this returns, its effect is stored.

        PaymentsUnavailable, PaymentsFailed and StoreUnavailable leave it unrecorded, to be taken again. What can never
        be processed is recorded as `ignored` or `dead`.
        """
        event = self.read(raw)
        if isinstance(event, Outcome):
            return event
        outcome = self.process(event)
        if outcome.result != "duplicate":
            self._listener.webhook_taken(max(0, clock.seconds() - event.created))
        return outcome

    def read(self, raw: object) -> Event | Outcome:
        """What Stripe sent, or lists, as an event; the outcome that is recorded where it can be read as none.

        The type is judged first: what no handler waits for is `ignored`, whatever the rest looks like.
        """
        try:
            return Event.model_validate(raw)
        except ValidationError:
            pass
        digest = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
        try:
            named = Named.model_validate(raw)
        except ValidationError:
            named = Named(type="unknown")
        known = isinstance(named.id, str) and is_event_id(named.id)
        event_id = str(named.id) if known else f"sha256-{digest}"
        if self._events.seen(event_id):
            return Outcome(event_id, named.type, "duplicate")
        if named.type in self._handlers:
            return self._dead(Outcome(event_id, named.type, "dead"))
        return self._ignored(event_id, named.type)

    def process(self, event: Event) -> Outcome:
        """Take effect of a genuine event, once; the reconciler hands in those that never arrived."""
        if self._events.seen(event.id):
            return Outcome(event.id, event.type, "duplicate")
        return self._taken(event, self._is_foreign)

    def replay(self, event: Event) -> Outcome:
        """Take effect of an event that had none: one that never came, or was found `dead` or `ignored`, as it is now.

        Stripe is asked whatever the event says.

        One that took effect is a `duplicate` still.
        """
        record = self._events.records([event.id]).get(event.id)
        if record is not None and record.result == "processed":
            return Outcome(event.id, event.type, "duplicate", record.account_id)
        return self._taken(event)

    def awaited(self, listed: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
        """Of up to a hundred events, those of a handled type that never came, in their order; one request for all."""
        handled = [raw for raw in listed if raw.get("type") in self._handlers and isinstance(raw.get("id"), str)]
        seen = self._events.records([str(raw["id"]) for raw in handled]) if handled else {}
        return [raw for raw in handled if raw["id"] not in seen]

    def _taken(self, event: Event, is_foreign: Callable[[Event], bool] = lambda _event: False) -> Outcome:
        handler = self._handlers.get(event.type)
        if handler is None:
            return self._ignored(event.id, event.type)
        try:
            if is_foreign(event):
                return self._ignored(event.id, event.type)
            outcome = handler(event)
        except AlreadyProcessed:
            return Outcome(event.id, event.type, "duplicate")
        except ValidationError:
            return self._dead(Outcome(event.id, event.type, "dead"))
        return self._ignored(event.id, event.type) if outcome.result == "ignored" else outcome

    def _ignored(self, event_id: str, event_type: str) -> Outcome:
        outcome = Outcome(event_id, event_type, "ignored")
        self._events.record(outcome)
        return outcome

    def _dead(self, outcome: Outcome) -> Outcome:
        self._events.record(outcome)
        self._listener.webhook_dead(outcome)
        return outcome
