"""What happened at Stripe, listed: finds what no webhook delivered.

All methods raise PaymentsUnavailable and PaymentsFailed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import stripe

from aerostack_billing.payments.cards import Payment, WirePayment
from aerostack_billing.payments.client import translated
from aerostack_billing.payments.wire import read
from aerostack_billing.values.errors import ObjectMissing


class History:
    """Lists of a span of time, oldest first; times in unix seconds, `since` included and `until` not."""

    def __init__(self, connect: Callable[[], stripe.StripeClient]) -> None:
        self._connect = connect

    def events(self, since: int, until: int) -> list[dict[str, object]]:
        """The events of the span, as a webhook would carry them. Stripe lists those of the last thirty days."""
        with translated():
            found = self._connect().v1.events.list({"created": {"gte": since, "lt": until}, "limit": 100})
            return [event.to_dict() for event in found.auto_paging_iter()][::-1]

    def payments(self, since: int, until: int) -> list[tuple[str, Callable[[], Payment]]]:
        """The payments begun in the span, each by its id; what reads it raises Unreadable for an unknown form."""
        with translated():
            found = self._connect().v1.payment_intents.list({"created": {"gte": since, "lt": until}, "limit": 100})
            listed = [(made.id, made.to_dict()) for made in found.auto_paging_iter()][::-1]
        return [(intent, functools.partial(_payment, raw)) for intent, raw in listed]

    def event(self, event_id: str) -> dict[str, object] | None:
        """One event, as a webhook would carry it; None where Stripe has none, or has none any more."""
        try:
            with translated():
                return self._connect().v1.events.retrieve(event_id).to_dict()
        except ObjectMissing:
            return None


def _payment(raw: dict[str, object]) -> Payment:
    return read(WirePayment, raw).read()
