"""Stripe's webhooks: verified, taken once, answered only when their effect is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Protocol

from pydantic import ValidationError

from aerostack_billing.accounts.store import AccountStore, AlreadyMarked
from aerostack_billing.accounts.sync import PlanSync
from aerostack_billing.payments import signature
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.wire import UnknownPrice
from aerostack_billing.webhooks.models import CustomerObject, Event, Outcome
from aerostack_billing.webhooks.store import EventStore

SYNCED_TYPES = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.payment_action_required",
    }
)
"""The types after which the account is asked for anew; what the event itself says is not believed."""


class DeadListener(Protocol):
    """Whoever raises the alarm over an event that can never be processed."""

    def webhook_dead(self, outcome: Outcome) -> None:
        """Called when one is recorded."""


class Webhooks:
    """Takes deliveries."""

    def __init__(
        self,
        events: EventStore,
        accounts: AccountStore,
        payments: Payments,
        sync: PlanSync,
        listener: DeadListener,
    ) -> None:
        self._events = events
        self._accounts = accounts
        self._payments = payments
        self._sync = sync
        self._listener = listener
        self._handlers: dict[str, Callable[[Event], Outcome]] = dict.fromkeys(SYNCED_TYPES, self._sync_customer)

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
        return self.process(event)

    def process(self, event: Event) -> Outcome:
        """Take effect of a genuine event, once; the reconciler hands in those that never arrived."""
        if self._events.seen(event.id):
            return Outcome(event.id, event.type, "duplicate")
        handler = self._handlers.get(event.type)
        if handler is None:
            return self._ignored(event)
        try:
            return handler(event)
        except AlreadyMarked:
            return Outcome(event.id, event.type, "duplicate")
        except (ValidationError, UnknownPrice):
            return self._dead(Outcome(event.id, event.type, "dead"))

    def _sync_customer(self, event: Event) -> Outcome:
        account_id = self._account_of(CustomerObject.model_validate(event.data.object).customer)
        if account_id is None:
            return self._ignored(event)
        outcome = Outcome(event.id, event.type, "processed", account_id)
        self._sync.make_true(account_id, self._events.mark(outcome))
        return outcome

    def _account_of(self, customer_id: str | None) -> str | None:
        """The account whose customer this is: by what Stripe has on the customer and by what the account records."""
        if customer_id is None:
            return None
        account_id = self._payments.account_of_customer(customer_id)
        if account_id is None or self._accounts.get(account_id).customer_id != customer_id:
            return None
        return account_id

    def _ignored(self, event: Event) -> Outcome:
        outcome = Outcome(event.id, event.type, "ignored")
        self._events.record(outcome)
        return outcome

    def _dead(self, outcome: Outcome) -> Outcome:
        self._events.record(outcome)
        self._listener.webhook_dead(outcome)
        return outcome
