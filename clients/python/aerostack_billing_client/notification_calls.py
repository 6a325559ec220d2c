"""The calls of notifications, with a user's own token."""

from __future__ import annotations

from collections.abc import Sequence

from aerostack_billing_client.asking import Flow, ask, given
from aerostack_billing_client.calling import Call
from aerostack_billing_client.notification_answers import Notifications, WebhookSecret

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
