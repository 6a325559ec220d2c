"""The first plan of an account may begin with a trial: once, with Free's quotas until something is paid."""

from __future__ import annotations

from typing import Any

import pytest

from aerostack_billing.accounts.models import PreviewRequest, Trial
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.gateway import PageTerms, Payments
from aerostack_billing.platform.config import Settings
from aerostack_billing.usage.models import PlaceName
from aerostack_billing.values.errors import PlanLimitExceeded
from tests.rooms.conftest import Time
from tests.rooms.worlds.plans import buy, deliver, open_page, pass_days, verify
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.usage import consume

DAYS = 14
DAY = 86_400
KEPT_AND_DECLINED = "4000000000000341"
FREE_S = 55_000
"""What Free allows of API requests in a month, with its grace."""
STARTER_S = 575_000


@pytest.fixture
def tried(parts: Runtime, world: StripeWorld) -> Runtime:
    """The rooms of a stage whose plans begin with a trial."""
    parts.settings = Settings({**parts.settings.environment, "TRIAL_DAYS": str(DAYS)})
    parts.payments.gateway = Payments(parts.payments.gateway._connect, None, None, PageTerms(trial_days=DAYS))
    return parts


def session(world: StripeWorld, url: str) -> dict[str, Any]:
    return world.api(f"checkout/sessions/{url.rpartition('/')[2]}")


def paid(world: StripeWorld) -> int:
    return sum(charge["amount_captured"] for charge in world.api("charges?limit=100")["data"])


def hear(parts: Runtime, world: StripeWorld) -> None:
    """Deliver every event that there is, again too."""
    for event in world.events():
        deliver(parts, event)


def uses(parts: Runtime, account: str, most: int) -> None:
    """The account uses exactly so much of a month, of which nothing was used."""
    consume(parts, account, most)
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account, 1)


def subscription(parts: Runtime, account: str) -> str:
    found = parts.accounts.store.get(account).plan.subscription_id
    assert found is not None
    return found


def test_no_page_has_a_trial_unless_the_stage_says_so(parts: Runtime, world: StripeWorld, account: str) -> None:
    plan = buy(parts, world, account, "pro")
    assert (plan.status, plan.trial, plan.trial_ends_at, plan.unpaid_trial) == ("active", None, None, False)
    assert plan.quotas_tier == plan.limits_tier == "pro"
    assert paid(world) == 4_900


@pytest.mark.parametrize(("said", "days"), [({}, 0), ({"TRIAL_DAYS": "0"}, 0), ({"TRIAL_DAYS": "90"}, 90)])
def test_the_stage_says_how_many_days(said: dict[str, str], days: int) -> None:
    assert Runtime(Settings(said)).payments.terms == PageTerms(trial_days=days)


