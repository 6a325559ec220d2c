"""Operations of notifications: what comes before each, and the one act that is counted."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.budgets import Act, Budget
from tests.benchmarks.place import Place
from tests.benchmarks.registering import operation

_HOOK = "https://93.184.216.34/hook"


def choose(place: Place, **more: Any) -> dict[str, Any]:
    """Name an address and a webhook, and ask for one event."""
    chosen = {"emails": ["billing@example.com"], "events": ["balance.low"], "webhook_url": _HOOK, **more}
    return place.ask("put_notifications", chosen)


@operation("GET /api/billing/notifications", "get_notifications", Budget(2, 0, 2))
def _showing(place: Place) -> Act:
    choose(place)
    return lambda: place.ask("get_notifications")


@operation("PUT /api/billing/notifications, threshold unchanged", "put_notifications", Budget(3, 1, 2))
def _choosing(place: Place) -> Act:
    choose(place)
    return lambda: choose(place, emails=["other@example.com"])


@operation("PUT /api/billing/notifications with a threshold", "put_notifications", Budget(4, 3, 2))
def _choosing_a_threshold(place: Place) -> Act:
    return lambda: choose(place, balance_low_cents=900)


@operation("POST /api/billing/notifications/webhook/secret", "rotate_webhook_secret", Budget(2, 1, 1))
def _rotating(place: Place) -> Act:
    choose(place)
    return lambda: place.ask("rotate_webhook_secret", expect=201)
