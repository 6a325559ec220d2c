"""What each route of notifications takes and answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from aerostack_billing.notifications.deliveries import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    DeliveryName,
    DeliveryNotFound,
    DeliveryUnderWay,
    NoEmail,
    TestRequest,
)
from aerostack_billing.notifications.events import EventType
from aerostack_billing.notifications.models import Channel, MuteReason, NotificationsRequest, State
from aerostack_billing.notifications.preferences import MOST_COMPLAINTS, EmailOff, NoWebhook, TooManyComplaints
from aerostack_billing.notifications.store import ACTS_A_DAY, NAMED_A_DAY
from aerostack_billing.values import errors
from local.openapi.answers import Time
from local.openapi.describing import Operation, Query


class Muted(BaseModel):
    """An address that is sent nothing more."""

    email: str
    reason: MuteReason
    since: Time


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
        Field(
            description="Addresses that are sent nothing. One that `bounced` is sent mail again once it was taken off "
            "and named anew; one that `complained` once an operator says so."
        ),
    ]
    webhook_secret: Annotated[
        str | None, Field(description="What webhooks are signed with: only in the answer to the request that made it.")
    ]


class Delivery(BaseModel):
    """One event for one recipient, and what became of it."""

    id: str
    event_id: Annotated[str, Field(description="The `webhook-id` of its message.")]
    type: Annotated[str, Field(description="The type of the event; `notification.test` of a test message.")]
    channel: Channel
    recipient: Annotated[str | None, Field(description="The address; null: the webhook.")]
    state: State
    attempts: Annotated[int, Field(ge=0)]
    status_code: Annotated[int | None, Field(description="What the receiver answered to the last attempt.")]
    error: Annotated[str | None, Field(description="Why the last attempt failed, or why there was none.")]
    occurred_at: Time
    last_attempt_at: Time | None
    next_attempt_at: Time | None
    sent_at: Time | None


class Deliveries(BaseModel):
    """A page of deliveries, the newest event first."""

    deliveries: list[Delivery]
    next_cursor: Annotated[str | None, Field(description="The cursor of the next page; null on the last page.")]


class Tested(BaseModel):
    """The deliveries of a test message."""

    deliveries: list[Delivery]


class WebhookSecret(BaseModel):
    """A new secret. It is not shown again."""

    webhook_secret: Annotated[str, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])]
    previous_signs_until: Time


_ACTS = f"An account sends {ACTS_A_DAY} test messages and repetitions a day."

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
        refusals=(EmailOff, TooManyComplaints, errors.RateLimitExceeded),
        description="Sets all of it: what is left out is off. `emails` are refused with `EMAIL_OFF` where the stack "
        "sends no mail. `webhook_url` must be https and lead to public addresses alone; the answer to the request that "
        f"first names one carries the secret. An account names {NAMED_A_DAY} new addresses and webhooks a day. "
        f"Once {MOST_COMPLAINTS} of its readers marked its mail as spam, it names no further address "
        "(`TOO_MANY_COMPLAINTS`).",
    ),
    "RotateWebhookSecretFunction": Operation(
        "Make a new secret for the webhooks",
        WebhookSecret,
        refusals=(NoWebhook,),
        status=201,
        description="For a day each webhook carries two signatures, by the new secret and by the one before.",
    ),
    "TestNotificationsFunction": Operation(
        "Send a test message to the webhook, or to each address",
        Tested,
        body=TestRequest,
        refusals=(NoWebhook, NoEmail, EmailOff, errors.RateLimitExceeded),
        status=201,
        description=f"It is on its way within a minute, as an event would be. {_ACTS}",
    ),
    "ListDeliveriesFunction": Operation(
        "List what became of each event and recipient, the newest first",
        Deliveries,
        query=(
            Query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                "The most deliveries to return.",
            ),
            Query("cursor", {"type": "string"}, "The `next_cursor` of the previous page."),
        ),
        refusals=(errors.InvalidRequest,),
        description="Of the last 30 days. A failed attempt is repeated for a day: after 1, 5, 30 minutes, and 2, 5, 6 "
        "and 10 hours. Then the delivery is `dead`.",
    ),
    "ResendDeliveryFunction": Operation(
        "Send a delivery once more",
        Delivery,
        path=DeliveryName,
        refusals=(DeliveryNotFound, DeliveryUnderWay, errors.RateLimitExceeded),
        description=f"With the same `webhook-id`, by which a receiver knows it. {_ACTS}",
    ),
}
