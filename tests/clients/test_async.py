"""The async client makes the same calls as the one for threads, and keeps its promises when tasks end early."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import cast

import anyio
import httpx
import httpx2
import pytest

import aerostack_billing_client as package
from aerostack_billing_client import (
    AccountScope,
    AsyncAccountScope,
    AsyncServiceClient,
    AsyncUserClient,
    LeaseTerms,
    NoToken,
    Retries,
    ServiceClient,
    Unanswered,
    UserClient,
    service_calls,
    user_calls,
)
from tests.clients.awaited import AwaitedClient
from tests.clients.conftest import HASTY
from tests.clients.faults import LOST_AFTER, FaultServer, Reply, failed
from tests.clients.people import SCOPES, Clients
from tests.clients.quota import Quota
from tests.clients.serving import LEASED, Serving, counted
from tests.clients.test_routes import walk
from tests.flows.client import Account as Person

HELD = {
    "hold_id": "hold_1",
    "amount_cents": 100,
    "expires_at": "2026-03-02T09:30:00Z",
    "usage": None,
    "price_version": None,
    "balance_cents": 400,
    "balance_micros": 4_000_000,
    "held_cents": 100,
}
RELEASED = {"hold_id": "hold_1", "released_cents": 100, "balance_cents": 500, "balance_micros": 0, "held_cents": 0}
ONE_WAY = {"run", "close", "aclose"}
"""What drives a client, and no call of the service."""


def methods(kind: type) -> dict[str, inspect.Signature]:
    """The public methods, with what they take."""
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: without_result(call) for name, call in found if name[0] != "_" and name not in ONE_WAY}


def without_result(call: Callable[..., object]) -> inspect.Signature:
    return inspect.signature(call).replace(return_annotation=inspect.Signature.empty)


@pytest.mark.parametrize(
    ("threads", "awaited"),
    [(ServiceClient, AsyncServiceClient), (UserClient, AsyncUserClient), (AccountScope, AsyncAccountScope)],
)
def test_each_call_of_the_client_for_threads_has_an_async_counterpart(threads: type, awaited: type) -> None:
    assert methods(threads) == methods(awaited)
    for name in methods(threads):
        assert inspect.getdoc(getattr(threads, name))


@pytest.mark.parametrize(
    ("calls", "clients"),
    [(service_calls, (ServiceClient, AsyncServiceClient)), (user_calls, (UserClient, AsyncUserClient))],
)
def test_every_call_that_is_described_is_made_by_both_clients(calls: ModuleType, clients: tuple[type, ...]) -> None:
    described = {
        name
        for name, call in inspect.getmembers(calls, inspect.isfunction)
        if call.__module__ == calls.__name__ and name[0] != "_"
    }
    for client in clients:
        assert described <= set(methods(client))


def test_an_accounts_scope_has_every_call_that_names_an_account() -> None:
    by_account = {
        name: tuple(signature.parameters)[2:]
        for name, signature in methods(ServiceClient).items()
        if "account_id" in signature.parameters and name != "account"
    }
    scope = {name: tuple(signature.parameters)[1:] for name, signature in methods(AccountScope).items()}
    assert scope == by_account


def test_a_scope_says_its_account_in_each_call(clients: Clients) -> None:
    clients.pay_in(500)
    mine = clients.service.account(clients.id)
    assert mine.consume("api_requests").used == 1
    with mine.hold("agent_execution", 100) as hold:
        hold.capture(40)
    assert mine.charge("bot_conversation", 60).balance_cents == 400
    assert clients.id in repr(mine)


def test_a_scope_says_its_labels_with_each_charge_beside_those_of_the_call(clients: Clients) -> None:
    clients.pay_in(500)
    mine = clients.service.account(clients.id, labels={"agent": "a", "key": "k"})
    mine.charge("agent_execution", 10, labels={"key": "other", "member": "m"})
    with mine.hold("agent_execution", 10) as hold:
        hold.capture(5)
    mine.consume("api_requests")
    charge, capture = (next(iter(clients.user.transactions(kind))) for kind in ("charge", "capture"))
    assert charge.labels == {"agent": "a", "key": "other", "member": "m"}
    assert capture.labels == {"agent": "a", "key": "k"}


@pytest.mark.parametrize("http", [httpx2, httpx], ids=["httpx2", "httpx"])
def test_every_route_is_called_over_either_http_package(
    new_account: Callable[[], Person], door: FaultServer, monkeypatch: pytest.MonkeyPatch, http: ModuleType
) -> None:
    monkeypatch.setattr("aerostack_billing_client.aio.transport.httpx_module", lambda: http)
    person, creator = new_account(), new_account()
    token = person.api.stack.token("svc_platform", SCOPES)
    with (
        AwaitedClient(AsyncUserClient(door.base_url, person.token, retries=HASTY)) as user,
        AwaitedClient(AsyncUserClient(door.base_url, creator.token, retries=HASTY)) as maker,
        AwaitedClient(AsyncServiceClient(door.base_url, token, retries=HASTY)) as service,
    ):
        calls = cast("ServiceClient", service)
        walk(Clients(person, cast("UserClient", user), calls), Clients(creator, cast("UserClient", maker), calls))
        lines = list(cast("UserClient", user).transactions(page_size=3))
    assert len(lines) > 3
    assert {seen.headers["user-agent"] for seen in door.seen} == {package.client.AGENT}


@pytest.mark.parametrize("http", [httpx2, httpx], ids=["httpx2", "httpx"])
def test_what_each_http_package_fails_with_is_told_alike(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, http: ModuleType
) -> None:
    monkeypatch.setattr("aerostack_billing_client.aio.transport.httpx_module", lambda: http)
    server = serving(counted)

    async def fail() -> None:
        async with AsyncServiceClient(server.base_url, "token", retries=Retries(most_tries=1)) as billing:
            server.spoil(LOST_AFTER)
            with pytest.raises(Unanswered) as broken:
                await billing.consume("acct", "api_requests")
            assert broken.value.outcome_unknown
        nowhere = AsyncServiceClient("http://127.0.0.1:9", "token", retries=Retries(most_tries=1))
        async with nowhere:
            with pytest.raises(Unanswered, match=r"reached at 127\.0\.0\.1:9") as unheard:
                await nowhere.consume("acct", "api_requests")
            assert not unheard.value.outcome_unknown

    asyncio.run(fail())


def test_a_hold_goes_back_when_its_task_is_cancelled(serving: Serving) -> None:
    server = serving(lambda seen: Reply(200, RELEASED) if seen.path.endswith("release") else Reply(201, HELD))

    async def work() -> None:
        async with AsyncServiceClient(server.base_url, "token", retries=HASTY) as billing:
            with anyio.CancelScope() as scope:
                async with billing.hold("acct", "agent_execution", 100):
                    scope.cancel()
                    await anyio.sleep_forever()
            assert scope.cancelled_caught

    anyio.run(work)
    assert [seen.path.rpartition("/")[2] for seen in server.seen] == ["holds", "release"]


def test_a_token_may_be_awaited_and_is_fetched_once_for_all_tasks(serving: Serving) -> None:
    fetched: list[str] = []

    async def fetch() -> str:
        await asyncio.sleep(0)
        fetched.append("token")
        return "token"

    async def refuse() -> str:
        raise KeyError("no such secret")

    async def count() -> None:
        server = serving(counted)
        async with AsyncServiceClient(server.base_url, fetch, retries=HASTY) as billing:
            await asyncio.gather(*(billing.consume("acct", "api_requests") for _ in range(5)))
        async with AsyncServiceClient(server.base_url, refuse, retries=HASTY) as billing:
            with pytest.raises(NoToken):
                await billing.consume("acct", "api_requests")

    asyncio.run(count())
    assert fetched == ["token"]


def test_connections_are_kept(serving: Serving) -> None:
    server = serving(counted)

    async def count() -> None:
        async with AsyncServiceClient(server.base_url, "token") as billing:
            for _ in range(5):
                await billing.consume("acct", "api_requests")

    asyncio.run(count())
    assert server.connections == 1
    with ServiceClient(server.base_url, "token") as billing:
        for _ in range(5):
            billing.consume("acct", "api_requests")
    assert server.connections == 2


def test_a_call_ends_within_the_callers_deadline(serving: Serving) -> None:
    waits: list[float] = []
    server = serving(lambda _: failed(503).reply or Reply())
    with ServiceClient(server.base_url, "token", sleep=waits.append, clock=lambda: sum(waits)) as billing:
        with pytest.raises(package.Unavailable):
            billing.within(1).consume("acct", "api_requests")
        assert 0 < sum(waits) < 1
        assert billing.retries.deadline_seconds == 30


# The meter


def test_coroutines_consume_exactly_what_the_plan_allows(serving: Serving) -> None:
    quota = Quota(limit=500)
    server = serving(quota.answer)
    refused = 0

    async def one(meter: package.AsyncLeasedMeter) -> None:
        nonlocal refused
        try:
            await meter.consume("acct_metered", "api_requests")
        except package.PlanLimitExceeded:
            refused += 1

    async def count() -> package.MeterStats:
        async with AsyncServiceClient(server.base_url, "token", retries=HASTY) as billing:
            async with billing.meter(LeaseTerms(most=50)) as meter:
                await asyncio.gather(*(one(meter) for _ in range(600)))
            with pytest.raises(RuntimeError, match="closed"):
                await meter.consume("acct_metered", "api_requests")
            return meter.stats()

    stats = asyncio.run(count())
    assert refused == 100
    assert stats.consumed == 500 == sum(quota.counted.values())
    assert stats.granted - stats.returned == 500
    assert not quota.leases


def test_what_is_at_hand_is_used_without_a_request(serving: Serving) -> None:
    server = serving(Quota(limit=10_000).answer)

    async def count() -> None:
        async with (
            AsyncServiceClient(server.base_url, "token", retries=HASTY) as billing,
            billing.meter(LeaseTerms(least=1_000)) as meter,
        ):
            for _ in range(400):
                await meter.consume("acct_metered", "api_requests")
            assert len(server.asked("/leases")) == 1

    asyncio.run(count())


def test_a_meter_whose_loop_has_ended_closes_without_waiting_for_it(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    server = serving(lambda _: Reply(201, LEASED))
    billing = AsyncServiceClient(server.base_url, "token", retries=HASTY)
    meter = billing.meter()

    async def count() -> None:
        await meter.consume("acct", "api_requests")
        await billing.aclose()

    asyncio.run(count())
    meter._meter.close()
    assert meter.stats().lost == 9
    assert "could not be given back" in caplog.text


# Without httpx


def in_its_own_process(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script that finds the package."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_package_can_be_imported_without_httpx_and_says_what_the_async_client_needs() -> None:
    script = """
import sys
sys.modules["httpx"] = sys.modules["httpx2"] = sys.modules["anyio"] = None
import aerostack_billing_client as package
package.ServiceClient("https://billing.example.com", "token").close()
try:
    package.AsyncServiceClient("https://billing.example.com", "token")
except ImportError as error:
    print(error)
"""
    ran = in_its_own_process(script)
    assert ran.returncode == 0, ran.stderr
    assert "pip install 'aerostack-billing-client[async]'" in ran.stdout


def test_importing_the_package_loads_nothing_of_the_async_client() -> None:
    script = """
import aerostack_billing_client, sys
sys.exit(bool({"httpx", "httpx2", "anyio", "asyncio"} & set(sys.modules)))
"""
    ran = in_its_own_process(script)
    assert ran.returncode == 0, ran.stderr
