"""What the stack of the simulation is deployed with, beside its tables."""

from __future__ import annotations

from typing import Final

from tests.simulation.post import CONFIGURATION_SET, MAIL_FROM

ENVIRONMENT: Final = {
    "ALLOWED_REDIRECT_HOSTS": "app.aerostack.dev",
    "DASHBOARD_URL": "https://app.aerostack.dev/settings/billing",
    "PAST_DUE_GRACE_DAYS": "7",
    "LOW_BALANCE_CENTS": "500",
    "UNUSUAL_HOUR_CENTS": "10000",
    "PRICE_MARKUP_BPS": "0",
    "RELOADS_PER_DAY": "5",
    "LEASE_SHARE_PERCENT": "10",
    "STRIPE_REQUESTS_PER_MINUTE": "10000",
    "PLATFORM_FEE_BPS": "2000",
    "EARNINGS_HOLD_DAYS": "7",
    "NEW_CREATOR_DAYS": "30",
    "NEW_CREATOR_PAYOUT_CENTS": "25000",
    "UNREVIEWED_PAYOUT_CENTS": "100000",
    "REFUNDS_OWED_PER_DAY_CENTS": "10000",
    "PAY_GRANTED_EARNINGS": "false",
    "PAYOUT_MINIMUM_CENTS": "1000",
    "MAIL_FROM": MAIL_FROM,
    "MAIL_CONFIGURATION_SET": CONFIGURATION_SET,
    "MAIL_QUEUE_URL": "email",
    "WEBHOOK_QUEUE_URL": "webhook",
}
