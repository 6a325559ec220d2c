"""Changes of a subscription's items: what they cost, and putting them on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.stripe.errors import invalid
from local.stripe.merging import merged_metadata
from local.stripe.objects import Json, blank, public
from local.stripe.rules import calendar, collection, invoices
from local.stripe.rules.cards import Verdict
from local.stripe.rules.invoice_rows import Line
from local.stripe.world import World


@dataclass(frozen=True)
class Bought:
    """A price and how many of it."""

    price: Json
    quantity: int = 1
    metadata: object = None


@dataclass(frozen=True)
class Change:
    """One item as it is to be. `new`: it is not on the subscription yet; `deleted`: it comes off."""

    item: Json
    price: Json
    quantity: int
    new: bool = False
    deleted: bool = False
    metadata: object = None

    @property
    def changes_nothing(self) -> bool:
        """Whether price and quantity are as they were."""
        same = self.item["price"]["id"] == self.price["id"] and self.item["quantity"] == self.quantity
        return bool(same and not self.new and not self.deleted)


@dataclass(frozen=True)
class Cost:
    """The lines that changes cost. `restarts`: a new period begins now, which is billed at once."""

    lines: list[Line]
    restarts: bool

    @property
    def cents(self) -> int:
        """What they come to; negative is a credit."""
        return sum(line.amount for line in self.lines)


def amount_of(price: Json, quantity: int) -> int:
    """What one period of the price costs, in cents."""
    unit: int = price["unit_amount"]
    return unit * quantity


def named(price: Json) -> str:
    """The price as a line of an invoice calls it."""
    name = price["nickname"] or price["lookup_key"] or price["id"]
    recurring = price["recurring"]
    amount = f"${price['unit_amount'] / 100:.2f}"
    return f"{name} (at {amount} / {recurring['interval']})" if recurring is not None else f"{name} (at {amount})"


def interval(price: Json) -> tuple[str, int]:
    """The price's interval and how many of them a period is."""
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def require_recurring(price: Json, param: str) -> None:
    """Refuse a price that is charged once."""
    if price["recurring"] is None:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            None,
            param,
        )


def require_together(prices: Sequence[Json]) -> None:
    """Refuse items that cannot be on one subscription: of several intervals or currencies, none, or too many."""
    if not prices:
        raise invalid("A subscription must have at least one active plan.", None, "items")
    if len(prices) > 20:
        raise invalid("A subscription may have at most 20 items.", None, "items")
    if len({interval(price) for price in prices}) > 1:
        raise invalid(
            "All prices on a subscription must have the same `recurring.interval` and `recurring.interval_count`. If "
            "you meant to change intervals, change every item.",
            None,
            "items",
        )
    currency = prices[0]["currency"]
    for price in prices[1:]:
        if price["currency"] != currency:
            raise invalid(
                f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency: "
                f"`{currency}`.",
                None,
                "items",
            )


def resulting(subscription: Json, changes: Sequence[Change]) -> list[Json]:
    """The prices that the subscription will have."""
    changed = {change.item["id"]: change for change in changes}
    kept = [
        changed[item["id"]].price if item["id"] in changed else item["price"]
        for item in subscription["items"]["data"]
        if item["id"] not in changed or not changed[item["id"]].deleted
    ]
    return kept + [change.price for change in changes if change.new]


def restarts(subscription: Json, changes: Sequence[Change], *, anchor_now: bool, trial_over: bool = False) -> bool:
    """Whether a new period begins now: asked for, because another interval begins, or because a trial is ended.

    Else a trial goes on as it is.
    """
    if subscription["status"] == "trialing":
        return trial_over
    before = subscription["items"]["data"][0]["price"]
    return anchor_now or any(interval(price) != interval(before) for price in resulting(subscription, changes))


