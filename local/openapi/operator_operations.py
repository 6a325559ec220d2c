"""What the route of operators takes and answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from aerostack_billing.notifications.models import Channel
from aerostack_billing.timeline.models import AccountName, Kind, Missing
from aerostack_billing.timeline.service import DEFAULT_DAYS, DEFAULT_LIMIT, MAX_LIMIT, MOST_DAYS
from aerostack_billing.values import errors
from local.openapi.answers import Cents, Time
from local.openapi.describing import Operation, Query


class TimelineEntry(BaseModel):
    """Something that happened to the account. Callers, receivers and operators wrote `text`, `reference`, `labels`."""

    at: Time
    kind: Kind
    type: Annotated[
        str, Field(description="Of the transfer, of Stripe's event or of the domain event; the verb of an act.")
    ]
    id: Annotated[str, Field(description="Its own: of the transfer, of the event, of the act.")]
    state: Annotated[
        str,
        Field(
            description="What became of it: `posted`; of Stripe's event `processed`, `ignored` or `dead`; of a "
            "notice as in the list of deliveries; of an act `done`, `failed`, or `unknown` where it broke off."
        ),
    ]
    correlation_id: Annotated[
        str | None, Field(description="Shared by all that one request, one run or one act of an operator made.")
    ]
    by: Annotated[str | None, Field(description="The service, the operator, or `stripe`.")]
    channel: Annotated[Channel | None, Field(description="How a notice goes; null for what is none.")]
    amount_cents: Annotated[Cents | None, Field(description="What it did to the balance, signed.")]
    text: str | None
    reference: str | None
    labels: dict[str, str]


class Timeline(BaseModel):
    """A page of an account's timeline, newest first."""

    account_id: str
    since: Time
    entries: list[TimelineEntry]
    next_cursor: Annotated[
        str | None, Field(description="Null at the end. A page may be short, or empty, and have one all the same.")
    ]
    not_kept: Annotated[
        list[Missing],
        Field(
            description="What no table keeps and no timeline shows: refusals, which are lines of the log, and domain "
            "events that the account has nobody told of."
        ),
    ]


OPERATORS = {
    "GetTimelineFunction": Operation(
        "Show what happened to an account, newest first",
        Timeline,
        path=AccountName,
        query=(
            Query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                "The most entries to return.",
            ),
            Query("cursor", {"type": "string"}, "The `next_cursor` of the previous page."),
            Query(
                "since",
                {"type": "string"},
                f"A date, or a time in UTC, before which nothing is shown; {DEFAULT_DAYS} days ago where it is left "
                f"out, and {MOST_DAYS} days ago at the earliest.",
            ),
            Query(
                "correlation_id",
                {"type": "string", "minLength": 1, "maxLength": 128},
                "Only entries with this correlation id.",
            ),
        ),
        refusals=(errors.InvalidRequest, errors.TokenRestricted),
        description="Transfers, earnings, Stripe's events and what became of them (90 days), notices and their "
        "delivery (30 days), and operators' acts. Reads, and changes nothing.",
    ),
}
