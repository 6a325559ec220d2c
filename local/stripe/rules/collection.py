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


def method_of(world: World, invoice: Json) -> Json | None:
    """The payment method that pays the invoice: its own, else its subscription's, else the customer's default."""
    if invoice["default_payment_method"] is not None:
        return world.find("payment_method", invoice["default_payment_method"])
    subscription = invoices.subscription_of(world, invoice)
    return method_for(world, subscription or {"customer": invoice["customer"], "default_payment_method": None})


def collect(
    world: World, invoice: Json, *, method: Json | None = None, authenticated: bool = False, scheduled: bool = True
) -> Verdict:
    """Try to pay an open invoice, by the method given or the one on file, and let its subscription follow from it.

    An attempt that is not scheduled (the customer tries) neither uses up a retry nor moves the next one.
    """
    if invoice["status"] == "paid":
        follow_invoices(world, invoices.subscription_of(world, invoice))
        return Verdict.APPROVED
    intent = invoices.intent_of(world, invoice)
    paying = method or method_of(world, invoice)
    if paying is None:
        verdict = Verdict.DECLINED
    else:
        verdict = payments.attempt(world, intent, paying, authenticated=authenticated)
    _follow(world, invoice, verdict, scheduled=scheduled)
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
        _follow(world, world.find("invoice", invoice_id), verdict, scheduled=False)
    return verdict


def settled(world: World, invoice: Json, *, works: bool) -> None:
    """The bank debit that pays the invoice worked, or did not."""
    subscription = invoices.subscription_of(world, invoice)
    if subscription is not None:
        subscription.pop("_debited", None)
    if invoice["status"] in ("open", "uncollectible"):
        _follow(world, invoice, Verdict.APPROVED if works else Verdict.DECLINED, scheduled=True)


def _follow(world: World, invoice: Json, verdict: Verdict, *, scheduled: bool) -> None:
    subscription = invoices.subscription_of(world, invoice)
    if verdict is Verdict.UNDER_WAY:
        invoice.update(attempted=True, next_payment_attempt=None)
        return
    if verdict is Verdict.APPROVED:
        invoices.settle(world, invoice, paid=invoice["amount_due"])
        follow_invoices(world, subscription)
        return
    invoice["attempted"] = True
    if scheduled:
        invoice["attempt_count"] += 1
        invoice["next_payment_attempt"] = _next_attempt(world, subscription, invoice)
    world.tell(
        "invoice.payment_action_required" if verdict is Verdict.CHALLENGED else "invoice.payment_failed", invoice
    )
    if subscription is None:
        return
    if subscription["status"] in ("active", "trialing"):
        with world.updating("customer.subscription.updated", subscription):
            subscription["status"] = "past_due"
    elif subscription["status"] == "past_due" and invoice["next_payment_attempt"] is None:
        _give_up(world, subscription)


def _give_up(world: World, subscription: Json) -> None:
    """The last retry failed."""
    ends_in = world.store.state.settings["dunning_ends_in"]
    if ends_in == "unpaid":
        with world.updating("customer.subscription.updated", subscription):
            subscription["status"] = "unpaid"
    elif ends_in == "canceled":
        lifecycle.end(world, subscription, "payment_failed")


def _next_attempt(world: World, subscription: Json | None, invoice: Json) -> int | None:
    """When to try again; never for a first invoice, which lapses, nor for a subscription that is over."""
    first = invoice["billing_reason"] == "subscription_create"
    over = subscription is not None and subscription["status"] in ("canceled", "unpaid")
    if first or over or invoice["attempt_count"] > len(RETRY_AFTER_DAYS):
        return None
    return world.now() + RETRY_AFTER_DAYS[invoice["attempt_count"] - 1] * DAY


def follow_invoices(world: World, subscription: Json | None) -> None:
    """Let the subscription run (again) where its newest invoice that still counts is paid; older ones do not matter.

    A first invoice that was voided ends what never began.
    """
    if subscription is None or subscription["status"] not in ("incomplete", "past_due", "unpaid"):
        return
    known = invoices.of_subscription(world, subscription)
    counting = [invoice for invoice in known if invoice["status"] in ("open", "paid", "uncollectible")]
    if subscription["status"] == "incomplete" and not counting:
        with world.updating("customer.subscription.updated", subscription):
            subscription.update(status="incomplete_expired", ended_at=world.now())
    elif not counting or counting[-1]["status"] == "paid":
        with world.updating("customer.subscription.updated", subscription):
            subscription["status"] = "active"


def open_invoices(world: World, subscription: Json) -> list[Json]:
    """What the subscription still owes, oldest first."""
    return [invoice for invoice in invoices.of_subscription(world, subscription) if invoice["status"] == "open"]


def retry_owed(world: World, subscription: Json) -> None:
    """The card changed: try what is owed at once, as the portal's customer would press Pay."""
    for invoice in open_invoices(world, subscription):
        if subscription["status"] in ("past_due", "unpaid", "incomplete"):
            collect(world, invoice, scheduled=False)


def fall_due(world: World, invoice: Json) -> None:
    """An invoice that was sent is not paid in time: its subscription is past due."""
    invoice["_overdue"] = True
    world.tell("invoice.overdue", invoice)
    subscription = invoices.subscription_of(world, invoice)
    if subscription is not None and subscription["status"] == "active":
        with world.updating("customer.subscription.updated", subscription):
            subscription["status"] = "past_due"
