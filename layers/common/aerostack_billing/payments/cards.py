"""Money in: deposits by Checkout, reloads by the saved card, and what became of a payment.

All methods raise PaymentsUnavailable (Stripe did not answer, the outcome is unknown) and PaymentsFailed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

import stripe
from pydantic import Field

from aerostack_billing.payments.client import translated
from aerostack_billing.payments.gateway import NO_TERMS, PageLinks, PageTerms
from aerostack_billing.payments.models import DisputeStatus, PaymentStatus, RefundStatus
from aerostack_billing.payments.taxes import TAXED, tax_of_page
from aerostack_billing.payments.wire import ListOf, Reference, Wire, read
from aerostack_billing.values.errors import ObjectMissing, PaymentsFailed

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParamsLineItemPriceData as PriceData


@dataclass(frozen=True)
class Card:
    """A saved card. Two with one fingerprint are the same card."""

    payment_method_id: str
    fingerprint: str | None


@dataclass(frozen=True)
class Payment:
    """A payment as Stripe has it now; whole cents of its currency. `payment_method_id` is there if a card paid it.

    `refunded_cents` are those of refunds that have not failed, `disputed_cents` those that a dispute has taken.
    `inquired`: the bank asks about it, and has taken nothing yet. `taxed`: part of it may be tax, see `tax_of`.
    """

    payment_intent_id: str
    status: PaymentStatus
    account_id: str | None
    customer_id: str | None
    kind: str | None
    attempt_id: str | None
    received_cents: int
    refunded_cents: int
    disputed_cents: int
    payment_method_id: str | None
    action_url: str | None
    error_code: str | None
    error_message: str | None
    inquired: bool = False
    currency: str = "usd"
    taxed: bool = False


@dataclass(frozen=True)
class OffSession:
    """A charge to a saved card: all that Stripe is asked, so that asking again asks the very same."""

    account_id: str
    customer_id: str
    payment_method_id: str
    amount_cents: int
    attempt_id: str
    return_url: str


class _Redirect(Wire):
    url: str | None = None


class _NextAction(Wire):
    redirect_to_url: _Redirect | None = None


class _Error(Wire):
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None


class _PaidWith(Wire):
    type: str


class _Charge(Wire):
    amount_refunded: int = 0
    disputed: bool = False
    payment_method_details: _PaidWith | None = None

    @property
    def by_card(self) -> bool:
        return self.payment_method_details is not None and self.payment_method_details.type == "card"


class WirePayment(Wire):
    """A payment intent, with its latest charge where that is expanded."""

    id: str
    status: PaymentStatus
    created: int
    amount_received: int = 0
    currency: str = "usd"
    customer: Reference | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    payment_method: Reference | None = None
    next_action: _NextAction | None = None
    last_payment_error: _Error | None = None
    latest_charge: _Charge | str | None = None

    def read(self) -> Payment:
        """The payment in our words."""
        action, error, charge = self.next_action, self.last_payment_error, self.latest_charge
        return Payment(
            payment_intent_id=self.id,
            status=self.status,
            account_id=self.metadata.get("account_id"),
            customer_id=self.customer,
            kind=self.metadata.get("kind"),
            attempt_id=self.metadata.get("attempt_id"),
            received_cents=self.amount_received,
            currency=self.currency,
            taxed=TAXED in self.metadata,
            refunded_cents=charge.amount_refunded if isinstance(charge, _Charge) else 0,
            disputed_cents=0,
            payment_method_id=self.payment_method if isinstance(charge, _Charge) and charge.by_card else None,
            action_url=action.redirect_to_url.url if action and action.redirect_to_url else None,
            error_code=(error.decline_code or error.code) if error else None,
            error_message=error.message if error else None,
        )


class _Refund(Wire):
    amount: int
    status: RefundStatus = "succeeded"

    @property
    def given_back(self) -> bool:
        """Whether the money has left, or is on its way; a refund that fails comes back, days later too."""
        match self.status:
            case "pending" | "requires_action" | "succeeded":
                return True
            case "failed" | "canceled":
                return False
            case _:
                assert_never(self.status)


class _Dispute(Wire):
    amount: int
    status: DisputeStatus

    @property
    def taken(self) -> bool:
        """Whether Stripe has taken the money back."""
        match self.status:
            case "needs_response" | "under_review" | "lost":
                return True
            case "warning_needs_response" | "warning_under_review" | "warning_closed" | "won" | "prevented":
                return False
            case _:
                assert_never(self.status)

    @property
    def asked(self) -> bool:
        """Whether it is an inquiry that is open: a dispute may follow."""
        return self.status in {"warning_needs_response", "warning_under_review"}


class _Disputes(ListOf[_Dispute]):
    pass


class _Refunds(ListOf[_Refund]):
    pass


class _CardDetails(Wire):
    fingerprint: str | None = None


class _Method(Wire):
    id: str
    card: _CardDetails | None = None


class _InvoiceSettings(Wire):
    default_payment_method: _Method | None = None


class _Customer(Wire):
    deleted: bool = False
    invoice_settings: _InvoiceSettings | None = None


class CardPayments:
    """Deposits, reloads, and the customer's card."""

    def __init__(self, connect: Callable[[], stripe.StripeClient], terms: PageTerms = NO_TERMS) -> None:
        self._connect = connect
        self._terms = terms

    def deposit_checkout(self, account_id: str, customer_id: str, amount_cents: int, links: PageLinks, key: str) -> str:
        """A Checkout page for a deposit, which keeps the card for later charges with the payer's consent; its URL.

        Where tax is computed, it comes on top of the amount, and the payment says that it may hold some.
        """
        metadata = {"account_id": account_id, "kind": "deposit"}
        price: PriceData = {
            "currency": "usd",
            "unit_amount": amount_cents,
            "product_data": {"name": "Wallet deposit"},
        }
        taxed = dict[str, str]()
        if self._terms.automatic_tax:
            price["tax_behavior"] = "exclusive"
            taxed[TAXED] = "true"
        with translated():
            session = self._connect().v1.checkout.sessions.create(
                {
                    "mode": "payment",
                    "customer": customer_id,
                    "client_reference_id": account_id,
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": price,
                        }
                    ],
                    "success_url": links.success_url,
                    "cancel_url": links.cancel_url,
                    "metadata": metadata,
                    "payment_intent_data": {"setup_future_usage": "off_session", "metadata": {**metadata, **taxed}},
                    "consent_collection": {"payment_method_reuse_agreement": {"position": "auto"}},
                    **self._terms.of_any(),
                    "invoice_creation": {"enabled": True, "invoice_data": {"metadata": metadata}},
                },
                {"idempotency_key": key},
            )
        return session.url or ""

    def tax_of(self, payment: Payment) -> int:
        """The cents of a payment that are tax, by the record of the page on which it was paid.

        Only a deposit's page adds tax. Stripe is asked where the payment, or the stage, says that there may be some.
        """
        if payment.kind != "deposit" or not (payment.taxed or self._terms.automatic_tax):
            return 0
        return tax_of_page(self._connect(), payment.payment_intent_id)

    def payment(self, payment_intent_id: str) -> Payment | None:
        """A payment as it is now, with what was refunded or disputed of it; None if there is none."""
        try:
            with translated():
                found = self._connect().v1.payment_intents.retrieve(payment_intent_id, {"expand": ["latest_charge"]})
        except ObjectMissing:
            return None
        wire = read(WirePayment, found.to_dict())
        payment, charge = wire.read(), wire.latest_charge
        if not isinstance(charge, _Charge):
            return payment
        if charge.amount_refunded > 0:
            payment = replace(payment, refunded_cents=self._refunded(payment_intent_id))
        if charge.disputed:
            disputes = self._disputes(payment_intent_id)
            taken = sum(dispute.amount for dispute in disputes if dispute.taken)
            payment = replace(payment, disputed_cents=taken, inquired=any(dispute.asked for dispute in disputes))
        return payment

    def _refunded(self, payment_intent_id: str) -> int:
        """What was refunded, refund by refund: the charge's own sum does not say which of them failed."""
        with translated():
            found = self._connect().v1.refunds.list({"payment_intent": payment_intent_id, "limit": 100})
        refunds = read(_Refunds, found.to_dict()).data
        return sum(refund.amount for refund in refunds if refund.given_back)

    def _disputes(self, payment_intent_id: str) -> list[_Dispute]:
        with translated():
            found = self._connect().v1.disputes.list({"payment_intent": payment_intent_id, "limit": 100})
        return read(_Disputes, found.to_dict()).data

    def default_card(self, customer_id: str) -> Card | None:
        """The card that the customer's invoices, and so our reloads, are charged to; None if it is no card."""
        try:
            with translated():
                found = self._connect().v1.customers.retrieve(
                    customer_id, {"expand": ["invoice_settings.default_payment_method"]}
                )
        except ObjectMissing:
            return None
        customer = read(_Customer, found.to_dict())
        method = customer.invoice_settings.default_payment_method if customer.invoice_settings else None
        if method is None or method.card is None:
            return None
        return Card(method.id, method.card.fingerprint)

    def make_default(self, customer_id: str, payment_method_id: str) -> None:
        """Make a saved card the customer's default. Safe to repeat."""
        with translated():
            self._connect().v1.customers.update(
                customer_id, {"invoice_settings": {"default_payment_method": payment_method_id}}
            )

    def pay_off_session(self, reload: OffSession) -> Payment:
        """Charge the saved card while its owner is away, once for the attempt. A decline is an outcome, not an error.

        Off-session first: asking as if the owner were there brings needless 3-D Secure.
        """
        metadata = {"account_id": reload.account_id, "kind": "reload", "attempt_id": reload.attempt_id}
        with translated():
            try:
                made = self._connect().v1.payment_intents.create(
                    {
                        "amount": reload.amount_cents,
                        "currency": "usd",
                        "customer": reload.customer_id,
                        "payment_method": reload.payment_method_id,
                        "off_session": True,
                        "confirm": True,
                        "return_url": reload.return_url,
                        "description": "Wallet auto-reload",
                        "metadata": metadata,
                    },
                    {"idempotency_key": reload.attempt_id},
                )
            except stripe.CardError as error:
                return _declined(error)
        return read(WirePayment, made.to_dict()).read()

    def ask_payer(self, payment: Payment, card: str, return_url: str) -> Payment:
        """Confirm a payment as if its payer were there, so that Stripe makes the page on which they confirm it.

        Without a key of ours: a payment is confirmed once by its own state, and a failure that Stripe keeps under a
        key would be given again for a day.
        """
        with translated():
            try:
                asked = self._connect().v1.payment_intents.confirm(
                    payment.payment_intent_id, {"payment_method": card, "return_url": return_url}
                )
            except stripe.CardError as error:
                return _declined(error)
        return read(WirePayment, asked.to_dict()).read()

    def find_attempt(self, customer_id: str, attempt_id: str, since: int) -> Payment | None:
        """The payment that an attempt made, looked for by its metadata: for when Stripe has forgotten its key."""
        with translated():
            found = self._connect().v1.payment_intents.list(
                {"customer": customer_id, "created": {"gte": since}, "limit": 100}
            )
            for made in found.auto_paging_iter():
                payment = read(WirePayment, made.to_dict()).read()
                if payment.attempt_id == attempt_id:
                    return payment
        return None

    def void(self, payment_intent_id: str) -> bool:
        """Cancel a payment that waits for its payer; False if it is past that: it was paid, or is being."""
        payment = self.payment(payment_intent_id)
        if payment is None:
            return True
        match payment.status:
            case "canceled":
                return True
            case "succeeded" | "processing":
                return False
            case "requires_payment_method" | "requires_confirmation" | "requires_action" | "requires_capture":
                return self._cancelled(payment_intent_id)
            case _:
                assert_never(payment.status)

    def _cancelled(self, payment_intent_id: str) -> bool:
        try:
            with translated():
                self._connect().v1.payment_intents.cancel(payment_intent_id)
        except PaymentsFailed:
            after = self.payment(payment_intent_id)
            return after is None or after.status == "canceled"
        return True


def _declined(error: stripe.CardError) -> Payment:
    """The payment that a decline is about: Stripe sends it inside the error."""
    body = error.json_body
    payment = body.get("error", {}).get("payment_intent") if isinstance(body, dict) else None
    if payment is None:
        raise error
    return read(WirePayment, payment).read()
