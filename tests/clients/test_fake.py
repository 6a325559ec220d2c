"""The fake that users test with answers as the service does, and fails when it is told to."""

# ruff: noqa: ANN401 - answers of any kind

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from aerostack_billing_client import (
    ApiError,
    Captured,
    CaptureItem,
    ChargeRequest,
    InsufficientBalance,
    PlanLimitExceeded,
    PriceChanged,
    Retries,
    ServiceClient,
    TokenUsage,
    ToolNotFound,
    Unanswered,
    UsageEvent,
    UserClient,
)
from aerostack_billing_client.testing import FakeBilling, NotServed
from tests.clients.people import Clients

MASKED = {"created_at", "expires_at", "charge_id", "refund_id", "hold_id", "lease_id", "request_id"}


def found(ask: Callable[[], Any]) -> Any:
    """What a call answers or refuses, without what differs each time."""
    try:
        answer = ask()
    except ApiError as error:
        return type(error).__name__, error.status, error.code
    if isinstance(answer, tuple):
        return [(result.consumed and result.consumed.used, result.error and result.error.code) for result in answer]
    shown = {name: getattr(answer, name) for name in type(answer).__dataclass_fields__ if name not in MASKED}
    if "price_version" in shown:
        shown["price_version"] = shown["price_version"] is not None
    return shown


def amounts(ask: Callable[[], Captured]) -> Any:
    """What a capture of items answers or refuses, without what differs each time."""
    try:
        answer = ask()
    except ApiError as error:
        return type(error).__name__, error.status, error.code
    taken = [item.amount_cents for item in answer.items or ()]
    return taken, answer.captured_cents, answer.remaining_cents, answer.balance_micros, answer.held_cents


def scenario(billing: ServiceClient, me: str) -> list[Any]:
    """Calls of every kind, good and bad; what each met."""
    events = [UsageEvent(me, "api_requests", 10, "e1"), UsageEvent(me, "storage_bytes", -5, "e2")]
    seen = [
        found(lambda: billing.consume(me, "api_requests", 3, idempotency_key="c")),
        found(lambda: billing.consume(me, "api_requests", 3, idempotency_key="c")),
        found(lambda: billing.consume(me, "api_requests", 4, idempotency_key="c")),
        found(lambda: billing.consume(me, "storage_bytes", -1)),
        found(lambda: billing.consume_batch(events)),
        found(lambda: billing.claim_resource(me, "projects", "p")),
        found(lambda: billing.claim_resource(me, "projects", "p")),
        found(lambda: billing.free_resource(me, "projects", "p")),
        found(lambda: billing.free_resource(me, "projects", "p")),
        found(lambda: billing.settle(me, "lease.unknown", 1)),
    ]
    lease = billing.lease(me, "api_requests", 100, ttl_seconds=60)
    seen += [found(lambda: billing.settle(me, lease.lease_id, 30)) for _ in range(2)]
    charge = billing.charge(me, "bot_conversation", Decimal("12.3456"), idempotency_key="ch")
    seen += [
        found(lambda: billing.charge(me, "bot_conversation", Decimal("12.3456"), idempotency_key="ch")),
        found(lambda: billing.charge(me, "bot_conversation", 13, idempotency_key="ch")),
        found(lambda: billing.charge(me, "bot_conversation", 999)),
        found(lambda: billing.charge(me, "agent_execution", 5, billing_mode="byok")),
        found(lambda: billing.refund_charge(me, charge.charge_id, idempotency_key="r")),
        found(lambda: billing.refund_charge(me, charge.charge_id, idempotency_key="r")),
        found(lambda: billing.refund_charge(me, charge.charge_id, idempotency_key="other")),
        found(lambda: billing.refund_charge(me, "ch_unknown")),
    ]
    again, short = (
        ChargeRequest(me, "bot_conversation", each, idempotency_key="ch") for each in (Decimal("12.3456"), 1)
    )
    charges = [again, short, ChargeRequest(me, "agent_execution", 999), ChargeRequest(me, "agent_execution", 3)]
    seen.append(
        [(r.charged and r.charged.balance_micros, r.error and r.error.code) for r in billing.charge_batch(charges)]
    )
    hold = billing.take_hold(me, "agent_execution", 100, idempotency_key="h")
    seen += [
        found(lambda: billing.take_hold(me, "agent_execution", 100, idempotency_key="h")),
        found(lambda: billing.capture_hold(me, hold.hold_id, 40, idempotency_key="h")),
        found(lambda: billing.capture_hold(me, hold.hold_id, 40, idempotency_key="h")),
        found(lambda: billing.capture_hold(me, hold.hold_id, 40, idempotency_key="other")),
        found(lambda: billing.release_hold(me, hold.hold_id)),
        found(lambda: billing.release_hold(me, "hold_" + 40 * "0")),
    ]
    hold = billing.take_hold(me, "agent_execution", 50, labels={"agent": "a"})
    pieces = [CaptureItem(10), CaptureItem(Decimal("1.5"), labels={"run": "r"}, reference="r")]
    seen += [
        found(lambda: billing.extend_hold(me, hold.hold_id, ttl_seconds=1_000, add_cents=10, idempotency_key="ext")),
        found(lambda: billing.extend_hold(me, hold.hold_id, ttl_seconds=1_000, add_cents=10, idempotency_key="ext")),
        found(lambda: billing.extend_hold(me, hold.hold_id, ttl_seconds=1_000, add_cents=10_000)),
        amounts(lambda: billing.capture_items(me, hold.hold_id, pieces, final=False, idempotency_key="d")),
        amounts(lambda: billing.capture_items(me, hold.hold_id, pieces, final=False, idempotency_key="d")),
        amounts(lambda: billing.capture_items(me, hold.hold_id, [CaptureItem(9_000)], final=False)),
        amounts(lambda: billing.capture_items(me, hold.hold_id, pieces)),
        amounts(lambda: billing.capture_items(me, hold.hold_id, pieces)),
        found(lambda: billing.extend_hold(me, hold.hold_id, ttl_seconds=1_000)),
    ]
    for price in (1_000, 60):
        hold = billing.take_hold(me, "agent_execution", 50)
        seen.append(found(lambda price=price, hold=hold: billing.capture_hold(me, hold.hold_id, price)))
        seen.append(found(lambda hold=hold: billing.release_hold(me, hold.hold_id, idempotency_key="rel")))
    hold = billing.take_hold(me, "agent_execution", 50)
    seen.append(found(lambda: billing.capture_hold(me, hold.hold_id, 1_000, allow_partial=True)))
    return seen


