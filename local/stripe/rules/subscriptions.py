"""Subscriptions: begun, changed at once, changed at the period's end."""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.objects import Json, blank, list_of, public
from local.stripe.rules import calendar, collection, invoices, lifecycle, schedules
from local.stripe.rules.cards import Verdict
from local.stripe.rules.invoices import Line
from local.stripe.world import World


def amount_of(price: Json, quantity: int) -> int:
    """What one period of the price costs, in cents."""
    unit: int = price["unit_amount"]
    return unit * quantity


def begin(world: World, customer: Json, wanted: list[tuple[Json, int]], *, method: Json | None, metadata: Json) -> Json:
    """A new subscription that waits for its first payment (`incomplete`), told as created, with its first invoice."""
    now = world.now()
    subscription = blank("subscription")
    subscription.update(
        billing_cycle_anchor=now,
        cancel_at_period_end=False,
        cancellation_details={"comment": None, "feedback": None, "reason": None},
        created=now,
        customer=customer["id"],
        default_payment_method=method["id"] if method is not None else None,
        metadata=dict(metadata),
        payment_settings={
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        start_date=now,
        status="incomplete",
        trial_settings={"end_behavior": {"missing_payment_method": "create_invoice"}},
    )
    items = [new_item(world, subscription, price, quantity) for price, quantity in wanted]
    subscription["items"] = list_of(items, f"/v1/subscription_items?subscription={subscription['id']}")
    world.add(subscription)
    world.tell("customer.subscription.created", subscription)
    invoices.issue(world, subscription, "subscription_create", period_lines(subscription))
    return subscription


def new_item(world: World, subscription: Json, price: Json, quantity: int) -> Json:
    """An item of the price, with a period that begins now."""
    if price["recurring"] is None:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            None,
            "items[0][price]",
        )
    now = world.now()
    recurring = price["recurring"]
    return blank(
        "subscription_item",
        created=now,
        price=public(price),
        quantity=quantity,
        subscription=subscription["id"],
        tax_rates=[],
        current_period_start=now,
        current_period_end=calendar.period_end(now, now, recurring["interval"], recurring["interval_count"]),
    )


def period_lines(subscription: Json) -> list[Line]:
    """The lines of an invoice for the current period of every item."""
    return [
        Line(
            item=item,
            price=item["price"],
            amount=amount_of(item["price"], item["quantity"]),
            start=item["current_period_start"],
            end=item["current_period_end"],
            description=f"{item['quantity']} × {_named(item['price'])}",
            quantity=item["quantity"],
        )
        for item in subscription["items"]["data"]
    ]


def _named(price: Json) -> str:
    name = price["nickname"] or price["lookup_key"] or price["id"]
    return f"{name} (at ${price['unit_amount'] / 100:.2f} / {price['recurring']['interval']})"


def renew(world: World, subscription: Json) -> None:
    """The period is over: the next one begins and is asked for."""
    schedule, phase = lifecycle.schedule_of(world, subscription), None
    if schedule is not None and schedules.is_over(schedule, lifecycle.period_of(subscription)[1]):
        phase = schedules.next_phase(schedule)
        if phase is None:
            lifecycle.release(world, subscription, schedule)
    with world.updating("customer.subscription.updated", subscription):
        if schedule is not None and phase is not None:
            schedules.enter(world, subscription, schedule, phase)
        advance_period(subscription)
    lines = period_lines(subscription) + pending_lines(subscription)
    invoice = invoices.issue(world, subscription, "subscription_cycle", lines)
    if subscription["status"] == "unpaid":
        invoice["auto_advance"] = False
        return
    collection.collect(world, subscription, invoice)


def advance_period(subscription: Json) -> None:
    """Move every item to its next period; the day of the month is the anchor's."""
    anchor = subscription["billing_cycle_anchor"]
    for item in subscription["items"]["data"]:
        start, recurring = item["current_period_end"], item["price"]["recurring"]
        item["current_period_start"] = start
        item["current_period_end"] = calendar.period_end(
            anchor, start, recurring["interval"], recurring["interval_count"]
        )


def pending_lines(subscription: Json) -> list[Line]:
    """Prorations that wait for the next invoice; they are on it now."""
    return [Line(**kept) for kept in subscription.pop("_pending_lines", [])]


def change_lines(item: Json, price: Json, quantity: int, now: int, proration: str) -> list[Line]:
    """What it costs to put another price or quantity on the item at `now`; nothing is changed yet.

    The same interval keeps its period and pays the difference for what is left of it. Another interval begins a
    new period now: the unused part of the old is credited, the new one is owed in full.
    """
    start, end = item["current_period_start"], item["current_period_end"]
    left = calendar.share_left(start, end, now)
    old = Line(
        item=item,
        price=item["price"],
        amount=-calendar.cents(amount_of(item["price"], item["quantity"]) * left),
        start=now,
        end=end,
        description=f"Unused time on {_named(item['price'])}",
        proration=True,
        quantity=item["quantity"],
    )
    if is_restart(item, price):
        new = Line(
            item=item,
            price=price,
            amount=amount_of(price, quantity),
            start=now,
            end=calendar.period_end(now, now, *_interval(price)),
            description=f"{quantity} × {_named(price)}",
            quantity=quantity,
        )
        return [new] if proration == "none" else [old, new]
    new = Line(
        item=item,
        price=price,
        amount=calendar.cents(amount_of(price, quantity) * left),
        start=now,
        end=end,
        description=f"Remaining time on {_named(price)}",
        proration=True,
        quantity=quantity,
    )
    return [] if proration == "none" else [old, new]


def apply_change(subscription: Json, item: Json, price: Json, quantity: int, now: int) -> None:
    """Put the price on the item. The update is for the caller to tell."""
    if is_restart(item, price):
        subscription["billing_cycle_anchor"] = now
        item.update(current_period_start=now, current_period_end=calendar.period_end(now, now, *_interval(price)))
    item.update(price=public(price), quantity=quantity)


def _interval(price: Json) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def bill_change(world: World, subscription: Json, lines: list[Line], *, at_once: bool, authenticated: bool) -> Verdict:
    """Ask for the cost of a change, now or with the next invoice."""
    if not lines:
        return Verdict.APPROVED
    if not at_once:
        subscription.setdefault("_pending_lines", []).extend(_kept(line) for line in lines)
        return Verdict.APPROVED
    invoice = invoices.issue(world, subscription, "subscription_update", lines)
    return collection.collect(world, subscription, invoice, authenticated=authenticated)


def _kept(line: Line) -> Json:
    return {
        "item": line.item,
        "price": public(line.price),
        "amount": line.amount,
        "start": line.start,
        "end": line.end,
        "description": line.description,
        "proration": line.proration,
        "quantity": line.quantity,
    }


def is_restart(item: Json, price: Json) -> bool:
    """Whether the change begins a new period, which is billed at once whatever the proration behavior says."""
    return _interval(item["price"]) != _interval(price)


def expire_incomplete(world: World, subscription: Json) -> None:
    """The first payment never came: 23 hours after its creation the subscription lapses and its invoice is void."""
    for invoice in collection.open_invoices(world, subscription):
        invoices.void(world, invoice)
    with world.updating("customer.subscription.updated", subscription):
        subscription.update(status="incomplete_expired", ended_at=world.now())


def end_of_period(world: World, subscription: Json) -> None:
    """What the period's end brings: the end, a scheduled change, or a renewal."""
    if subscription["cancel_at_period_end"]:
        lifecycle.end(world, subscription, None)
    else:
        renew(world, subscription)