def test_a_first_plan_is_free_for_the_days_and_then_paid(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    began = int(time_stands.at)
    plan = buy(tried, world, account, "starter")
    assert (plan.tier, plan.status, plan.trial_ends_at) == ("starter", "trialing", began + DAYS * DAY)
    assert tried.accounts.store.get(account).view()["trial_ends_at"] == "2026-03-24T12:00:00Z"
    assert paid(world) == 0
    pass_days(world, time_stands, DAYS)
    plan = tried.accounts.sync.make_true(account).account.plan
    assert (plan.status, plan.trial_ends_at, plan.unpaid_trial) == ("active", None, False)
    assert (plan.period_start, paid(world)) == (began + DAYS * DAY, 1_900)
    assert plan.trial == Trial(plan.subscription_id or "", paid=True)


def test_a_trial_has_the_plan_s_places_and_storage_and_free_s_months(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(tried, world, account, "starter")
    uses(tried, account, FREE_S)
    consume(tried, account, 7 * 10**9, "storage_bytes")
    for number in range(3):
        tried.usage.resources.claim(account, PlaceName(kind="team_members", id=f"m{number}"))
    assert not tried.audit.service.run(account).violations
    pass_days(world, time_stands, DAYS)
    tried.accounts.sync.make_true(account)
    consume(tried, account, STARTER_S - FREE_S)
    with pytest.raises(PlanLimitExceeded):
        consume(tried, account, 1)
    assert not tried.audit.service.run(account).violations


def test_a_trial_s_end_that_is_not_paid_yet_gives_no_quota(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    # Stripe says `active` when the trial is over, and charges an hour later.
    buy(tried, world, account, "starter")
    name = subscription(tried, account)
    pass_days(world, time_stands, DAYS)
    invoice = world.api(f"subscriptions/{name}")["latest_invoice"]
    with world.stripe.world.store.changing():
        world.stripe.world.all("invoice")[invoice]["status"] = "draft"
    plan = tried.accounts.sync.make_true(account).account.plan
    assert (plan.status, plan.limits_tier, plan.quotas_tier) == ("active", "starter", "free")
    uses(tried, account, FREE_S)
    with world.stripe.world.store.changing():
        world.stripe.world.all("invoice")[invoice]["status"] = "paid"
    assert tried.accounts.sync.make_true(account).account.plan.quotas_tier == "starter"
    consume(tried, account, STARTER_S - FREE_S)


def test_the_plan_is_not_paid_by_the_first_invoice_of_nothing(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(tried, world, account, "starter")
    name = subscription(tried, account)
    first = world.api(f"subscriptions/{name}")["latest_invoice"]
    pass_days(world, time_stands, DAYS)
    with world.stripe.world.store.changing():
        world.stripe.world.all("subscription")[name]["latest_invoice"] = first
    assert tried.accounts.sync.make_true(account).account.plan.quotas_tier == "free"


def test_a_card_that_is_declined_at_the_end_leaves_free_s_quotas_and_then_free(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    verify(tried, account, world.pay(open_page(tried, account, "starter"), card=KEPT_AND_DECLINED))
    pass_days(world, time_stands, DAYS)
    plan = tried.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.status, plan.limits_tier, plan.quotas_tier) == ("starter", "past_due", "starter", "free")
    uses(tried, account, FREE_S)
    time_stands.forward(8 * DAY)
    plan = tried.accounts.sync.make_true(account).account.plan
    assert (plan.status, plan.limits_tier, plan.lapsed) == ("past_due", "free", True)


def test_a_trial_that_is_cancelled_lasts_to_its_end_and_is_not_had_again(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(tried, world, account, "starter")
    tried.accounts.subscriptions.cancel(account)
    plan = tried.accounts.store.get(account).plan
    assert (plan.tier, plan.cancel_at_period_end, plan.cancel_at) == ("starter", True, plan.trial_ends_at)
    pass_days(world, time_stands, DAYS)
    plan = tried.accounts.sync.make_true(account).account.plan
    assert (plan.tier, paid(world)) == ("free", 0)
    assert session(world, open_page(tried, account, "pro", "yearly"))["amount_total"] == 44_100
    assert buy(tried, world, account, "starter").status == "active"
    assert paid(world) == 1_900


def test_a_second_page_has_no_trial_also_with_another_customer(
    tried: Runtime, world: StripeWorld, account: str
) -> None:
    buy(tried, world, account, "starter")
    world.delete(f"customers/{tried.accounts.store.get(account).customer_id}")
    tried.accounts.sync.make_true(account)
    assert tried.accounts.store.get(account).plan.tier == "free"
    # The first page leads to a customer that has had nothing.
    open_page(tried, account, "pro")
    assert session(world, open_page(tried, account, "pro"))["amount_total"] == 4_900


def test_who_had_a_plan_before_there_were_trials_has_none(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(parts, world, account, "starter")
    parts.accounts.subscriptions.cancel(account)
    pass_days(world, time_stands, 31)
    parts.payments.gateway._terms = PageTerms(trial_days=DAYS)
    assert session(world, open_page(parts, account, "pro"))["amount_total"] == 4_900


def test_an_attempt_that_never_began_takes_no_trial_away(tried: Runtime, world: StripeWorld, account: str) -> None:
    page = open_page(tried, account, "pro")
    assert world.submit(page, card="4000000000000002")[0] == 402
    assert session(world, open_page(tried, account, "pro"))["amount_total"] == 0


def test_two_pages_that_are_both_used_make_one_trial(tried: Runtime, world: StripeWorld, account: str) -> None:
    pages = [open_page(tried, account, tier) for tier in ("starter", "pro")]
    for page in pages:
        world.pay(page)
    hear(tried, world)
    found = world.api("subscriptions?status=all")["data"]
    assert sorted(each["status"] for each in found) == ["canceled", "trialing"]
    plan = tried.accounts.store.get(account).plan
    assert (plan.tier, plan.trial) == ("starter", Trial(subscription(tried, account)))
    assert tried.accounts.store.get(account).upkeep.undoing == {}


def test_a_page_that_was_opened_before_the_trial_gives_none_after_it(
    tried: Runtime, world: StripeWorld, account: str
) -> None:
    first, second = (open_page(tried, account, tier) for tier in ("starter", "pro"))
    verify(tried, account, world.pay(first))
    world.delete(f"subscriptions/{subscription(tried, account)}")
    verify(tried, account, world.pay(second))
    assert tried.accounts.store.get(account).plan.tier == "free"
    assert [each["status"] for each in world.api("subscriptions?status=all")["data"]] == ["canceled", "canceled"]


def test_a_trial_that_was_over_before_it_was_known_counts_too(tried: Runtime, world: StripeWorld, account: str) -> None:
    first, second = (open_page(tried, account, tier) for tier in ("starter", "pro"))
    world.pay(first)
    (made,) = world.api("subscriptions?status=all")["data"]
    world.delete(f"subscriptions/{made['id']}")
    world.pay(second)
    plan = tried.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.trial) == ("free", Trial(made["id"]))


def test_a_dearer_plan_ends_the_trial_and_is_paid_at_once(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(tried, world, account, "starter")
    consume(tried, account, FREE_S)
    time_stands.forward(3 * DAY)
    request = PreviewRequest(tier="pro", billing_interval="monthly")
    shown = tried.accounts.preview.show(account, request)
    assert (shown["effective"], shown["due_now_cents"], shown["credit_cents"], shown["trial_days"]) == (
        "now",
        4_900,
        0,
        0,
    )
    page = open_page(tried, account, "pro")
    assert world.submit(page, action="confirm")[0] == 303
    plan = tried.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.status, plan.unpaid_trial) == ("pro", "active", False)
    assert (plan.period_start, paid(world)) == (int(time_stands.at), 4_900)
    # The trial's use is this month's; nothing else of it counts in the plan.
    consume(tried, account, 2_400_000 - FREE_S)
    with pytest.raises(PlanLimitExceeded):
        consume(tried, account, 1)


def test_a_lower_plan_within_a_trial_waits_for_its_end(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(tried, world, account, "pro")
    open_page(tried, account, "starter", "yearly")
    plan = tried.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.status, plan.pending_change and plan.pending_change.effective_at) == (
        "pro",
        "trialing",
        plan.trial_ends_at,
    )
    pass_days(world, time_stands, DAYS)
    plan = tried.accounts.sync.make_true(account).account.plan
    assert (plan.tier, plan.interval, plan.status) == ("starter", "yearly", "active")
    assert (plan.quotas_tier, paid(world)) == ("starter", 17_100)


def test_what_staff_put_on_trial_has_the_plan_s_quotas(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(tried, world, account, "starter")
    pass_days(world, time_stands, DAYS)
    tried.accounts.sync.make_true(account)
    name = subscription(tried, account)
    ends = int(time_stands.at) + 20 * DAY
    world.create(f"subscriptions/{name}", trial_end=str(ends), proration_behavior="none")
    plan = tried.accounts.sync.make_true(account).account.plan
    assert (plan.status, plan.quotas_tier, plan.trial_ends_at) == ("trialing", "starter", ends)


def test_metadata_that_staff_take_away_give_no_quota(tried: Runtime, world: StripeWorld, account: str) -> None:
    buy(tried, world, account, "starter")
    world.create(f"subscriptions/{subscription(tried, account)}", **{"metadata[trial_days]": ""})
    assert tried.accounts.sync.make_true(account).account.plan.quotas_tier == "free"


def test_an_operator_s_tier_has_its_quotas_also_within_a_trial(
    tried: Runtime, world: StripeWorld, account: str
) -> None:
    buy(tried, world, account, "starter")
    plan = tried.accounts.sync.overrule(account, "business").account.plan
    assert (plan.quotas_tier, plan.limits_tier) == ("business", "business")
    assert tried.accounts.sync.overrule(account, None).account.plan.quotas_tier == "free"
    assert not tried.audit.service.run(account).violations


def test_a_preview_says_how_long_the_first_plan_is_free_and_what_it_costs_then(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    request = PreviewRequest(tier="starter", billing_interval="monthly")
    shown = tried.accounts.preview.show(account, request)
    assert (shown["due_now_cents"], shown["lines"], shown["trial_days"]) == (0, [], DAYS)
    assert (shown["next_amount_cents"], shown["next_at"]) == (1_900, "2026-03-24T12:00:00Z")
    buy(tried, world, account, "pro")
    shown = tried.accounts.preview.show(account, request)
    assert (shown["effective"], shown["trial_days"], shown["next_at"]) == ("period_end", 0, "2026-03-24T12:00:00Z")


def test_the_notice_that_a_trial_will_end_is_recorded_and_changes_nothing(
    tried: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    buy(tried, world, account, "starter")
    before = tried.accounts.store.get(account)
    pass_days(world, time_stands, DAYS - 3)
    (event,) = (each for each in world.events() if each["type"] == "customer.subscription.trial_will_end")
    assert deliver(tried, event).result == "ignored"
    assert tried.accounts.store.get(account) == before
