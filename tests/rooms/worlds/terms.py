"""The template's parameters for prices, reloads and creators, as the tests deploy it."""

from __future__ import annotations

from typing import Final

TERMS: Final = {
    "EARNINGS_HOLD_DAYS": "7",
    "LEASE_SHARE_PERCENT": "10",
    "LOW_BALANCE_CENTS": "500",
    "NEW_CREATOR_DAYS": "30",
    "NEW_CREATOR_PAYOUT_CENTS": "25000",
    "PAYOUT_MINIMUM_CENTS": "1000",
    "PAY_GRANTED_EARNINGS": "false",
    "PLATFORM_FEE_BPS": "2000",
    "PRICE_MARKUP_BPS": "0",
    "REFUNDS_OWED_PER_DAY_CENTS": "10000",
    "RELOADS_PER_DAY": "5",
    "UNREVIEWED_PAYOUT_CENTS": "100000",
    "UNUSUAL_HOUR_CENTS": "10000",
}
