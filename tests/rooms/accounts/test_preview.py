"""What a change would cost is told before it is made: it changes nothing, and then it costs just that."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from aerostack_billing.accounts.models import PreviewRequest
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.usage.models import ConsumeRequest, PlaceName
from aerostack_billing.values.errors import (
    AlreadyOnPlan,
    CancelInstead,
    ContactSales,
    CurrencyConflict,
    InvoiceOpen,
    PlanAgreed,
)
from tests.rooms.conftest import Time
from tests.rooms.worlds.plans import buy, open_page, pass_days, subscribe
from tests.rooms.worlds.stripe import StripeWorld

PLANS: list[tuple[Tier, Interval]] = [
    (tier, interval) for tier in ("starter", "pro", "business") for interval in ("monthly", "yearly")
]


def preview(parts: Runtime, account: str, tier: Tier, interval: Interval = "monthly") -> dict[str, Any]:
    return parts.accounts.preview.show(account, PreviewRequest(tier=tier, billing_interval=interval))


def paid(world: StripeWorld) -> int:
    """What all cards paid so far."""
    return sum(charge["amount_captured"] for charge in world.api("charges?limit=100")["data"])


def test_a_first_purchase_is_previewed_without_making_a_customer(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    shown = preview(parts, account, "pro", "yearly")
    assert (shown["effective"], shown["due_now_cents"], shown["next_amount_cents"]) == ("now", 44_100, 44_100)
    assert [line["amount_cents"] for line in shown["lines"]] == [44_100]
    assert parts.accounts.store.get(account).version == 0
    assert world.api("customers")["data"] == []
    plan = buy(parts, world, account, "pro", "yearly")
    assert paid(world) == shown["due_now_cents"]
    assert plan.period_end is not None
    assert shown["next_at"][:10] == parts.accounts.store.get(account).view()["current_period_end"][:10]


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(PLANS, 2)), ids=str)
def test_a_change_costs_what_its_preview_said_when_it_said(
    parts: Runtime,
    world: StripeWorld,
    account: str,
    time_stands: Time,
    before: tuple[Tier, Interval],
    after: tuple[Tier, Interval],
) -> None:
    buy(parts, world, account, *before)
    time_stands.forward(10 * 86_400)
    stood, so_far, events = parts.accounts.store.get(account), paid(world), len(world.events())
    shown = preview(parts, account, *after)
    assert (parts.accounts.store.get(account), len(world.events())) == (stood, events)
    world.submit(open_page(parts, account, *after), action="confirm")
    plan = parts.accounts.sync.make_true(account).account.plan
    changed = (plan.tier, plan.interval) == after
    assert shown["effective"] == ("now" if changed else "period_end")
    assert paid(world) - so_far == shown["due_now_cents"]
    due = sum(line["amount_cents"] for line in shown["lines"])
    assert shown["due_now_cents"] == max(0, due)
    assert shown["credit_cents"] == -sum(min(0, line["amount_cents"]) for line in shown["lines"])
    if changed:
        assert shown["next_at"] == parts.accounts.store.get(account).view()["current_period_end"]
        return
    assert plan.pending_change is not None
    assert (plan.pending_change.tier, plan.pending_change.interval) == after
    assert shown["next_at"] == shown["effective_at"] == plan.pending_change.view()["effective_at"]
    so_far = paid(world)
    assert plan.period_end is not None
    pass_days(world, time_stands, (plan.period_end - time_stands.at) / 86_400 + 0.5)
    assert paid(world) - so_far == shown["next_amount_cents"]


def test_credit_of_an_earlier_change_is_taken_off(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "starter")
    customer = parts.accounts.store.get(account).customer_id
    world.create(f"customers/{customer}", balance="-300")
    shown = preview(parts, account, "pro")
    assert shown["lines"][-1] == {"description": "Balance from earlier invoices", "amount_cents": -300}
    assert (shown["credit_cents"], shown["due_now_cents"]) == (1_900 + 300, 4_900 - 1_900 - 300)


def test_what_is_above_the_lower_plan_s_limits_is_named(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "business")
    for number in range(7):
        parts.usage.resources.claim(account, PlaceName(kind="projects", id=f"p{number}"))
    starter = parts.catalog.plan("starter").quotas["api_requests"]
    assert starter.limit is not None
    for quantity, effect in ((starter.limit + 1, "grace"), (starter.ceiling - starter.limit - 1, "blocked")):
        request = ConsumeRequest(account_id=account, metric="api_requests", quantity=quantity)
        parts.usage.metering.consume(request)
        after = {item["name"]: item for item in preview(parts, account, "starter")["limits_after"]}
        assert (after["api_requests"]["effect"], set(after)) == (effect, {"api_requests", "projects"})
    assert after["projects"] == {
        "name": "projects",
        "effect": "read_only",
        "used": 7,
        "limit": 5,
        "hard_limit": 5,
        "above": 2,
    }
    assert preview(parts, account, "business", "yearly")["limits_after"] == []


def test_what_checkout_refuses_the_preview_refuses(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    with pytest.raises(CancelInstead):
        preview(parts, account, "free")
    with pytest.raises(ContactSales):
        preview(parts, account, "enterprise")
    buy(parts, world, account, "pro")
    with pytest.raises(AlreadyOnPlan):
        preview(parts, account, "pro")
    customer = parts.accounts.store.get(account).customer_id
    method = world.create(
        "payment_methods",
        type="card",
        **{"card[number]": "4000000000000341", "card[exp_month]": "12", "card[exp_year]": "2040"},
    )["id"]
    world.create(f"payment_methods/{method}/attach", customer=str(customer))
    subscription = parts.accounts.store.get(account).plan.subscription_id
    world.create(f"subscriptions/{subscription}", default_payment_method=method)
    pass_days(world, time_stands, 32)
    with pytest.raises(InvoiceOpen) as refused:
        preview(parts, account, "business")
    assert str(refused.value.details["url"]).startswith("http")
    parts.accounts.sync.overrule(account, "enterprise")
    with pytest.raises(PlanAgreed):
        preview(parts, account, "business")


def test_who_is_billed_in_another_currency_is_told_so(parts: Runtime, world: StripeWorld, account: str) -> None:
    subscribe(parts, world, account, currency="eur", **{"recurring[interval]": "month"})
    with pytest.raises(CurrencyConflict):
        preview(parts, account, "pro")


def test_a_customer_that_stripe_has_no_more_is_previewed_as_none_and_stays_recorded(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    buy(parts, world, account, "starter")
    stood = parts.accounts.store.get(account)
    world.delete(f"customers/{stood.customer_id}")
    assert preview(parts, account, "pro")["due_now_cents"] == 4_900
    assert parts.accounts.store.get(account) == stood


def test_a_customer_that_stripe_never_had_is_previewed_as_none(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    parts.accounts.store.set_customer(account, "cus_of_another_mode")
    assert preview(parts, account, "pro")["due_now_cents"] == 4_900
    assert parts.accounts.store.get(account).customer_id == "cus_of_another_mode"


def test_a_dearer_plan_within_a_trial_ends_it_and_costs_its_price_now(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "starter")
    subscription = parts.accounts.store.get(account).plan.subscription_id
    ends = int(time_stands.at) + 20 * 86_400
    world.create(f"subscriptions/{subscription}", trial_end=str(ends), proration_behavior="none")
    before, shown = paid(world), preview(parts, account, "pro")
    assert (shown["effective"], shown["due_now_cents"], shown["next_amount_cents"]) == ("now", 4_900, 4_900)
    assert world.submit(open_page(parts, account, "pro"), action="confirm")[0] == 303
    now = parts.accounts.sync.make_true(account).account
    assert (now.plan.tier, now.plan.status, paid(world) - before) == ("pro", "active", 4_900)
    assert shown["next_at"] == now.view()["current_period_end"]
