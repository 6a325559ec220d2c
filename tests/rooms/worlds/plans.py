"""A person who buys and comes back, Stripe that delivers, and days that pass there."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from aerostack_billing.accounts.mending import Finding
from aerostack_billing.accounts.models import CheckoutRequest, PlanState
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.values.errors import RequestInProgress
from aerostack_billing.webhooks.models import Event, Outcome
from tests.rooms.worlds.stripe import StripeWorld

if TYPE_CHECKING:
    from tests.rooms.conftest import Time  # which uses this file

LINKS = {"success_url": "https://app.aerostack.dev/done", "cancel_url": "https://app.aerostack.dev/back"}


@dataclass
class Heard:
    """What operators would be told to look at."""

    findings: list[tuple[str, Finding, str]] = field(default_factory=list)

    def plan_needs_review(self, account_id: str, finding: Finding, name: str) -> None:
        self.findings.append((account_id, finding, name))


def listening(parts: Runtime) -> Heard:
    """Hear what these rooms report of plans."""
    heard = Heard()
    parts.accounts.mending._listener = parts.accounts.sync._listener = heard
    return heard


def open_page(parts: Runtime, account: str, tier: Tier, interval: Interval = "monthly", key: str | None = None) -> str:
    request = CheckoutRequest(tier=tier, billing_interval=interval, idempotency_key=key, **LINKS)
    return parts.accounts.checkout.open(account, request).url


def verify(parts: Runtime, account: str, session_id: str) -> PlanState:
    """Come back from the page; the plan that is stored then."""
    parts.wallet.checkout_return.verify(account, session_id)
    return parts.accounts.store.get(account).plan


def buy(parts: Runtime, world: StripeWorld, account: str, tier: Tier, interval: Interval = "monthly") -> PlanState:
    session = world.pay(open_page(parts, account, tier, interval))
    return verify(parts, account, session)


def deliver(parts: Runtime, event: dict[str, Any]) -> Outcome:
    return parts.webhooks.service.process(Event.model_validate(event))


def deliver_until_taken(parts: Runtime, event: dict[str, Any]) -> Outcome:
    """Deliver as Stripe does: again, when the answer was that it could not be processed now."""
    for _ in range(20):
        with contextlib.suppress(RequestInProgress):
            return deliver(parts, event)
    pytest.fail("the event was never taken")


def pass_days(world: StripeWorld, time_stands: Time, days: float) -> None:
    """Let the days pass in Stripe, each thing at its time."""
    end = time_stands.at + days * 86_400
    while (due := world.stripe.next_due()) is not None and due <= end:
        time_stands.at = max(due, time_stands.at)
        world.stripe.run_due()
    time_stands.at = end
    world.stripe.run_due()


def subscribe(parts: Runtime, world: StripeWorld, account: str, **price: str) -> dict[str, Any]:
    """Make a subscription at a price of its own for the account's customer, as sales would."""
    customer = parts.accounts.customers.ensure(parts.accounts.store.get(account))
    product = world.create("products", name="Agreed")["id"]
    made = world.create("prices", **{"currency": "usd", **price}, unit_amount="99900", product=product)
    number = {"card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2040"}
    card = world.create("payment_methods", type="card", **number)["id"]
    world.create(f"payment_methods/{card}/attach", customer=customer)
    items = {"items[0][price]": made["id"]}
    return world.create("subscriptions", customer=customer, default_payment_method=card, **items)


def set_plan(
    parts: Runtime, account: str, tier: Tier, begins: float, days: float = 30, interval: Interval = "monthly"
) -> None:
    """Write a plan with a paid period, as `make_true` does."""
    before = parts.accounts.store.get(account)
    plan = PlanState(
        tier=tier,
        interval=interval,
        subscription_id="sub_1",
        period_start=int(begins),
        period_end=int(begins + days * 86_400),
    )
    if tier == "free":
        plan = PlanState()
    moves = parts.usage.ceilings.of_plan(account, before.plan, plan)
    parts.accounts.store.write_plan(before, plan, moves, None)
