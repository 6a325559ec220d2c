"""Tax that Stripe computes on a deposit's page, and how much of a payment it is. See decision 0047."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aerostack_billing.payments.client import translated
from aerostack_billing.payments.wire import ListOf, Wire, read

if TYPE_CHECKING:
    import stripe

TAXED: Final = "automatic_tax"
"""In the metadata of a payment whose page computed tax."""


class _TotalDetails(Wire):
    amount_tax: int = 0


class _Session(Wire):
    total_details: _TotalDetails | None = None


class _Sessions(ListOf[_Session]):
    pass


def tax_of_page(client: stripe.StripeClient, payment_intent_id: str) -> int:
    """The cents of tax on the Checkout page that a payment was made on; 0 where it was made on none.

    The page's own record says so: no metadata that anyone may edit. PaymentsUnavailable, PaymentsFailed.
    """
    with translated():
        found = client.v1.checkout.sessions.list({"payment_intent": payment_intent_id, "limit": 1})
    page = next(iter(read(_Sessions, found.to_dict()).data), None)
    return page.total_details.amount_tax if page is not None and page.total_details is not None else 0