def ids(billing: ServiceClient, me: str) -> list[str]:
    """What the same keys are answered with, for what is made under them."""
    charge = billing.charge(me, "agent_execution", 1, idempotency_key="i1")
    made = [charge.charge_id, billing.refund_charge(me, charge.charge_id).refund_id]
    hold = billing.take_hold(me, "agent_execution", 5, idempotency_key="i1")
    made += [hold.hold_id, billing.capture_hold(me, hold.hold_id, 1, idempotency_key="i2").charge_id]
    hold = billing.take_hold(me, "agent_execution", 5, idempotency_key="i3")
    pieces = [CaptureItem(1), CaptureItem(2)]
    drawn = billing.capture_items(me, hold.hold_id, pieces, final=False, idempotency_key="i3")
    return [*made, drawn.charge_id, *(item.charge_id for item in drawn.items or ())]


def test_the_fake_names_what_it_makes_as_the_service_does(clients: Clients) -> None:
    clients.pay_in(500)
    fake = FakeBilling()
    fake.deposit(clients.id, 500)
    with fake.service() as service:
        made = ids(service, clients.id)
    assert made == ids(clients.service, clients.id)
    assert len(set(made)) == len(made) - 1, "the first item's line is the capture's own"


def tokens(output: int, model: str = "gpt-4o-mini") -> TokenUsage:
    """Tokens of which a million of output cost 60 cents."""
    return TokenUsage(model, 1_001, output, 17, 3)


