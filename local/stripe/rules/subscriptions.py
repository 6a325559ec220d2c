"""Subscriptions: begun, tried out, renewed, paused and let lapse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from local.stripe.errors import invalid
from local.stripe.objects import Json, blank, list_of
from local.stripe.rules import calendar, changes, collection, discounts, invoices, lifecycle, schedules
from local.stripe.rules.changes import Bought
from local.stripe.rules.invoice_rows import Line
from local.stripe.world import World

TRIAL_WILL_END_SECONDS = 3 * calendar.DAY


@dataclass(frozen=True)
class Terms:
    """How a subscription begins; what is not said is as Stripe has it by default."""

    method: Json | None = None
    metadata: Json = field(default_factory=dict)
    trial_end: int | None = None
    without_method: str = "create_invoice"
    collection_method: str = "charge_automatically"
    days_until_due: int | None = None
    description: str | None = None
    discounts: Sequence[Json] = ()
    automatic_tax: bool = False


def begin(world: World, customer: Json, wanted: Sequence[Bought], terms: Terms) -> Json:
    """A new subscription, told as created, with its first invoice.

    It waits for its first payment (`incomplete`), unless it begins with a trial or its invoices are sent.
    """
    changes.require_together([bought.price for bought in wanted])
    require_currency(world, customer, wanted[0].price["currency"])
    subscription = world.add(_blank(world, customer, wanted, terms))
    added = [changes.addition(world, subscription, bought) for bought in wanted]
    changes.apply(subscription, added, world.now(), begins=False)
    if terms.trial_end is not None:
        try_out(world, subscription, terms.trial_end)
    customer["currency"] = customer["currency"] or subscription["currency"]
    given = discounts.redeem(world, terms.discounts, customer, subscription=subscription)
    subscription["discounts"] = [discount["id"] for discount in given]
    world.tell("customer.subscription.created", subscription)
    invoices.issue(world, subscription, "subscription_create", period_lines(subscription))
    return subscription


def _blank(world: World, customer: Json, wanted: Sequence[Bought], terms: Terms) -> Json:
    now = world.now()
    subscription = blank("subscription")
    subscription.update(
        automatic_tax={
            "disabled_reason": None,
            "enabled": terms.automatic_tax,
            "liability": {"type": "self"} if terms.automatic_tax else None,
        },
        billing_cycle_anchor=now,
        cancel_at_period_end=False,
        cancellation_details={"comment": None, "feedback": None, "reason": None},
        collection_method=terms.collection_method,
        created=now,
        currency=wanted[0].price["currency"],
        customer=customer["id"],
        days_until_due=terms.days_until_due,
        default_payment_method=terms.method["id"] if terms.method is not None else None,
        description=terms.description,
        metadata=dict(terms.metadata),
        payment_settings={
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        start_date=now,
        status="active" if terms.collection_method == "send_invoice" else "incomplete",
        trial_settings={"end_behavior": {"missing_payment_method": terms.without_method}},
    )
    subscription["items"] = list_of([], f"/v1/subscription_items?subscription={subscription['id']}")
    return subscription


def require_currency(world: World, customer: Json, currency: str) -> None:
    """Refuse a second currency on a customer who has a subscription or a schedule in another."""
    bound = [
        subscription["currency"]
        for subscription in world.all("subscription").values()
        if subscription["customer"] == customer["id"] and subscription["status"] not in lifecycle.OVER
    ]
    other = next((bound_to for bound_to in bound if bound_to != currency), None)
    if other is not None:
        raise invalid(
            "You cannot combine currencies on a single customer. This customer has an active subscription, "
            f"subscription schedule, discount, quote, or invoice item with currency {other}."
        )


def try_out(world: World, subscription: Json, until: int) -> None:
    """Let the subscription cost nothing until then; its periods are counted from there. The caller tells it."""
    now = world.now()
    subscription.update(
        billing_cycle_anchor=until, status="trialing", trial_end=until, trial_start=subscription["trial_start"] or now
    )
    for item in subscription["items"]["data"]:
        item.update(current_period_start=now, current_period_end=until)


def period_lines(subscription: Json) -> list[Line]:
    """The lines of an invoice for the current period of every item. A trial is on it at no cost."""
    trial = subscription["status"] == "trialing"
    return [
        Line(
            item=item,
            price=item["price"],
            amount=0 if trial else _amount(subscription, item),
            start=item["current_period_start"],
            end=item["current_period_end"],
            description=("Trial period for " if trial else f"{item['quantity']} × ") + changes.named(item["price"]),
            quantity=item["quantity"],
        )
        for item in subscription["items"]["data"]
    ]


def _amount(subscription: Json, item: Json) -> int:
    """What the item's current period costs: less than the whole where the subscription's end cuts it short."""
    whole = changes.amount_of(item["price"], item["quantity"])
    if subscription["cancel_at"] is None or item["current_period_end"] != subscription["cancel_at"]:
        return whole
    start = item["current_period_start"]
    full = calendar.period_end(start, start, *changes.interval(item["price"]))
    return calendar.cents(whole * (1 - calendar.share_left(start, full, item["current_period_end"])))


def renew(world: World, subscription: Json) -> None:
    """The period is over: the next one begins and is asked for."""
    trial_over = subscription["status"] == "trialing"
    if trial_over and _stops_without_method(world, subscription):
        return
    schedule, phase = lifecycle.schedule_of(world, subscription), None
    if schedule is not None and schedules.is_over(schedule, lifecycle.period_of(subscription)[1]):
        phase = schedules.next_phase(schedule)
        if phase is None:
            schedules.finish(world, subscription, schedule)
            if subscription["status"] in lifecycle.OVER:
                return
    with world.updating("customer.subscription.updated", subscription):
        if schedule is not None and phase is not None:
            schedules.enter(world, subscription, schedule, phase)
        if trial_over:
            subscription["status"] = "active"
        advance_period(subscription)
    ask(world, subscription, "subscription_cycle", period_lines(subscription) + changes.pending_lines(subscription))


def _stops_without_method(world: World, subscription: Json) -> bool:
    """A trial that ends without a payment method may end or pause the subscription."""
    chosen = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if chosen == "create_invoice" or collection.method_for(world, subscription) is not None:
        return False
    if chosen == "cancel":
        lifecycle.end(world, subscription, None)
        return True
    with world.updating("customer.subscription.updated", subscription):
        subscription["status"] = "paused"
    world.tell("customer.subscription.paused", subscription)
    return True


def resume(world: World, subscription: Json) -> None:
    """Let a paused subscription begin a new period, and ask for it."""
    if subscription["status"] != "paused":
        raise invalid(f"Only paused subscriptions can be resumed; this one is {subscription['status']}.")
    with world.updating("customer.subscription.updated", subscription):
        subscription["status"] = "active"
        changes.restart(subscription, world.now())
    world.tell("customer.subscription.resumed", subscription)
    ask(world, subscription, "subscription_update", period_lines(subscription))


def ask(world: World, subscription: Json, reason: str, lines: list[Line]) -> None:
    """Issue an invoice of the lines and collect it, as far as collection is not paused."""
    paused = subscription["pause_collection"]
    if paused is not None and paused["behavior"] == "keep_as_draft":
        invoices.draft_of(world, subscription, reason, lines)["auto_advance"] = False
        return
    invoice = invoices.issue(world, subscription, reason, lines)
    if paused is not None and invoice["status"] == "open":
        stop = invoices.void if paused["behavior"] == "void" else invoices.mark_uncollectible
        stop(world, invoice)
    elif subscription["status"] == "unpaid":
        invoice["auto_advance"] = False
    elif paused is None and subscription["collection_method"] == "charge_automatically":
        collection.collect(world, invoice)


def advance_period(subscription: Json) -> None:
    """Move every item to its next period; the day of the month is the anchor's. The subscription's end cuts it."""
    anchor, ends = subscription["billing_cycle_anchor"], subscription["cancel_at"]
    for item in subscription["items"]["data"]:
        start = item["current_period_end"]
        end = calendar.period_end(anchor, start, *changes.interval(item["price"]))
        item.update(current_period_start=start, current_period_end=end if ends is None else min(end, max(ends, start)))


def expire_incomplete(world: World, subscription: Json) -> None:
    """The first payment never came: 23 hours after its creation the subscription lapses and its invoice is void."""
    for invoice in collection.open_invoices(world, subscription):
        invoices.void(world, invoice)
    with world.updating("customer.subscription.updated", subscription):
        subscription.update(status="incomplete_expired", ended_at=world.now())


def end_of_period(world: World, subscription: Json) -> None:
    """What the period's end, or the day that was set as the end, brings: the end, or a renewal."""
    ends = subscription["cancel_at"]
    if ends is not None and ends <= lifecycle.period_of(subscription)[1]:
        schedule = lifecycle.schedule_of(world, subscription)
        if schedule is not None and schedule["end_behavior"] == "cancel":
            schedules.finish(world, subscription, schedule)
        else:
            lifecycle.end(world, subscription, None)
    elif subscription["status"] == "paused":
        # Nothing is billed while it is paused; its periods go on.
        advance_period(subscription)
    else:
        renew(world, subscription)


def warn_of_trial_end(world: World, subscription: Json) -> None:
    """Three days before the trial ends Stripe says so."""
    subscription["_warned_of"] = subscription["trial_end"]
    world.tell("customer.subscription.trial_will_end", subscription)


def resume_collection(world: World, subscription: Json) -> None:
    """The day has come on which collection goes on."""
    with world.updating("customer.subscription.updated", subscription):
        subscription["pause_collection"] = None
