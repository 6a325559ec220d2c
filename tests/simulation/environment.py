"""What the stack of the simulation is deployed with, beside its tables."""

from __future__ import annotations

from typing import Final

from tests.rooms.worlds.terms import TERMS
from tests.simulation.post import CONFIGURATION_SET, MAIL_FROM

ENVIRONMENT: Final = {
    "ALLOWED_REDIRECT_HOSTS": "app.aerostack.dev",
    "DASHBOARD_URL": "https://app.aerostack.dev/settings/billing",
    "PAST_DUE_GRACE_DAYS": "7",
    **TERMS,
    "STRIPE_REQUESTS_PER_MINUTE": "10000",
    "MAIL_FROM": MAIL_FROM,
    "MAIL_CONFIGURATION_SET": CONFIGURATION_SET,
    "MAIL_QUEUE_URL": "email",
    "WEBHOOK_QUEUE_URL": "webhook",
}