def priced(billing: ServiceClient, user: UserClient, me: str) -> list[Any]:
    """Calls by usage and under budgets, good and bad; what each met."""
    mine = {"agent": "a", "key": "k"}
    seen = [
        found(lambda: user.budget("agent", "a")),
        found(lambda: user.delete_budget("agent", "a")),
        found(lambda: user.set_budget("agent", "a", 60, "day", per_charge_max_cents=50, alert_percent=[50])),
        found(lambda: user.set_budget("key", "*", 150, "total", include_byok=True)),
    ]
    for output in (250_000, 250_000, 700_000, 1_000_000):
        seen += [
            found(lambda output=output: billing.quote(me, "agent_execution", usage=tokens(output), labels=mine)),
            found(lambda output=output: billing.charge(me, "agent_execution", usage=tokens(output), labels=mine)),
            found(lambda: user.budget("agent", "a")),
        ]
    seen += [
        found(lambda: billing.charge(me, "agent_execution", usage=tokens(1, "gpt-none"))),
        found(lambda: billing.quote(me, "agent_execution", 1, billing_mode="byok")),
        found(lambda: billing.charge(me, "agent_execution", usage=tokens(9), billing_mode="plan_quota")),
        found(lambda: billing.charge(me, "agent_execution", usage=tokens(500_000), billing_mode="byok", labels=mine)),
        found(lambda: user.budget("key", "k")),
        found(lambda: billing.charge(me, "agent_execution", 39, labels={"key": "k"})),
    ]
    charge = billing.charge(me, "agent_execution", usage=tokens(40_000), labels=mine)
    seen += [
        found(lambda: billing.refund_charge(me, charge.charge_id)),
        found(lambda: user.budget("agent", "a")),
    ]
    for captured, partial in ((10_000, False), (60_000, False), (900_000, True)):
        hold = billing.take_hold(me, "agent_execution", usage=tokens(30_000), labels=mine)
        seen += [
            found(lambda: user.budget("agent", "a")),
            found(
                lambda hold=hold, captured=captured, partial=partial: billing.capture_hold(
                    me, hold.hold_id, usage=tokens(captured), allow_partial=partial
                )
            ),
            found(lambda hold=hold: billing.release_hold(me, hold.hold_id, idempotency_key="end")),
        ]
    seen += [found(lambda budget=budget: budget) for budget in user.budgets_page().budgets]
    return [*seen, found(lambda: user.delete_budget("agent", "a")), found(lambda: user.budget("agent", "a"))]


def test_the_fake_prices_and_budgets_as_the_service_does(clients: Clients) -> None:
    clients.pay_in(500)
    fake = FakeBilling(clock=clients.account.api.now)
    fake.deposit(clients.id, 500)
    listed = next(model for model in clients.user.prices().models if model.model == "gpt-4o-mini")
    fake.price("gpt-4o-mini", listed.input, listed.output, cache_read=listed.cache_read, cache_write=listed.cache_write)
    fake.markup(clients.user.prices().markup_bps)
    with fake.service() as faked, fake.user(clients.id) as user:
        imagined = priced(faked, user, clients.id)
        assert user.prices().models[0].input == listed.input
    real = priced(clients.service, clients.user, clients.id)
    for number, (ours, theirs) in enumerate(zip(imagined, real, strict=True)):
        for answer in (ours, theirs):
            if isinstance(answer, dict) and answer.get("refusal"):
                answer["refusal"] = answer["refusal"].code
        assert (number, ours) == (number, theirs)


def test_a_tool_of_the_fake_costs_what_its_creator_says() -> None:
    fake = FakeBilling()
    fake.deposit("acct", 10)
    fake.tool("search", "acct_maker", Decimal("2.5"))
    with fake.service() as billing:
        assert billing.charge("acct", "tool_call", tool_id="search").amount_cents == Decimal("2.5")
        fake.tool("search", "acct_maker", 4)
        with pytest.raises(PriceChanged) as changed:
            billing.charge("acct", "tool_call", tool_id="search", max_price_cents=3)
        assert changed.value.price_cents == 4
        with pytest.raises(ToolNotFound):
            billing.charge("acct", "tool_call", tool_id="none")
    assert fake.account("acct").balance_cents == Decimal("7.5")


def test_the_fake_answers_as_the_service_does(clients: Clients) -> None:
    clients.pay_in(500)
    # By the stack's clock, which another test may have moved into the next month.
    fake = FakeBilling(clock=clients.account.api.stack.clock.unix)
    fake.deposit(clients.id, 500)
    with fake.service() as faked:
        imagined = scenario(faked, clients.id)
    real = scenario(clients.service, clients.id)
    for ours, theirs in zip(imagined, real, strict=True):
        if isinstance(theirs, dict):
            for limited in ("limit", "hard_limit", "remaining"):
                ours.pop(limited, None), theirs.pop(limited, None)
        assert ours == theirs


def test_a_limit_holds_in_the_fake() -> None:
    fake = FakeBilling()
    fake.limit("acct", "api_requests", 2)
    fake.limit("acct", "projects", 1)
    with fake.service() as billing:
        billing.consume("acct", "api_requests", 2)
        with pytest.raises(PlanLimitExceeded) as refused:
            billing.consume("acct", "api_requests")
        assert (refused.value.used, refused.value.remaining) == (2, 0)
        billing.claim_resource("acct", "projects", "one")
        with pytest.raises(PlanLimitExceeded):
            billing.claim_resource("acct", "projects", "two")
    assert fake.account("acct").counters["api_requests"].used == 2


