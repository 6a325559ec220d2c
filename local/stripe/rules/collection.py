"""Collecting an invoice: the card, what a refusal makes of the subscription, and when to try again."""

from __future__ import annotations

from local.stripe.objects import Json
from local.stripe.rules import invoices, lifecycle, payments
from local.stripe.rules.calendar import DAY
from local.stripe.rules.cards import UNAUTHENTICATED, Verdict
from local.stripe.world import World

# Days from one failed attempt to the next; after the last the subscription ends as the settings say.
RETRY_AFTER_DAYS = (3, 5, 7)


def method_for(world: World, subscription: Json) -> Json | None:
    """The payment method that pays the subscription: its own, else the customer's default."""
    customer = world.find("customer", subscription["customer"])
    chosen = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    return world.find("payment_method", chosen) if chosen is not None else None


def collect(
    world: World, subscription: Json, invoice: Json, *, authenticated: bool = False, scheduled: bool = True
) -> Verdict:
    """Try to pay an open invoice, and let the subscription follow from it.

    An attempt that is not scheduled (the customer tries) neither uses up a retry nor moves the next one.
    """
    if invoice["status"] == "paid":
        _paid(world, subscription)
        return Verdict.APPROVED
    intent = invoices.intent_of(world, invoice)
    method = method_for(world, subscription)
    if method is None:
        verdict = Verdict.DECLINED
    else:
        verdict = payments.attempt(world, intent, method, authenticated=authenticated)
    _follow(world, subscription, invoice, verdict, scheduled=scheduled)
    return verdict


def answer_challenge(world: World, intent: Json, *, passed: bool) -> Verdict:
    """3-D Secure was answered at the intent's action page: charge the card, or count a failure."""
    method = world.find("payment_method", intent["payment_method"])
    if passed:
        verdict = payments.attempt(world, intent, method, authenticated=True)
    else:
        payments.fail(world, intent, method, UNAUTHENTICATED, None)
        verdict = Verdict.DECLINED
    invoice_id = intent.get("_invoice")
    if invoice_id is not None:
        invoice = world.find("invoice", invoice_id)
        subscription = world.find("subscription", invoice["parent"]["subscription_details"]["subscription"])
        _follow(world, subscription, invoice, verdict, scheduled=False)
    return verdict


def _follow(world: World, subscription: Json, invoice: Json, verdict: Verdict, *, scheduled: bool) -> None:
    if verdict is Verdict.APPROVED:
        invoices.settle(world, invoice, paid=invoice["amount_due"])
        _paid(world, subscription)
        return
    invoice["attempted"] = True
    if scheduled:
        invoice["attempt_count"] += 1
        invoice["next_payment_attempt"] = _next_attempt(world, subscription, invoice)
    world.tell(
        "invoice.payment_action_required" if verdict is Verdict.CHALLENGED else "invoice.payment_failed", invoice
    )
    if subscription["status"] in ("active", "trialing"):
        with world.updating("customer.subscription.updated", subscription):
            subscription["status"] = "past_due"
    elif subscription["status"] == "past_due" and invoice["next_payment_attempt"] is None:
        _give_up(world, subscription)


def _give_up(world: World, subscription: Json) -> None:
    """The last retry failed."""
    if world.store.state.settings["dunning_ends_in"] == "unpaid":
        with world.updating("customer.subscription.updated", subscription):
            subscription["status"] = "unpaid"
    else:
        lifecycle.end(world, subscription, "payment_failed")


def _next_attempt(world: World, subscription: Json, invoice: Json) -> int | None:
    """When to try again; never for a first invoice, which lapses, nor for a subscription that is over."""
    first = invoice["billing_reason"] == "subscription_create"
    if first or subscription["status"] in ("canceled", "unpaid") or invoice["attempt_count"] > len(RETRY_AFTER_DAYS):
        return None
    return world.now() + RETRY_AFTER_DAYS[invoice["attempt_count"] - 1] * DAY


def _paid(world: World, subscription: Json) -> None:
    """What the customer owed is paid: the subscription runs (again)."""
    if subscription["status"] in ("incomplete", "past_due", "unpaid") and not open_invoices(world, subscription):
        with world.updating("customer.subscription.updated", subscription):
            subscription["status"] = "active"


def open_invoices(world: World, subscription: Json) -> list[Json]:
    """What the subscription still owes, oldest first."""
    return [
        invoice
        for invoice in world.all("invoice").values()
        if invoice["status"] == "open"
        and invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]
    ]


def retry_owed(world: World, subscription: Json) -> None:
    """The card changed: try what is owed at once, as the portal's customer would press Pay."""
    for invoice in open_invoices(world, subscription):
        if subscription["status"] in ("past_due", "unpaid", "incomplete"):
            collect(world, subscription, invoice, scheduled=False)
