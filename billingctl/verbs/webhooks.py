"""billingctl webhooks"""

from __future__ import annotations

import re
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from itertools import chain, islice
from typing import Annotated

import typer

from aerostack_billing.payments.history import pages
from aerostack_billing.platform import clock
from aerostack_billing.webhooks.handlers import ACCOUNT_TYPES, CONNECT_TYPES
from aerostack_billing.webhooks.models import Event
from billingctl.acts import Act, DryRun, Facts, Reason, Yes, carry_out
from billingctl.errors import Refused
from billingctl.work import Json, Work, at_work

app = typer.Typer(name="webhooks", help="Stripe's events, and what became of them here.", no_args_is_help=True)
EventName = Annotated[str, typer.Argument(metavar="EVENT", help="The event's id, evt_…")]

_EVENT_ID = re.compile(r"evt_[A-Za-z0-9_]{1,200}")
_HANDLED = frozenset({*ACCOUNT_TYPES, *CONNECT_TYPES})
_AT_ONCE = 100
"""Records read in one request."""


class EventNotFound(Refused):
    """Stripe has no such event; it keeps them for thirty days."""

    status, code = 404, "EVENT_NOT_FOUND"


class ResultFilter(StrEnum):
    """What became of an event: `missing` never came, `unhandled` is of a type that nobody asked Stripe to send."""

    PROCESSED = "processed"
    IGNORED = "ignored"
    DEAD = "dead"
    MISSING = "missing"
    UNHANDLED = "unhandled"


@app.command("list")
def listed(
    context: typer.Context,
    *,
    hours: Annotated[int, typer.Option(min=1, max=720, help="How far back; Stripe lists thirty days.")] = 24,
    result: Annotated[ResultFilter | None, typer.Option(help="Only those that ended so.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Only this type, like invoice.paid.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those of a type that nothing here handles, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List what happened at Stripe, newest first, each with what became of it here."""
    with at_work(context, as_json=as_json) as work:
        now = clock.seconds() + 1
        listed = pages(partial(work.parts.payments.history.events, now - hours * 3600, now))
        raw = chain.from_iterable(page.items for page in listed)
        events = [event for event in map(Event.model_validate, raw) if kind in (None, event.type)]
        views = _views(work, events)
        wanted = [view for view in views if result == view["result"] or (result is None and _concerns(view, every))]
        left_out = (
            sum(view["result"] == ResultFilter.UNHANDLED for view in views) if result is None and not every else 0
        )
        work.console.show({"events": wanted[:limit], "more": len(wanted) > limit, "unhandled_left_out": left_out})


def _concerns(view: Facts, every: bool) -> bool:  # noqa: FBT001 - as the option is
    return every or view["result"] != ResultFilter.UNHANDLED


@app.command()
def show(context: typer.Context, event: EventName, *, as_json: Json = False) -> None:
    """Show one event as Stripe has it, and what became of it here."""
    with at_work(context, as_json=as_json) as work:
        raw = raw_event(work, event)
        (view,) = _views(work, [Event.model_validate(raw)])
        work.console.show({**view, "stripe": raw})


@app.command()
def dead(context: typer.Context, *, as_json: Json = False) -> None:
    """List the events that could not be processed; exit status 0 also when there are some."""
    with at_work(context, as_json=as_json) as work:
        work.console.show({"events": [asdict(record) for record in work.parts.webhooks.events.dead()]})


def raw_event(work: Work, event_id: str) -> dict[str, object]:
    """The event as Stripe has it. EventNotFound."""
    raw = work.parts.payments.history.event(event_id) if _EVENT_ID.fullmatch(event_id) else None
    if raw is None:
        raise EventNotFound(f"Stripe has no event {event_id}: it keeps them for thirty days.")
    return raw


def _views(work: Work, events: list[Event]) -> list[dict[str, object]]:
    left = iter(events)
    views: list[dict[str, object]] = []
    while batch := list(islice(left, _AT_ONCE)):
        records = work.parts.webhooks.events.records([event.id for event in batch])
        for event in batch:
            record = records.get(event.id)
            views.append(
                {
                    "event_id": event.id,
                    "type": event.type,
                    "created_at": clock.iso(event.created),
                    "result": record.result if record else "missing" if event.type in _HANDLED else "unhandled",
                    "received_at": record.received_at if record else None,
                    "account_id": record.account_id if record else None,
                }
            )
    return views


@app.command()
def replay(
    context: typer.Context,
    event: EventName,
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take an event that never came, or was dead or ignored, through the code that takes in webhooks."""
    with at_work(context, as_json=as_json) as work:
        read = Event.model_validate(raw_event(work, event))
        (seen,) = _views(work, [read])

        def effect() -> Facts:
            return dict(asdict(work.parts.webhooks.service.replay(read)))

        act = Act(
            "webhooks replay",
            {"event": event},
            reason,
            dry_run,
            question=f"Take in {event} ({read.type}, {seen['result']} so far)? It may move money.",
            yes=yes,
        )
        done = carry_out(work, act, lambda: {**seen, "takes_effect": seen["result"] != "processed"}, effect)
        result = done.get("result")
        if isinstance(result, dict) and result["result"] == "dead":
            raise typer.Exit(1)