def cost(
    subscription: Json,
    changes: Sequence[Change],
    now: int,
    proration: str,
    *,
    anchor_now: bool = False,
    trial_over: bool = False,
) -> Cost:
    """What the changes cost at `now`; nothing is changed yet.

    In the running period the difference for what is left of it is paid. Where a new one begins, the unused part of
    the old is credited and the new one is owed in full. A trial that is ended has no unused part: it cost nothing.
    """
    if subscription["status"] == "trialing":
        if not trial_over:
            return Cost([], restarts=False)
        proration = "none"
    begins = restarts(subscription, changes, anchor_now=anchor_now, trial_over=trial_over)
    asked = {change.item["id"]: change for change in changes}
    every = [
        asked.get(item["id"], Change(item, item["price"], item["quantity"])) for item in subscription["items"]["data"]
    ]
    every += [change for change in changes if change.new]
    end = subscription["items"]["data"][0]["current_period_end"]
    lines: list[Line] = []
    for change in every:
        if begins:
            lines += _unused(change, now, proration) + _anew(change, now)
        elif not change.changes_nothing and proration != "none":
            lines += _unused(change, now, proration) + _remaining(change, subscription, now, end)
    return Cost(lines, begins)


def _unused(change: Change, now: int, proration: str) -> list[Line]:
    item = change.item
    if change.new or proration == "none":
        return []
    left = calendar.share_left(item["current_period_start"], item["current_period_end"], now)
    return [
        Line(
            item=item,
            price=item["price"],
            amount=-calendar.cents(amount_of(item["price"], item["quantity"]) * left),
            start=now,
            end=item["current_period_end"],
            description=f"Unused time on {named(item['price'])}",
            proration=True,
            quantity=item["quantity"],
        )
    ]


def _anew(change: Change, now: int) -> list[Line]:
    if change.deleted:
        return []
    return [
        Line(
            item=change.item,
            price=change.price,
            amount=amount_of(change.price, change.quantity),
            start=now,
            end=calendar.period_end(now, now, *interval(change.price)),
            description=f"{change.quantity} × {named(change.price)}",
            quantity=change.quantity,
        )
    ]


def _remaining(change: Change, subscription: Json, now: int, end: int) -> list[Line]:
    if change.deleted:
        return []
    left = calendar.share_left(subscription["items"]["data"][0]["current_period_start"], end, now)
    return [
        Line(
            item=change.item,
            price=change.price,
            amount=calendar.cents(amount_of(change.price, change.quantity) * left),
            start=now,
            end=end,
            description=f"Remaining time on {named(change.price)}",
            proration=True,
            quantity=change.quantity,
        )
    ]


def apply(subscription: Json, changes: Sequence[Change], now: int, *, begins: bool) -> None:
    """Put the changes on. The update is for the caller to tell."""
    items = subscription["items"]["data"]
    for change in changes:
        item = change.item
        if change.new:
            item["current_period_end"] = items[0]["current_period_end"] if items else item["current_period_end"]
            items.append(item)
        elif change.deleted:
            items.remove(item)
        item.update(price=public(change.price), quantity=change.quantity)
        if change.metadata is not None:
            item["metadata"] = merged_metadata(item["metadata"] or {}, change.metadata)
    if begins:
        restart(subscription, now)


def restart(subscription: Json, now: int) -> None:
    """Let a new period of every item begin now."""
    subscription["billing_cycle_anchor"] = now
    for item in subscription["items"]["data"]:
        ends = calendar.period_end(now, now, *interval(item["price"]))
        item.update(current_period_start=now, current_period_end=ends)


def addition(world: World, subscription: Json, bought: Bought) -> Change:
    """A new item, with a period that begins now. It is on the subscription once the change is applied."""
    now = world.now()
    item = blank(
        "subscription_item",
        created=now,
        metadata={},
        price=public(bought.price),
        quantity=bought.quantity,
        subscription=subscription["id"],
        tax_rates=[],
        current_period_start=now,
        current_period_end=calendar.period_end(now, now, *interval(bought.price)),
    )
    return Change(item, bought.price, bought.quantity, new=True, metadata=bought.metadata)


def bill(world: World, subscription: Json, lines: list[Line], *, at_once: bool, authenticated: bool) -> Verdict:
    """Ask for the cost of changes, now or with the next invoice."""
    if not lines:
        return Verdict.APPROVED
    if not at_once:
        subscription.setdefault("_pending_lines", []).extend(_kept(line) for line in lines)
        return Verdict.APPROVED
    invoice = invoices.issue(world, subscription, "subscription_update", lines)
    if invoice["collection_method"] == "send_invoice":
        return Verdict.APPROVED
    return collection.collect(world, invoice, authenticated=authenticated)


def pending_lines(subscription: Json) -> list[Line]:
    """Prorations that wait for the next invoice; they are on it now."""
    return [Line(**kept) for kept in subscription.pop("_pending_lines", [])]


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
