"""The allowance from coroutines: the same core, which never blocks the event loop."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from aerostack_billing_client import AsyncAllowance, AsyncServiceClient, InsufficientBalance
from aerostack_billing_client.aio.client import AsyncSends
from aerostack_billing_client.calling import Answer, Request
from aerostack_billing_client.testing import FakeBilling
from tests.clients.people import Clients, awaited

HOUR = 3_600.0


@pytest.fixture
def fake() -> FakeBilling:
    fake = FakeBilling()
    fake.deposit("acct", 1_000)
    return fake


def charged(fake: FakeBilling) -> Decimal:
    return Decimal(sum(charge.micros for charge in fake.account("acct").charges.values())) / 10_000


def allowed(service: AsyncServiceClient, cents: int = 100) -> AsyncAllowance:
    """An allowance that captures on its own only when it has to."""
    return service.account("acct", {"agent": "a"}).allowance(cents, settle_seconds=HOUR)


def test_tasks_take_each_charge_once(fake: FakeBilling) -> None:
    async def work() -> AsyncAllowance:
        async with fake.async_service() as service, allowed(service) as allowance:
            await asyncio.gather(*(allowance.charge(Decimal("0.5"), reference=f"run-{n}") for n in range(1_000)))
        return allowance

    allowance = asyncio.run(work())
    account = fake.account("acct")
    assert (account.balance_cents, account.held_cents, len(account.charges)) == (500, 0, 1_000)
    assert len(fake.requests) < 300
    stats = allowance.stats()
    assert (stats.handed_out, stats.captured, stats.lost, stats.waiting) == (500, 500, 0, 0)


def test_a_refusal_reaches_each_task_that_finds_too_little_in_hand(fake: FakeBilling) -> None:
    async def work() -> list[Any]:
        async with fake.async_service() as service, allowed(service, 400) as allowance:
            done = await asyncio.gather(*(allowance.charge(3) for _ in range(400)), return_exceptions=True)
            with pytest.raises(ValueError, match="up to that"):
                await allowance.charge(401)
            return done

    refused = [error for error in asyncio.run(work()) if error is not None]
    assert len(refused) == 67
    assert all(isinstance(error, InsufficientBalance) for error in refused)
    assert charged(fake) == 999
    assert fake.account("acct").balance_cents == 1


class Slow:
    """A transport that answers when it is told to."""

    def __init__(self, inner: AsyncSends) -> None:
        self._inner = inner
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    async def send(self, request: Request) -> Answer:
        self.asked.set()
        await self.may.wait()
        return await self._inner.send(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def test_the_loop_goes_on_while_more_is_asked_for_and_a_task_that_is_cancelled_then_takes_nothing(
    fake: FakeBilling,
) -> None:
    async def work() -> None:
        async with fake.async_service() as service:
            slow = service._transport = Slow(service._transport)
            async with allowed(service) as allowance:
                task = asyncio.create_task(allowance.charge(7))
                await slow.asked.wait()
                assert not task.done()
                task.cancel()
                slow.may.set()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await allowance.charge(5)

    asyncio.run(work())
    assert charged(fake) == 5
    assert fake.account("acct").balance_cents == 995


def test_a_task_that_is_cancelled_captures_what_was_handed_out_and_gives_the_rest_back(fake: FakeBilling) -> None:
    async def work() -> None:
        charged_once = asyncio.Event()

        async def agent() -> None:
            async with fake.async_service() as service, allowed(service) as allowance:
                await allowance.charge(5)
                charged_once.set()
                await asyncio.sleep(HOUR)

        task = asyncio.create_task(agent())
        await charged_once.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    account = fake.account("acct")
    assert (charged(fake), account.balance_cents, account.held_cents) == (5, 995, 0)


def test_what_a_loop_that_ended_left_is_said_to_be_lost(fake: FakeBilling, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> AsyncAllowance:
        allowance = allowed(fake.async_service())
        await allowance.charge(5)
        return allowance

    allowance = asyncio.run(work())
    allowance._allowance.close()
    assert "were not captured" in caplog.text
    assert (allowance.stats().lost, charged(fake)) == (5, 0)


def test_on_the_service_it_settles_in_the_background_and_ends_with_exactly_its_charges(clients: Clients) -> None:
    async def work() -> None:
        async with awaited(clients) as service, service.allowance(clients.id, 200, settle_seconds=0.2) as allowance:
            for number in range(400):
                await allowance.charge(Decimal("1.25"), labels={"agent": f"agt_{number % 2}"})
            while allowance.stats().waiting:
                await asyncio.sleep(0.05)
            with pytest.raises(InsufficientBalance):
                await allowance.charge(1)

    clients.pay_in(500)
    asyncio.run(work())
    wallet = clients.user.balance()
    assert (wallet.balance_micros, wallet.held_cents) == (0, 0)
    assert {line.labels["agent"] for line in clients.user.transactions("capture")} == {"agt_0", "agt_1"}
