"""What each route of notifications takes and answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from aerostack_billing.notifications.events import EventType
from aerostack_billing.notifications.models import MuteReason, NotificationsRequest
from aerostack_billing.notifications.preferences import NoWebhook
from local.openapi.answers import Time
from local.openapi.describing import Operation


class Muted(BaseModel):
    """An address that is sent nothing more."""

    email: str
    reason: MuteReason
    at: Time


class Notifications(BaseModel):
    """Whom the account tells of what."""

    emails: list[str]
    webhook_url: str | None
    balance_low_cents: Annotated[
        int | None, Field(description="Null: auto-reload's threshold, or the stack's where there is none.")
    ]
    events: list[EventType]
    muted: Annotated[
        list[Muted],
        Field(description="A bounced address is sent mail again once it was taken off and named anew."),
    ]
    webhook_secret: Annotated[
        str | None, Field(description="What webhooks are signed with: only in the answer to the request that made it.")
    ]


class WebhookSecret(BaseModel):
    """A new secret. It is not shown again."""

    webhook_secret: Annotated[str, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])]
    previous_signs_until: Time


NOTIFICATIONS = {
    "GetNotificationsFunction": Operation(
        "Show whom the account tells of what",
        Notifications,
        description="An account that never chose names nobody, and asks for every event but `usage.limit_near`.",
    ),
    "PutNotificationsFunction": Operation(
        "Set whom the account tells of what",
        Notifications,
        body=NotificationsRequest,
        description="Sets all of it: what is left out is off. `webhook_url` must be https and lead to public addresses "
        "alone; the answer to the request that first names one carries the secret.",
    ),
    "RotateWebhookSecretFunction": Operation(
        "Make a new secret for the webhooks",
        WebhookSecret,
        refusals=(NoWebhook,),
        status=201,
        description="For a day each webhook carries two signatures, by the new secret and by the one before.",
    ),
}
