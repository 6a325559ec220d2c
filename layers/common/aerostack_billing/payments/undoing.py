"""Undoing a subscription that our own Checkout sold beside another: ended, not payable any more, given back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from pydantic import Field

from aerostack_billing.payments.client import translated
from aerostack_billing.payments.models import Invoice, SubscriptionStatus
from aerostack_billing.payments.wire import Reference, Wire, WireEnd, WireInvoice, read
from aerostack_billing.values.errors import AlreadyDone, ObjectMissing, PaymentsRefused

if TYPE_CHECKING:
    import stripe

_UNDOES = "undoes_invoice"
"""The metadata of a credit: for which invoice it is given, so that it is given once, however late that is repeated."""


class _Paid(Wire):
    invoice: WireInvoice


class _Latest(Wire):
    customer: Reference
    status: SubscriptionStatus
    latest_invoice: Reference | None = None


class _Credit(Wire):
    metadata: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class ReturnedPayment:
    """A payment for a subscription's current period that was refunded in full, or lost in a dispute."""

    payment_intent_id: str
    customer_id: str
    subscription_id: str


@dataclass
class Undone:
    """How far it came: `waits` for payments that the bank still works on; payments that Stripe does not refund."""

    waits: bool = False
    not_returned: list[str] = field(default_factory=list)


class Undoing:
    """Ends subscriptions and returns what was paid for them. Every step is safe to repeat."""

    def __init__(self, connect: Callable[[], stripe.StripeClient]) -> None:
        self._connect = connect

    def cancel_now(self, subscription_id: str) -> None:
        """End the subscription at once, with no proration. Safe to repeat: Stripe has none any more once it ended."""
        try:
            with translated():
                self._connect().v1.subscriptions.cancel(subscription_id, {"invoice_now": False, "prorate": False})
        except ObjectMissing:
            return

    def undo(self, subscription_id: str, since: int | None) -> Undone:
        """End the subscription, make its open invoices unpayable, and give back what was paid for it from `since` on.

        What was paid by card goes back to the card, what was paid in another way becomes the customer's credit. With
        None nothing is given back. Raises as all of `payments` does; then it is to be repeated.
        """
        self.cancel_now(subscription_id)
        undone = Undone()
        for invoice in self._invoices(subscription_id):
            match invoice.status:
                case "open" | "uncollectible":
                    undone.waits |= not self._voided(invoice)
                case "paid":
                    if since is not None and (invoice.paid_at or invoice.created_at) >= since:
                        self._give_back(subscription_id, invoice, undone)
                case "draft" | "void":
                    # Stripe collects no draft of a subscription that ended.
                    pass
                case _:
                    assert_never(invoice.status)
        return undone

    def returned_payment(self, payment_intent_id: str) -> ReturnedPayment | None:
        """What the payment paid for, if it was refunded in full or lost in a dispute.

        None for a payment that was not, that paid an earlier period, or that paid no subscription that goes on.
        """
        paid = self._paid(payment_intent_id)
        subscription_id = paid.subscription_id if paid else None
        if paid is None or subscription_id is None or not self._is_returned(payment_intent_id):
            return None
        with translated():
            now = read(_Latest, self._connect().v1.subscriptions.retrieve(subscription_id).to_dict())
        if now.latest_invoice != paid.id or now.status in {"canceled", "incomplete_expired"}:
            return None
        return ReturnedPayment(payment_intent_id, now.customer, subscription_id)

    def payer(self, payment_intent_id: str) -> str | None:
        """The customer whose subscription the payment paid for; None if it paid none."""
        paid = self._paid(payment_intent_id)
        return paid.customer if paid is not None and paid.subscription_id is not None else None

    def _paid(self, payment_intent_id: str) -> WireInvoice | None:
        with translated():
            found = self._connect().v1.invoice_payments.list(
                {
                    "payment": {"type": "payment_intent", "payment_intent": payment_intent_id},
                    "expand": ["data.invoice"],
                    "limit": 1,
                }
            )
            return next((read(_Paid, each.to_dict()).invoice for each in found.data), None)

    def _is_returned(self, payment_intent_id: str) -> bool:
        with translated():
            charges = self._connect().v1.charges.list({"payment_intent": payment_intent_id, "limit": 100})
            disputes = self._connect().v1.disputes.list({"payment_intent": payment_intent_id, "limit": 100})
        return any(charge.refunded for charge in charges.data) or any(each.status == "lost" for each in disputes.data)

    def _invoices(self, subscription_id: str) -> list[Invoice]:
        with translated():
            found = self._connect().v1.invoices.list(
                {"subscription": subscription_id, "limit": 100, "expand": ["data.payments"]}
            )
            return [read(WireInvoice, each.to_dict()).read() for each in found.auto_paging_iter()]

    def _voided(self, invoice: Invoice) -> bool:
        """Make an invoice unpayable; False while a payment of it is on its way and may still succeed."""
        if any(self._is_processing(intent) for intent in invoice.intents("open")):
            return False
        try:
            with translated():
                self._connect().v1.invoices.void_invoice(invoice.invoice_id)
        except PaymentsRefused:
            # Paid, or voided, at this very moment: the next look says which.
            return False
        return True

    def _is_processing(self, payment_intent_id: str) -> bool:
        with translated():
            return self._connect().v1.payment_intents.retrieve(payment_intent_id).status == "processing"

    def _give_back(self, subscription_id: str, invoice: Invoice, undone: Undone) -> None:
        by_card = 0
        for payment in invoice.payments:
            if payment.status == "paid":
                by_card += payment.amount_cents
                if not self._refunded(payment.payment_intent_id):
                    undone.not_returned.append(payment.payment_intent_id)
        if invoice.total_cents > by_card:
            self._credit(subscription_id, invoice, invoice.total_cents - by_card)

    def _refunded(self, payment_intent_id: str) -> bool:
        """Refund what is left of the payment, once; False if Stripe will not: a disputed one, for instance."""
        try:
            with translated():
                self._connect().v1.refunds.create(
                    {"payment_intent": payment_intent_id}, {"idempotency_key": f"refund-surplus-{payment_intent_id}"}
                )
        except AlreadyDone:
            return True
        except PaymentsRefused:
            return False
        return True

    def _credit(self, subscription_id: str, invoice: Invoice, amount_cents: int) -> None:
        """Let the customer have the amount as credit, once."""
        with translated():
            found = read(WireEnd, self._connect().v1.subscriptions.retrieve(subscription_id).to_dict())
            given = self._connect().v1.customers.balance_transactions.list(found.customer, {"limit": 100})
            if any(
                read(_Credit, each.to_dict()).metadata.get(_UNDOES) == invoice.invoice_id
                for each in given.auto_paging_iter()
            ):
                return
            self._connect().v1.customers.balance_transactions.create(
                found.customer,
                {
                    "amount": -amount_cents,
                    "currency": "usd",
                    "description": "A second subscription was taken back",
                    "metadata": {_UNDOES: invoice.invoice_id},
                },
                {"idempotency_key": f"credit-surplus-{invoice.invoice_id}"},
            )
