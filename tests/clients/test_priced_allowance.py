"""An allowance whose charges are priced by usage and by tools: exact, as the service prices them, whatever changes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import SimpleNamespace

import openai
import pytest

from aerostack_billing.prices.book import rate_of, with_markup
from aerostack_billing.prices.models import DatedPrice, Tokens
from aerostack_billing_client import (
    Allowance,
    AllowanceTerms,
    PriceChanged,
    ServiceClient,
    TokenUsage,
    ToolNotFound,
    UnknownModel,
)
from aerostack_billing_client.testing import FakeBilling
from aerostack_billing_client.token_prices import micros_of
from aerostack_billing_client.wrap.mcp_tools import paid
from aerostack_billing_client.wrap.model_clients import billed
from tests.clients.moment import Moment
from tests.clients.people import Clients, awaited, spent
from tests.clients.providers import CHAT, CHUNKS, Provider

HOUR = 3_600.0
ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": 1_000_000}
OPENAI_CENTS = Decimal(9)
"""What the provider's answer costs: 200,000 tokens of input and 100,000 of output."""
SMALL = TokenUsage("gpt-4o-mini", 10_000, 1_000)
SMALL_CENTS = Decimal("0.21")


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
def fake(clock: Moment) -> FakeBilling:
    fake = FakeBilling(clock=clock)
    fake.deposit("acct", 1_000)
    fake.price("gpt-4o-mini", "0.15", "0.60", aliases=[str(CHAT["model"])])
    fake.tool("tool", "acct_maker", 5)
    return fake


@pytest.fixture
def service(fake: FakeBilling) -> Iterator[ServiceClient]:
    with fake.service() as service:
        yield service


def allowed(service: ServiceClient, clock: Moment, cents: int = 100) -> Allowance:
    """An allowance that captures on its own only when it has to."""
    terms = AllowanceTerms(cents=cents, ttl_seconds=300, settle_seconds=HOUR)
    return Allowance(service, "acct", terms, clock=clock)


def charged(fake: FakeBilling) -> Decimal:
    return Decimal(sum(charge.micros for charge in fake.account("acct").charges.values())) / 10_000


def asked(fake: FakeBilling, path: str) -> int:
    return sum(request.path.endswith(path) for request in fake.requests)


def test_tokens_cost_to_the_micro_what_the_service_takes_for_them() -> None:
    chosen = random.Random(7)
    for _ in range(2_000):
        prices = [f"{chosen.randrange(100)}.{chosen.randrange(10**6):06d}".rstrip("0").rstrip(".") for _ in range(4)]
        caches = [price if chosen.random() < 0.5 else None for price in prices[2:]]
        counts = [chosen.randrange(10 ** chosen.randrange(1, 10)) for _ in range(4)]
        markup = chosen.choice([0, 1, 2_000, 12_345])
        rate = SimpleNamespace(input=prices[0], output=prices[1], cache_read=caches[0], cache_write=caches[1])
        theirs = rate_of(DatedPrice(effective_from="2026-01-01", **vars(rate)))
        expected = with_markup(theirs.of(Tokens("m", *counts)), markup)
        assert micros_of(rate, TokenUsage("m", *counts), markup) == expected


def test_charges_by_usage_and_by_tools_ask_for_each_price_once(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        for _ in range(60):
            allowance.charge(usage=SMALL, labels={"agent": "a"})
            allowance.charge(tool_id="tool", max_price_cents=5)
    assert charged(fake) == 60 * (SMALL_CENTS + 5)
    assert (asked(fake, "/prices"), asked(fake, "/charges")) == (1, 1)
    stats = allowance.stats()
    assert (stats.captured, stats.lost, stats.waiting) == (60 * (SMALL_CENTS + 5), 0, 0)
    assert (fake.account("acct").balance_cents, fake.account("acct").held_cents) == (Decimal("687.4"), 0)


def test_a_charge_has_exactly_one_price(service: ServiceClient, clock: Moment) -> None:
    with allowed(service, clock) as allowance:
        for prices in ({}, {"usage": SMALL, "tool_id": "tool"}):
            with pytest.raises(ValueError, match="exactly one"):
                allowance.charge(**prices)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="exactly one"):
            allowance.charge(1, usage=SMALL)


