"""What the failing servers of these tests answer when they do not fail, and a client that asks them."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from aerostack_billing_client import AsyncServiceClient, Retries, ServiceClient
from tests.clients.awaited import AwaitedClient
from tests.clients.conftest import HASTY
from tests.clients.faults import Answering, FaultServer, Reply, Seen

Serving = Callable[[Answering], FaultServer]
Service = Callable[..., ServiceClient]
"""Makes a client of a server, with retries."""
COUNTED = {
    "allowed": True,
    "metric": "api_requests",
    "period": "2026-03",
    "used": 1,
    "limit": 50_000,
    "hard_limit": 55_000,
    "remaining": 54_999,
    "state": "ok",
}
LATER = {"Retry-After": "3600"}
"""Beyond every deadline here: the call ends at once."""
ACCOUNT = {
    "plan_tier": "free",
    "status": "active",
    "billing_interval": "monthly",
    "stripe_customer_id": None,
    "stripe_subscription_id": None,
    "current_period_start": None,
    "current_period_end": None,
    "cancel_at_period_end": False,
    "cancel_at": None,
    "trial_ends_at": None,
    "pending_change": None,
    "payment_issue": None,
}
LEASED = {"lease_id": "lease.1", "period": "2026-03", "granted": 10, "expires_at": "2026-03-02T09:30:00Z"}


def counted(_: Seen) -> Reply:
    return Reply(200, COUNTED)


def service(server: FaultServer, retries: Retries = HASTY) -> ServiceClient:
    """The client for threads."""
    return ServiceClient(server.base_url, "token", retries=retries)


def awaited_service(server: FaultServer, retries: Retries = HASTY) -> ServiceClient:
    """The async client, which is called in the same way here."""
    return cast("ServiceClient", AwaitedClient(AsyncServiceClient(server.base_url, "token", retries=retries)))
