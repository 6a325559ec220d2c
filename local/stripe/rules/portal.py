"""The customer portal: cancel, resume, another card, and a change of plan that the customer confirms."""

from __future__ import annotations

from dataclasses import dataclass

from local.stripe.errors import declined, invalid
from local.stripe.objects import Json
from local.stripe.rules import calendar, cards, changes, collection, lifecycle, schedules
from local.stripe.rules.cards import Card, Verdict
from local.stripe.rules.changes import Cost
from local.stripe.world import World


@dataclass(frozen=True)
class Change:
    """A change of plan as the portal was opened to confirm it."""

    subscription: Json
    item: Json
    price: Json
    quantity: int
    waits: bool
    cost: Cost

    at_once: bool
    """Whether the cost is asked for now, and not with the next invoice."""

    @property
    def cost_cents(self) -> int:
        """What confirming costs at once, before the customer's credit; negative is a credit."""
        return self.cost.cents if self.at_once and not self.waits else 0

    @property
    def asked(self) -> list[changes.Change]:
        """The change of the one item."""
        return [changes.Change(self.item, self.price, self.quantity)]


def subscription_of(world: World, session: Json) -> Json | None:
    """The subscription that the portal shows: the flow's, else the customer's newest that is not over."""
    flow = session["flow"] or {}
    opened_for = flow.get("subscription_update_confirm") or flow.get("subscription_cancel")
    if opened_for is not None:
        return world.find("subscription", opened_for["subscription"])
    mine = [
        subscription
        for subscription in world.all("subscription").values()
        if subscription["customer"] == session["customer"] and subscription["status"] not in lifecycle.OVER
    ]
    return mine[-1] if mine else None


def change_of(world: World, session: Json) -> Change | None:
    """The change that the portal was opened to confirm; None if there was none, or it or the subscription is over."""
    flow = session["flow"]
    if flow is None or flow["subscription_update_confirm"] is None or session.get("_done"):
        return None
    asked = flow["subscription_update_confirm"]
    subscription = world.find("subscription", asked["subscription"])
    if subscription["status"] in lifecycle.OVER:
        return None
    wanted = asked["items"][0]
    item = next(kept for kept in subscription["items"]["data"] if kept["id"] == wanted["id"])
    price = world.find("price", wanted["price"])
    quantity = wanted["quantity"] or item["quantity"]
    features = world.find("billing_portal.configuration", session["configuration"])["features"]["subscription_update"]
    waits = any(
        _meets(condition["type"], item, price, quantity)
        for condition in features["schedule_at_period_end"]["conditions"]
    )
    proration = features["proration_behavior"]
    anchor_now = features["billing_cycle_anchor"] == "now"
    asked = [changes.Change(item, price, quantity)]
    over = features.get("trial_update_behavior", "end_trial") == "end_trial"
    cost = changes.cost(subscription, asked, world.now(), proration, anchor_now=anchor_now, trial_over=over)
    at_once = proration == "always_invoice" or cost.restarts
    return Change(subscription, item, price, quantity, waits, cost, at_once)


def _meets(condition: str, item: Json, price: Json, quantity: int) -> bool:
    if condition == "decreasing_item_amount":
        before = changes.amount_of(item["price"], item["quantity"])
        return changes.amount_of(price, quantity) < before
    before_months, after_months = (
        calendar.months(known["recurring"]["interval"], known["recurring"]["interval_count"])
        for known in (item["price"], price)
    )
    return after_months < before_months


def confirm(world: World, session: Json, change: Change, *, authenticated: bool) -> Verdict:
    """Carry out the change: cheaper or shorter at the period's end, anything else at once and charged.

    Challenged: nothing is changed yet. Raises Stripe's 402 where the card declines; nothing is changed then.
    """
    if change.waits:
        schedules.plan_change(world, change.subscription, change.price, change.quantity)
        session["_done"] = True
        return Verdict.APPROVED
    verdict = _afford(world, change, authenticated=authenticated)
    if verdict is Verdict.CHALLENGED:
        return verdict
    subscription, now = change.subscription, world.now()
    schedule = lifecycle.schedule_of(world, subscription)
    if schedule is not None:
        lifecycle.release(world, subscription, schedule)
    with world.updating("customer.subscription.updated", subscription):
        lifecycle.cancel_at_period_end(world, subscription, wanted=False)
        if subscription["status"] == "trialing" and change.cost.restarts:
            subscription.update(status="active", trial_end=now)
        changes.apply(subscription, change.asked, now, begins=change.cost.restarts)
    changes.bill(world, subscription, change.cost.lines, at_once=change.at_once, authenticated=True)
    session["_done"] = True
    return Verdict.APPROVED


def _afford(world: World, change: Change, *, authenticated: bool) -> Verdict:
    """Ask the card on file before anything is changed, so that a decline leaves the subscription as it was."""
    customer = world.find("customer", change.subscription["customer"])
    if change.cost_cents + customer["balance"] <= 0:
        return Verdict.APPROVED
    method = collection.method_for(world, change.subscription)
    if method is None:
        raise declined("There is no card on file; add one first.", "resource_missing", None)
    card = cards.card_of(method)
    verdict = cards.on_charging(card, authenticated=authenticated, set_up=method["_set_up"])
    if verdict is Verdict.DECLINED:
        raise cards.refusal(card)
    return verdict


def cancel(world: World, subscription: Json) -> None:
    """Let the subscription end with its period; a change that waits is taken back."""
    schedule = lifecycle.schedule_of(world, subscription)
    if schedule is not None:
        lifecycle.release(world, subscription, schedule)
    with world.updating("customer.subscription.updated", subscription):
        lifecycle.cancel_at_period_end(world, subscription, wanted=True)


def resume(world: World, subscription: Json) -> None:
    """Take a cancellation, or a change that waits for the period's end, back."""
    schedule = lifecycle.schedule_of(world, subscription)
    if schedule is not None:
        lifecycle.release(world, subscription, schedule)
    with world.updating("customer.subscription.updated", subscription):
        lifecycle.cancel_at_period_end(world, subscription, wanted=False)


def update_card(world: World, session: Json, card: Card, *, authenticated: bool) -> Verdict:
    """Keep the card as the customer's default and the subscription's, and try what is owed.

    Challenged: nothing is kept yet. Raises Stripe's 402 where the card cannot be kept.
    """
    verdict = cards.on_saving(card, authenticated=authenticated)
    if verdict is Verdict.CHALLENGED:
        return verdict
    if verdict is Verdict.DECLINED:
        raise cards.refusal(card)
    customer = world.find("customer", session["customer"])
    method = cards.new_method(world, card, set_up=True)
    cards.attach(world, method, customer)
    with world.updating("customer.updated", customer):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    subscription = subscription_of(world, session)
    if subscription is not None and subscription["status"] not in lifecycle.OVER:
        with world.updating("customer.subscription.updated", subscription):
            subscription["default_payment_method"] = method["id"]
        collection.retry_owed(world, subscription)
    return verdict


def require_subscription(subscription: Json | None) -> Json:
    """The subscription, or a refusal where the customer has none that runs."""
    if subscription is None or subscription["status"] in lifecycle.OVER:
        raise invalid("There is no subscription to manage.")
    return subscription
