"""What a company books, and what pays: shown from Stripe as it is now."""

from __future__ import annotations

import base64
import binascii
import re

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.payments.papers import Paper, Papers, PaymentMethod, Place
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import InvalidRequest, ObjectMissing

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
        size, after = _limit(limit), _read_cursor(cursor)
        customer_id = self._accounts.get(account_id).customer_id
        if customer_id is None:
            return {"invoices": [], "next_cursor": None}
        try:
            papers, behind = self._papers.page(customer_id, size, after)
        except ObjectMissing as missing:
            if missing.details.get("param") == "starting_after":
                raise _unknown_cursor() from missing
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


def _limit(limit: str | None) -> int:
    if limit is None:
        return DEFAULT_LIMIT
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 3 and 1 <= int(limit) <= MAX_LIMIT):
        raise InvalidRequest(f"limit must be a number from 1 to {MAX_LIMIT}.", {"limit": "out of range"})
    return int(limit)


def _cursor(place: Place) -> str:
    text = f"{place.invoice_id or ''}:{place.charge_id or ''}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> Place:
    if cursor is None:
        return Place()
    try:
        decoded = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except (UnicodeError, binascii.Error):
        decoded = ""
    named = _CURSOR.fullmatch(decoded)
    if named is None:
        raise _unknown_cursor()
    return Place(*named.groups())


def _unknown_cursor() -> InvalidRequest:
    return InvalidRequest("cursor must be the next_cursor of an earlier answer.", {"cursor": "malformed"})
