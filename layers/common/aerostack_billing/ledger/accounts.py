"""The accounts of the double-entry ledger: every transfer debits one and credits another, so that all sum to zero."""

from __future__ import annotations

REVENUE = "revenue"
STRIPE = "stripe"
PROMO = "promo"


def available(account_id: str) -> str:
    """The ledger account of an owner's available balance."""
    return f"wallet:{account_id}"


def held(account_id: str) -> str:
    """The ledger account of what open holds set aside."""
    return f"held:{account_id}"


def debt(account_id: str) -> str:
    """The ledger account of a debt."""
    return f"debt:{account_id}"
