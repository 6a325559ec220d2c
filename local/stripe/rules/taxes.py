"""Automatic tax: by the country of the customer's address, added to the price. A table of a few, none elsewhere."""

from __future__ import annotations

from fractions import Fraction

from local.stripe.objects import Json
from local.stripe.rules import calendar

PERCENT = {"AT": 20, "DE": 19, "ES": 21, "FR": 20, "GB": 20, "IE": 23, "IT": 22, "NL": 21, "PL": 23, "SE": 25}
"""Standard rates, as examples: https://docs.stripe.com/tax/supported-countries."""


def country_of(customer: Json | None) -> str | None:
    """Where the customer is, as far as Stripe knows."""
    address = customer["address"] if customer is not None else None
    return address.get("country") if address else None


def on(cents: int, country: str | None) -> int:
    """The tax on an amount, which may be a credit; half a cent is rounded away from zero."""
    return calendar.cents(Fraction(cents * PERCENT.get(country or "", 0), 100))


def told(country: str | None, *, enabled: bool = True) -> Json:
    """The field `automatic_tax` of an invoice or a session."""
    status = ("complete" if country else "requires_location_inputs") if enabled else None
    liability = {"type": "self"} if enabled else None
    return {"enabled": enabled, "liability": liability, "provider": "stripe" if enabled else None, "status": status}


def of_line(cents: int, country: str | None) -> Json:
    """The tax of a line, or of several together, as an invoice shows it."""
    tax = on(cents, country)
    return {
        "amount": tax,
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": f"txr_{(country or 'none').lower()}"},
        "taxability_reason": "standard_rated" if country in PERCENT else "not_collecting",
        "taxable_amount": cents if country in PERCENT else 0,
        "type": "tax_rate_details",
    }


def locate(session: Json, customer: Json | None, country: str) -> None:
    """Let the payer of an open session be in a country: the session's total and, where it may, the customer follow."""
    if customer is not None and session["_keeps_address"]:
        customer["address"] = {**dict.fromkeys(("city", "line1", "line2", "postal_code", "state")), "country": country}
    charge(session, country)


def charge(session: Json, country: str | None) -> None:
    """Add the tax of the country to what the session costs; done again, it takes the place of what was added."""
    details = session["total_details"]
    left = session["amount_subtotal"] - details["amount_discount"]
    # Line by line and after their discounts, as invoices do it; one that spans several lines is taxed as a whole.
    items = session["_line_items"]
    whole = bool(details["amount_discount"]) or sum(item["amount_subtotal"] for item in items) != left
    taxes = [on(left, country)] if whole else [on(item["amount_subtotal"], country) for item in items]
    details["amount_tax"] = sum(taxes)
    session.update(amount_total=left + sum(taxes), automatic_tax=told(country))
