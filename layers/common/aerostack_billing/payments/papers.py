"""What a customer books: invoices, receipts for what was charged without one, and the card that pays.

All methods raise PaymentsUnavailable and PaymentsFailed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from aerostack_billing.payments.client import translated
from aerostack_billing.payments.models import InvoiceStatus
from aerostack_billing.payments.wire import ListOf, Wire, read
from aerostack_billing.values.errors import ObjectMissing

if TYPE_CHECKING:
    import stripe

_RECEIPT_KIND = "reload"
"""The payments that Stripe makes no invoice for: see decision 0040."""


@dataclass(frozen=True)
class Paper:
    """An invoice, or the receipt of a payment that has none; whole cents of its currency, unix seconds."""

    paper_id: str
    kind: Literal["invoice", "receipt"]
    number: str | None
    status: InvoiceStatus
    total_cents: int
    currency: str
    created_at: int
    description: str | None
    hosted_url: str | None
    pdf_url: str | None


@dataclass(frozen=True)
class Place:
    """Where a page begins in each of the two lists: after the object of this id; at the newest where it is None."""

    invoice_id: str | None = None
    charge_id: str | None = None


@dataclass(frozen=True)
class PaymentMethod:
    """What the plan is charged to. The month and year of its end are those of a card."""

    type: str
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None

    @property
    def identity(self) -> str:
        """What tells a card and its end from others."""
        return f"{self.brand}/{self.last4}/{self.exp_year}-{self.exp_month}"


class _Line(Wire):
    amount: int = 0
    description: str | None = None


class _Invoice(Wire):
    id: str
    status: InvoiceStatus
    number: str | None = None
    total: int
    currency: str
    created: int
    description: str | None = None
    hosted_invoice_url: str | None = None
    invoice_pdf: str | None = None
    lines: ListOf[_Line] | None = None

    def read(self) -> Paper | None:
        """The invoice in our words; None for a draft, which nobody has been sent yet."""
        if self.status == "draft":
            return None
        # The first line of a change is the credit for the old plan; what was bought is the dearest.
        bought = max(self.lines.data, key=lambda line: line.amount, default=None) if self.lines else None
        return Paper(
            self.id,
            "invoice",
            self.number,
            self.status,
            self.total,
            self.currency,
            self.created,
            self.description or (bought.description if bought is not None else None),
            self.hosted_invoice_url,
            self.invoice_pdf,
        )


class _Charge(Wire):
    id: str
    paid: bool
    amount: int
    currency: str
    created: int
    description: str | None = None
    receipt_number: str | None = None
    receipt_url: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)

    def read(self) -> Paper | None:
        """The receipt in our words; None for a charge that an invoice stands for, or that took nothing."""
        if not self.paid or self.metadata.get("kind") != _RECEIPT_KIND:
            return None
        return Paper(
            self.id,
            "receipt",
            self.receipt_number,
            "paid",
            self.amount,
            self.currency,
            self.created,
            self.description,
            self.receipt_url,
            None,
        )


class _Invoices(ListOf[_Invoice]):
    has_more: bool = False


class _Charges(ListOf[_Charge]):
    has_more: bool = False


class _Card(Wire):
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None


class _Method(Wire):
    type: str
    card: _Card | None = None
    us_bank_account: _Card | None = None
    sepa_debit: _Card | None = None

    def read(self) -> PaymentMethod:
        """The payment method in our words."""
        shown = self.card or self.us_bank_account or self.sepa_debit or _Card()
        return PaymentMethod(self.type, shown.brand, shown.last4, shown.exp_month, shown.exp_year)


class _Subscription(Wire):
    default_payment_method: _Method | None = None


class _Settings(Wire):
    default_payment_method: _Method | None = None


class _Customer(Wire):
    deleted: bool = False
    invoice_settings: _Settings | None = None
    subscriptions: ListOf[_Subscription] | None = None


class Papers:
    """Reads a customer's invoices, receipts and payment method."""

    def __init__(self, connect: Callable[[], stripe.StripeClient]) -> None:
        self._connect = connect

    def page(self, customer_id: str, limit: int, after: Place) -> tuple[list[Paper], Place | None]:
        """Up to `limit` papers, newest first, and where the next page begins; None at the end.

        Two lists of Stripe's merged by their time. What is older than the end of a list that goes on is left to the
        next page, so that nothing is shown out of order. ObjectMissing where Stripe has no such customer, or lists
        nothing after `after`.
        """
        invoices, charges = self._invoices(customer_id, limit, after), self._charges(customer_id, limit, after)
        floor = max((made.data[-1].created for made in (invoices, charges) if made.has_more and made.data), default=0)
        both: list[_Invoice | _Charge] = [*invoices.data, *charges.data]
        merged = sorted(both, key=lambda made: made.created, reverse=True)
        shown: list[Paper] = []
        taken = 0
        for made in merged:
            if made.created < floor or len(shown) == limit:
                break
            taken += 1
            paper = made.read()
            if paper is not None:
                shown.append(paper)
        place = _after(merged[:taken], after)
        goes_on = taken < len(merged) or invoices.has_more or charges.has_more
        return shown, place if goes_on else None

    def _invoices(self, customer_id: str, limit: int, after: Place) -> _Invoices:
        with translated():
            found = self._connect().v1.invoices.list(
                {
                    "customer": customer_id,
                    "limit": limit,
                    **({"starting_after": after.invoice_id} if after.invoice_id else {}),
                }
            )
        return read(_Invoices, found.to_dict())

    def _charges(self, customer_id: str, limit: int, after: Place) -> _Charges:
        with translated():
            found = self._connect().v1.charges.list(
                {
                    "customer": customer_id,
                    "limit": limit,
                    **({"starting_after": after.charge_id} if after.charge_id else {}),
                }
            )
        return read(_Charges, found.to_dict())

    def payment_method(self, customer_id: str) -> PaymentMethod | None:
        """What the plan is charged to: its subscription's own, else the customer's default; None where none is kept."""
        try:
            with translated():
                found = self._connect().v1.customers.retrieve(
                    customer_id,
                    {
                        "expand": [
                            "invoice_settings.default_payment_method",
                            "subscriptions.data.default_payment_method",
                        ]
                    },
                )
        except ObjectMissing:
            return None
        customer = read(_Customer, found.to_dict())
        method = next(_methods(customer), None)
        return method.read() if method is not None else None


def _methods(customer: _Customer) -> Iterator[_Method]:
    for subscription in customer.subscriptions.data if customer.subscriptions else []:
        if subscription.default_payment_method is not None:
            yield subscription.default_payment_method
    if customer.invoice_settings is not None and customer.invoice_settings.default_payment_method is not None:
        yield customer.invoice_settings.default_payment_method


def _after(taken: Sequence[_Invoice | _Charge], before: Place) -> Place:
    """Behind the last of each list that was taken; where it was before, for a list of which none was."""
    invoices = [made.id for made in taken if isinstance(made, _Invoice)]
    charges = [made.id for made in taken if isinstance(made, _Charge)]
    return Place(
        invoices[-1] if invoices else before.invoice_id,
        charges[-1] if charges else before.charge_id,
    )
