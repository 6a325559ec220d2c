"""What a company books, and what pays: shown from Stripe as it is now."""

from __future__ import annotations

import re

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.payments.papers import Paper, Papers, PaymentMethod, Place
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import ObjectMissing
from aerostack_billing.values.paging import limit_of, packed, unknown_cursor, unpacked

DEFAULT_LIMIT = 25
MAX_LIMIT = 100
EXPIRES_SOON_SECONDS = 30 * 86_400
_CURSOR = re.compile(r"(in_[A-Za-z0-9]{1,200})?:((?:ch|py)_[A-Za-z0-9]{1,200})?")


class Paperwork:
    """Shows invoices, receipts and the payment method of an account."""

    def __init__(self, accounts: AccountStore, papers: Papers) -> None:
        self._accounts = accounts
        self._papers = papers

    def invoices(self, account_id: str, limit: str | None, cursor: str | None) -> dict[str, object]:
        """A page of the account's invoices and receipts, newest first; none for who is no customer yet.

        InvalidRequest (422).
        """
        size, after = limit_of(limit, DEFAULT_LIMIT, MAX_LIMIT), _read_cursor(cursor)
        customer_id = self._accounts.get(account_id).customer_id
        if customer_id is None:
            return {"invoices": [], "next_cursor": None}
        try:
            papers, behind = self._papers.page(customer_id, size, after)
        except ObjectMissing as missing:
            if missing.details.get("param") == "starting_after":
                raise unknown_cursor() from missing
            papers, behind = [], None
        return {
            "invoices": [_view(paper) for paper in papers],
            "next_cursor": _cursor(behind) if behind is not None else None,
        }

    def payment_method(self, account_id: str) -> dict[str, object]:
        """What the plan is charged to, and reloads where there is no plan; nulls where nothing is kept."""
        method = self.kept(account_id)
        if method is None:
            return {**dict.fromkeys(("type", "brand", "last4", "exp_month", "exp_year")), "expires_soon": False}
        return {**vars(method), "expires_soon": expires_soon(method)}

    def kept(self, account_id: str) -> PaymentMethod | None:
        """The payment method that is kept, asked of Stripe; None, and nothing asked, for who is no customer yet."""
        customer_id = self._accounts.get(account_id).customer_id
        return self._papers.payment_method(customer_id) if customer_id is not None else None


def expires_soon(method: PaymentMethod) -> bool:
    """Whether a card ends within thirty days, or has ended."""
    ends_at = ends(method)
    return ends_at is not None and ends_at <= clock.seconds() + EXPIRES_SOON_SECONDS


def ends(method: PaymentMethod) -> int | None:
    """When a card can no longer be charged, in unix seconds: it is good up to the last day of its month."""
    if method.exp_year is None or method.exp_month is None:
        return None
    return clock.start_of(clock.next_period(f"{method.exp_year:04d}-{method.exp_month:02d}"))


def _view(paper: Paper) -> dict[str, object]:
    return {
        "id": paper.paper_id,
        "kind": paper.kind,
        "number": paper.number,
        "status": paper.status,
        "total_cents": paper.total_cents,
        "currency": paper.currency,
        "created_at": clock.iso(paper.created_at),
        "description": paper.description,
        "hosted_url": paper.hosted_url,
        "pdf_url": paper.pdf_url,
    }


def _cursor(place: Place) -> str:
    text = f"{place.invoice_id or ''}:{place.charge_id or ''}"
    return packed(text)


def _read_cursor(cursor: str | None) -> Place:
    if cursor is None:
        return Place()
    try:
        decoded = unpacked(cursor)
    except ValueError:
        decoded = ""
    named = _CURSOR.fullmatch(decoded)
    if named is None:
        raise unknown_cursor()
    return Place(*named.groups())
