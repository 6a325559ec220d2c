"""Stripe's webhooks: verified, taken once, answered only when their effect is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from pydantic import ValidationError

from aerostack_billing.payments import signature
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import AlreadyMarked
from aerostack_billing.webhooks.models import Event, Outcome
from aerostack_billing.webhooks.store import EventStore

Handler = Callable[[Event], Outcome]
"""Takes effect of an event of its type and writes the event's mark with it; or finds that it is not ours."""


class WebhookListener(Protocol):
    """Whoever raises the alarm over events that can never be processed, and over late ones."""

    def webhook_dead(self, outcome: Outcome) -> None:
        """Called when one is recorded."""

    def webhook_taken(self, late_seconds: int) -> None:
        """Called for each delivery that is the first of its event, with how long ago Stripe made that."""


class Webhooks:
    """Takes deliveries."""

    def __init__(self, events: EventStore, handlers: Mapping[str, Handler], listener: WebhookListener) -> None:
        self._events = events
        self._handlers = handlers
        self._listener = listener

    def receive(self, payload: bytes, header: str | None, secrets: Sequence[str]) -> Outcome:
        """Process one delivery; when this returns, its effect is stored.

        InvalidSignature (400) and nothing written if Stripe did not sign it a moment ago. PaymentsUnavailable,
        PaymentsFailed and StoreUnavailable leave it unrecorded, to be sent again. What can never be processed is
        recorded as `ignored` or `dead`.
        """
        signature.verify(payload, header, secrets)
        try:
            event = Event.model_validate(json.loads(payload))
        except (ValueError, RecursionError):
            return self._dead(Outcome(f"sha256-{hashlib.sha256(payload).hexdigest()}", "malformed", "dead"))
        outcome = self.process(event)
        if outcome.result != "duplicate":
            self._listener.webhook_taken(max(0, clock.seconds() - event.created))
        return outcome

    def process(self, event: Event) -> Outcome:
        """Take effect of a genuine event, once; the reconciler hands in those that never arrived."""
        if self._events.seen(event.id):
            return Outcome(event.id, event.type, "duplicate")
        return self._taken(event)

    def replay(self, event: Event) -> Outcome:
        """Take effect of an event that had none: one that never came, or was found `dead` or `ignored`, as it is now.

        One that took effect is a `duplicate` still.
        """
        record = self._events.records([event.id]).get(event.id)
        if record is not None and record.result == "processed":
            return Outcome(event.id, event.type, "duplicate", record.account_id)
        return self._taken(event)

    def awaits(self, event: Event) -> bool:
        """Whether the event is of a type that is handled, and never came."""
        return event.type in self._handlers and not self._events.seen(event.id)

    def _taken(self, event: Event) -> Outcome:
        handler = self._handlers.get(event.type)
        if handler is None:
            return self._ignored(event)
        try:
            outcome = handler(event)
        except AlreadyMarked:
            return Outcome(event.id, event.type, "duplicate")
        except ValidationError:
            return self._dead(Outcome(event.id, event.type, "dead"))
        return self._ignored(event) if outcome.result == "ignored" else outcome

    def _ignored(self, event: Event) -> Outcome:
        outcome = Outcome(event.id, event.type, "ignored")
        self._events.record(outcome)
        return outcome

    def _dead(self, outcome: Outcome) -> Outcome:
        self._events.record(outcome)
        self._listener.webhook_dead(outcome)
        return outcome
