"""What happened at Stripe, listed: finds what no webhook delivered.

All methods raise PaymentsUnavailable and PaymentsFailed; PaymentsRefused for an id that is listed no more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import stripe

from aerostack_billing.payments.cards import Payment, WirePayment
from aerostack_billing.payments.client import translated
from aerostack_billing.payments.wire import read
from aerostack_billing.values.errors import ObjectMissing

PAGE: Final = 100
MOST_TYPES: Final = 20
"""Types of events that one list may be of."""
Item = TypeVar("Item")
ListedPayment = tuple[str, Callable[[], Payment]]
"""A payment's id, and what reads it, which raises Unreadable for an unknown form."""


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A hundred of what is listed at most; `after` is where the next page begins, None at the end."""

    items: Sequence[Item]
    after: str | None


class History:
    """Lists of a span of time, newest first; times in unix seconds, `since` included and `until` not."""

    def __init__(self, connect: Callable[[], stripe.StripeClient]) -> None:
        self._connect = connect

    def events(
        self, since: int, until: int, after: str | None = None, types: Sequence[str] = ()
    ) -> Page[dict[str, object]]:
        """Events of our own account in the span, of up to `MOST_TYPES` types or of all, as a webhook would carry them.

        Stripe lists those of the last thirty days.
        """
        span: stripe.params.EventListParams = {"created": {"gte": since, "lt": until}, "limit": PAGE}
        with translated():
            found = self._connect().v1.events.list(
                {
                    **span,
                    **({"types": list(types)} if types else {}),
                    **({"starting_after": after} if after else {}),
                }
            )
        return Page([event.to_dict() for event in found.data], found.data[-1].id if found.has_more else None)

    def events_of(
        self, account: str, since: int, until: int, after: str | None = None, *, types: Sequence[str]
    ) -> Page[dict[str, object]]:
        """Events of a connected account, which the lists of our own leave out. ObjectMissing for one out of reach."""
        with translated():
            found = self._connect().v1.events.list(
                {
                    "created": {"gte": since, "lt": until},
                    "limit": PAGE,
                    "types": list(types),
                    **({"starting_after": after} if after else {}),
                },
                {"stripe_account": account},
            )
        # Named as a delivery names it, whether the list does or not.
        items = [{**event.to_dict(), "account": account} for event in found.data]
        return Page(items, found.data[-1].id if found.has_more else None)

    def payments(self, since: int, until: int, after: str | None = None) -> Page[ListedPayment]:
        """Payments begun in the span."""
        with translated():
            found = self._connect().v1.payment_intents.list(
                {"created": {"gte": since, "lt": until}, "limit": PAGE, **({"starting_after": after} if after else {})}
            )
        listed: list[ListedPayment] = [(made.id, functools.partial(_payment, made.to_dict())) for made in found.data]
        return Page(listed, found.data[-1].id if found.has_more else None)

    def event(self, event_id: str, account: str | None = None) -> dict[str, object] | None:
        """One event, as a webhook would carry it; None where Stripe has none, or has none any more.

        `account` is the connected account that it happened in, if in one.
        """
        options: stripe.RequestOptions = {} if account is None else {"stripe_account": account}
        try:
            with translated():
                return self._connect().v1.events.retrieve(event_id, options=options).to_dict()
        except ObjectMissing:
            return None


def pages(fetch: Callable[[str | None], Page[Item]]) -> Iterator[Page[Item]]:
    """All pages of a list, as `fetch` hands out the one after an id."""
    page = fetch(None)
    yield page
    while page.after is not None:
        page = fetch(page.after)
        yield page


def _payment(raw: dict[str, object]) -> Payment:
    return read(WirePayment, raw).read()