def test_a_meter_works_on_the_fake() -> None:
    fake = FakeBilling()
    fake.limit("acct", "api_requests", 25)
    with fake.service() as billing, billing.meter() as meter:
        for _ in range(25):
            meter.consume("acct", "api_requests")
        with pytest.raises(PlanLimitExceeded):
            meter.consume("acct", "api_requests")
    assert fake.account("acct").counters["api_requests"].used == 25


def test_a_hold_of_the_fake_lapses_by_its_clock() -> None:
    now = [1_772_452_800.0]
    fake = FakeBilling(clock=lambda: now[0])
    fake.deposit("acct", 100)
    with fake.service() as billing:
        billing.take_hold("acct", "agent_execution", 100, ttl_seconds=60)
        with pytest.raises(InsufficientBalance):
            billing.charge("acct", "agent_execution", 1)
        now[0] += 61
        billing.charge("acct", "agent_execution", 1)
    assert (fake.account("acct").balance_cents, fake.account("acct").held_cents) == (99, 0)


def test_what_the_fake_is_told_to_spoil_is_repeated_under_the_same_key() -> None:
    fake = FakeBilling()
    fake.deposit("acct", 100)
    fake.fail(503)
    fake.fail(None)
    with fake.service() as billing:
        assert billing.charge("acct", "agent_execution", 10).replayed
        assert fake.account("acct").balance_cents == 90
        assert len({made.idempotency_key for made in fake.requests}) == 1
        fake.fail(None)
        once = fake.service(retries=Retries(most_tries=1))
        with pytest.raises(Unanswered) as lost:
            once.charge("acct", "agent_execution", 10)
        assert lost.value.outcome_unknown
    assert fake.account("acct").balance_cents == 80


def test_the_fake_serves_the_async_client() -> None:
    fake = FakeBilling()
    fake.deposit("acct", 100)

    async def work() -> None:
        async with fake.async_service() as billing:
            async with billing.hold("acct", "agent_execution", 50) as hold:
                await hold.capture(20)
            with pytest.raises(InsufficientBalance):
                await billing.charge("acct", "agent_execution", 90)

    asyncio.run(work())
    assert fake.account("acct").balance_cents == 80


def seen_by(user: UserClient) -> Any:
    """What a user sees after the scenario, without what differs each time."""
    wallet, usage = user.balance(), user.usage()
    fields = ("balance_cents", "balance_micros", "held_cents", "lifetime_deposited_cents", "lifetime_spent_cents")
    used = {name: metric.used for name, metric in usage.usage.items() if metric.used}
    lines = [(line.type, line.kind, line.amount_cents, line.balance_after_cents) for line in user.transactions()]
    return [
        user.account().plan_tier,
        [getattr(wallet, name) for name in fields],
        wallet.monthly_spent_cents,
        used,
        {kind: count.used for kind, count in usage.resource_counts.items() if count.used},
        [item.id for kind in user.resources().resources.values() for item in kind.items],
        lines,
    ]


def test_a_user_sees_of_the_fake_what_the_service_shows(clients: Clients) -> None:
    clients.pay_in(500)
    fake = FakeBilling()
    fake.deposit("acct", 500)
    for billing, me in (
        (clients.service, clients.id),
        (fake.service(), "acct"),
    ):
        billing.take_hold(me, "agent_execution", 7)
        billing.claim_resource(me, "projects", "kept")
        scenario(billing, me)
    assert seen_by(fake.user("acct")) == seen_by(clients.user)


def test_the_fake_names_a_plan_and_pages_its_statement() -> None:
    fake = FakeBilling()
    fake.plan("acct", "pro")
    for _ in range(30):
        fake.deposit("acct", 5)
    user = fake.user("acct")
    assert user.account().plan_tier == user.usage().tier == "pro"
    assert len(list(user.transactions())) == 30
    assert user.transactions_page("charge").transactions == ()


def test_the_fake_says_what_it_does_not_serve() -> None:
    with pytest.raises(NotServed, match="use the local stack"), FakeBilling().service() as billing:
        billing.plans()


def test_a_request_of_the_fake_can_be_looked_at() -> None:
    fake = FakeBilling()
    with fake.service() as billing:
        billing.consume("acct", "api_requests", idempotency_key="mine")
    (made,) = fake.requests
    assert (made.method, made.path, made.idempotency_key) == ("POST", "/api/billing/usage/consume", "mine")
    assert json.dumps(dict(made.body))
