"""Invoices as they would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.stripe.errors import invalid
from local.stripe.objects import Json
from local.stripe.rules import calendar, changes, invoices, lifecycle, schedules
from local.stripe.rules.changes import Bought, Change
from local.stripe.rules.invoice_rows import Line
from local.stripe.rules.invoices import Terms
from local.stripe.world import World


@dataclass(frozen=True)
class How:
    """What would be done with the subscription: how changes are prorated, whether it starts over or ends."""

    proration: str
    moment: int
    anchor_now: bool
    ends: bool
    cancels_now: bool
    trial_over: bool = False


def of_subscription(world: World, subscription: Json, asked: Sequence[Change], how: How) -> Json:
    """The invoice of the changes where they are billed at once, else the next period's with their prorations on it."""
    if subscription["status"] in lifecycle.OVER:
        raise _none(subscription)
    changes.require_together(changes.resulting(subscription, asked))
    if how.cancels_now:
        everything = [
            Change(item, item["price"], item["quantity"], deleted=True) for item in subscription["items"]["data"]
        ]
        cost = changes.cost(subscription, everything, how.moment, how.proration)
        return _composed(world, subscription, [*_pending(subscription), *cost.lines], world.now())
    cost = changes.cost(
        subscription, asked, how.moment, how.proration, anchor_now=how.anchor_now, trial_over=how.trial_over
    )
    if cost.restarts or (cost.lines and how.proration == "always_invoice"):
        return _composed(world, subscription, cost.lines, world.now())
    end = lifecycle.period_of(subscription)[1]
    ends = how.ends or (subscription["cancel_at"] is not None and subscription["cancel_at"] <= end)
    coming = [] if ends else _next_period(world, subscription, asked, end)
    return _composed(world, subscription, [*_pending(subscription), *cost.lines, *coming], end)


def of_new(world: World, customer: Json, wanted: Sequence[Bought], *, taxed: bool) -> Json:
    """The first invoice of a subscription to these prices."""
    changes.require_together([bought.price for bought in wanted])
    now = world.now()
    lines = [_line({"id": "si_preview"}, bought.price, bought.quantity, now, now) for bought in wanted]
    return _upcoming(
        invoices.composed(world, customer, lines, Terms("upcoming", automatic_tax=taxed), subscription=None), now
    )


def _next_period(world: World, subscription: Json, asked: Sequence[Change], start: int) -> list[Line]:
    changed = list(asked)
    schedule = lifecycle.schedule_of(world, subscription)
    if not changed and schedule is not None and schedules.is_over(schedule, start):
        phase = schedules.next_phase(schedule)
        if phase is not None:
            changed = schedules.changes_to(world, subscription, phase)
    by_item = {change.item["id"]: change for change in changed}
    kept = [
        by_item.get(item["id"], Change(item, item["price"], item["quantity"])) for item in subscription["items"]["data"]
    ]
    kept += [change for change in changed if change.new]
    anchor = subscription["billing_cycle_anchor"]
    return [_line(c.item, c.price, c.quantity, anchor, start) for c in kept if not c.deleted]


def _line(item: Json, price: Json, quantity: int, anchor: int, start: int) -> Line:
    return Line(
        item=item,
        price=price,
        amount=changes.amount_of(price, quantity),
        start=start,
        end=calendar.period_end(anchor, start, *changes.interval(price)),
        description=f"{quantity} × {changes.named(price)}",
        quantity=quantity,
    )


def _pending(subscription: Json) -> list[Line]:
    return [Line(**kept) for kept in subscription.get("_pending_lines", [])]


def _composed(world: World, subscription: Json, lines: list[Line], when: int) -> Json:
    if not lines:
        raise _none(subscription)
    customer = world.find("customer", subscription["customer"])
    terms = Terms("upcoming", subscription["collection_method"], subscription["days_until_due"])
    return _upcoming(invoices.composed(world, customer, lines, terms, subscription=subscription), when)


def _upcoming(invoice: Json, when: int) -> Json:
    """A preview has an id that no invoice has, no number, and says when its payment would be tried."""
    invoice.update(id=f"upcoming_{invoice['id']}", next_payment_attempt=when, ending_balance=None, auto_advance=False)
    for line in invoice["lines"]["data"]:
        line["invoice"] = invoice["id"]
    return invoice


def _none(subscription: Json) -> Exception:
    return invalid(f"No upcoming invoices for subscription: {subscription['id']}", "invoice_upcoming_none", status=404)