def test_a_price_that_there_is_not_is_refused_as_the_service_refuses_it_and_nothing_is_taken(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        with pytest.raises(UnknownModel):
            allowance.charge(usage=TokenUsage("nobody", 1, 1))
        with pytest.raises(ToolNotFound):
            allowance.charge(tool_id="nothing")
        with pytest.raises(PriceChanged):
            allowance.charge(tool_id="tool", max_price_cents=4)
        with pytest.raises(ValueError, match="up to that"):
            allowance.charge(usage=TokenUsage("gpt-4o-mini", 10_000_000, 0))
    assert charged(fake) == 0


def test_a_tool_that_becomes_dearer_meanwhile_is_paid_at_its_new_price_and_what_is_in_hand_is_less_by_it(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        allowance.charge(tool_id="tool")
        fake.tool("tool", "acct_maker", 30)
        allowance.settle()
        assert (charged(fake), allowance.stats().captured) == (30, 30)
        for _ in range(3):
            allowance.charge(tool_id="tool")
        assert allowance.stats().handed_out == 120, "the capture told the new price"
        assert asked(fake, "/charges") == 1
        assert fake.account("acct").held_cents <= 100
    assert charged(fake) == 120
    assert (fake.account("acct").balance_cents, fake.account("acct").held_cents) == (880, 0)


def test_a_tool_dearer_than_its_caller_pays_is_lost_alone_and_said(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        allowance.charge(10)
        allowance.charge(tool_id="tool", max_price_cents=5)
        allowance.charge(20)
        fake.tool("tool", "acct_maker", 30)
        allowance.settle()
        stats = allowance.stats()
        assert (stats.captured, stats.lost, stats.waiting) == (30, 5, 0)
        clock.at += 61
        with pytest.raises(PriceChanged):
            allowance.charge(tool_id="tool", max_price_cents=5)
        allowance.charge(100)
        assert fake.account("acct").held_cents <= 100, "what was refused is in hand again"
    assert charged(fake) == 130


def test_a_hold_by_another_version_of_the_book_has_it_asked_for_again(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        allowance.charge(usage=SMALL)
        allowance.settle()
        clock.at += 86_400
        fake.price("gpt-4o-mini", "0.30", "1.20")
        allowance.charge(usage=SMALL)
        allowance.charge(usage=SMALL)
        assert allowance.stats().handed_out == 5 * SMALL_CENTS
    assert charged(fake) == 5 * SMALL_CENTS
    assert asked(fake, "/prices") == 2


def test_work_is_reserved_by_its_estimate_and_charged_what_it_cost_or_nothing(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        with allowance.reserve(60) as work:
            with pytest.raises(ValueError, match="exactly one"):
                work.charge()
            work.charge(usage=SMALL)
            with pytest.raises(RuntimeError, match="already"):
                work.charge(1)
        with allowance.reserve(60):
            pass
        allowance.reserve(90).charge(120)
        allowance.settle()
        assert charged(fake) == 120 + SMALL_CENTS
        allowance.charge(99)
        assert fake.account("acct").held_cents <= 100
    assert charged(fake) == 219 + SMALL_CENTS
    assert (fake.account("acct").balance_cents, fake.account("acct").held_cents) == (Decimal("780.79"), 0)
    assert allowance.stats().lost == 0


def test_who_finds_all_reserved_waits_until_other_work_ends_and_asks_for_little(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance, ThreadPoolExecutor(1) as another:
        work = [allowance.reserve(60), allowance.reserve(40)]
        waiting = another.submit(allowance.reserve, 50)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        requests = len(fake.requests)
        work[0].release()
        waiting.result(timeout=60).release()
        work[1].release()
    assert requests <= 4


def test_beside_what_is_reserved_a_charge_holds_what_it_needs_where_the_balance_is_low(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    fake.deposit("poor", 50)
    with Allowance(service, "poor", AllowanceTerms(cents=100, ttl_seconds=300), clock=clock) as allowance:
        work = allowance.reserve(40)
        allowance.charge(10)
        work.charge(40)
    assert (fake.account("poor").balance_cents, allowance.stats().lost) == (0, 0)


def test_work_that_is_charged_after_the_close_is_said_to_be_lost(service: ServiceClient, clock: Moment) -> None:
    with allowed(service, clock) as allowance:
        work = allowance.reserve(10)
    work.charge(10)
    assert allowance.stats().lost == 10


def test_a_billed_client_and_a_paid_tool_take_from_an_allowance_without_requests_of_their_own(
    fake: FakeBilling, service: ServiceClient, clock: Moment
) -> None:
    with allowed(service, clock) as allowance:
        client = billed(Provider(CHAT).openai(), service, allowance=allowance, labels={"agent": "a"})
        streamed = billed(Provider(CHUNKS).openai(), service, allowance=lambda: allowance)
        failing = billed(Provider(500).openai(), service, allowance=allowance)
        tool = paid(service, tool_id="tool", allowance=allowance)(lambda: "done")
        client.chat.completions.create(**ASK)
        tool()
        before = len(fake.requests)
        client.chat.completions.create(**{**ASK, "max_completion_tokens": 100})
        tool()
        with pytest.raises(openai.InternalServerError):
            failing.chat.completions.create(**{**ASK, "max_completion_tokens": 100})
        list(streamed.chat.completions.create(stream=True, **{**ASK, "max_completion_tokens": 100}))
        assert len(fake.requests) - before <= 2, "the hold grows, and no call asks by itself"
    assert charged(fake) == 3 * OPENAI_CENTS + 10
    assert fake.account("acct").held_cents == 0


def test_whose_calls_are_is_said_by_the_allowance_or_not_otherwise(service: ServiceClient, clock: Moment) -> None:
    with allowed(service, clock) as allowance:
        with pytest.raises(ValueError, match="acct_other"):
            billed(Provider(CHAT).openai(), service, allowance=allowance, account="acct_other").chat.completions.create(
                **ASK
            )
        with pytest.raises(TypeError, match="said once"):
            paid(service, 1, allowance=allowance, account="acct")
        with pytest.raises(TypeError, match="whose"):
            billed(Provider(CHAT).openai(), service).chat.completions.create(**ASK)


def test_on_the_service_awaited_it_ends_with_exactly_what_usage_costs(clients: Clients) -> None:
    async def work() -> None:
        async with awaited(clients) as service, service.allowance(clients.id, 100, settle_seconds=0.2) as allowance:
            client = billed(Provider(CHAT).async_openai(), service, allowance=allowance)
            await client.chat.completions.create(**ASK)
            for _ in range(20):
                await allowance.charge(usage=SMALL)
            tool = paid(service, 2, allowance=allowance)(_later)
            assert await tool() == "done"
            stats = allowance.stats()
            assert (stats.handed_out, stats.lost) == (OPENAI_CENTS + 20 * SMALL_CENTS + 2, 0)

    clients.pay_in(500)
    asyncio.run(work())
    assert spent(clients) == OPENAI_CENTS + 20 * SMALL_CENTS + 2
    assert clients.user.balance().held_cents == 0


async def _later() -> str:
    return "done"
