"""The calls of notifications, with a user's own token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from aerostack_billing_client.asking import Flow, ask, given, segment
from aerostack_billing_client.calling import Call
from aerostack_billing_client.notification_answers import Deliveries, Delivery, Notifications, Tested, WebhookSecret

_PATH = "/api/billing/notifications"


def notifications() -> Flow[Notifications]:
    """Whom the account tells of what."""
    return ask(Notifications, Call(method="GET", path=_PATH))


def set_notifications(
    emails: Sequence[str],
    events: Sequence[str],
    *,
    webhook_url: str | None = None,
    balance_low_cents: int | None = None,
) -> Flow[Notifications]:
    """Set all of it: what is left out is off. The answer carries `webhook_secret` where this made one."""
    body = {
        "emails": list(emails),
        "events": list(events),
        **given(webhook_url=webhook_url, balance_low_cents=balance_low_cents),
    }
    return ask(Notifications, Call(method="PUT", path=_PATH, body=body))


def rotate_webhook_secret() -> Flow[WebhookSecret]:
    """A new secret; the one before signs too for a day. NoWebhook."""
    return ask(WebhookSecret, Call(method="POST", path=f"{_PATH}/webhook/secret"))


def test_notifications(channel: Literal["email", "webhook"]) -> Flow[Tested]:
    """Send a test message to the webhook, or to each address. NoWebhook, NoEmail, EmailOff, RateLimited."""
    return ask(Tested, Call(method="POST", path=f"{_PATH}/test", body={"channel": channel}))


def deliveries_page(*, limit: int | None = None, cursor: str | None = None) -> Flow[Deliveries]:
    """One page of what became of each event and recipient, the newest first."""
    query = {"limit": None if limit is None else str(limit), "cursor": cursor}
    return ask(Deliveries, Call(method="GET", path=f"{_PATH}/deliveries", query=query))


def resend_delivery(delivery_id: str) -> Flow[Delivery]:
    """Send a delivery that is over once more. DeliveryNotFound, DeliveryUnderWay, RateLimited."""
    return ask(Delivery, Call(method="POST", path=f"{_PATH}/deliveries/{segment(delivery_id)}/resend"))
