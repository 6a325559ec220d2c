"""Web frameworks and tool servers that are metered or paid: served, or refused in the service's own form."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import fastapi
import httpx2
import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from mcp.client import Client
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.testclient import TestClient

from aerostack_billing_client import AsyncServiceClient, ServiceClient, UserClient
from aerostack_billing_client.testing import FakeBilling
from aerostack_billing_client.wrap.asgi import MeteredRequests
from aerostack_billing_client.wrap.lambdas import metered, metered_routes
from aerostack_billing_client.wrap.mcp_tools import of_token, paid
from tests.clients.conftest import HASTY
from tests.clients.people import SCOPES, Clients
from tests.flows.client import Account

Refusal = tuple[int, str]


def body(answer: httpx2.Response) -> Refusal:
    """Status and code."""
    return answer.status_code, answer.json()["error"]["code"]


# ASGI


@asynccontextmanager
async def serving(billing: AsyncServiceClient, **more: bool) -> AsyncIterator[httpx2.AsyncClient]:
    """A FastAPI app whose routes are metered, and a caller of it."""
    app = fastapi.FastAPI()

    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "there"}

    @app.get("/buy")
    async def buy() -> dict[str, str]:
        await billing.charge("acct", "agent_execution", 10)
        return {"bought": "it"}

    def account(scope: Any) -> str | None:  # noqa: ANN401 - ASGI's own
        return dict(scope["headers"]).get(b"x-account", b"").decode() or None

    async with billing.meter() as meter:
        app.add_middleware(MeteredRequests, meter=lambda: meter, account=account, **more)
        transport, caller = httpx2.ASGITransport(app), {"x-account": "acct"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://app", headers=caller) as http:
            yield http


def test_a_request_is_counted_before_it_is_served_and_refused_when_the_plan_has_no_room() -> None:
    fake = FakeBilling()
    fake.limit("acct", "api_requests", 2)

    async def work() -> None:
        async with fake.async_service() as billing, serving(billing) as http:
            assert [(await http.get("/hello")).status_code for _ in range(2)] == [200, 200]
            refused = await http.get("/hello")
            assert body(refused) == (403, "PLAN_LIMIT_EXCEEDED")
            assert refused.json()["error"]["details"]["remaining"] == 0
            assert (await http.get("/hello", headers={"x-account": ""})).status_code == 200

    asyncio.run(work())
    assert fake.account("acct").counters["api_requests"].used == 2


def test_a_refusal_that_the_application_lets_through_is_answered_as_one() -> None:
    fake = FakeBilling()
    fake.deposit("acct", 10)

    async def work() -> None:
        async with fake.async_service() as billing, serving(billing) as http:
            assert (await http.get("/buy")).status_code == 200
            short = await http.get("/buy")
            assert body(short) == (402, "INSUFFICIENT_BALANCE")
            assert short.json()["error"]["details"]["missing_cents"] == 10

    asyncio.run(work())


@pytest.mark.parametrize(("serve_uncounted", "status"), [(False, 503), (True, 200)])
def test_what_happens_when_billing_is_away_is_the_applications_choice(serve_uncounted: bool, status: int) -> None:
    fake = FakeBilling()
    fake.fail(503, times=1_000)

    async def work() -> None:
        async with fake.async_service() as billing, serving(billing, serve_uncounted=serve_uncounted) as http:
            answer = await http.get("/hello")
            assert answer.status_code == status
            if status == 503:
                assert body(answer) == (503, "BILLING_UNAVAILABLE")

    asyncio.run(work())


def test_a_burst_is_answered_with_when_to_come_again() -> None:
    app = fastapi.FastAPI()

    class Limited:
        async def consume(self, *_: object) -> None:
            from aerostack_billing_client.errors import error_in

            raise error_in(429, {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "m"}}, {"retry-after": "7"})

    counted = MeteredRequests(app, meter=Limited, account=lambda _: "acct")  # type: ignore[arg-type]
    answer = TestClient(counted).get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


# Lambda

EVENT: dict[str, Any] = {
    "version": "2.0",
    "rawPath": "/hello",
    "rawQueryString": "",
    "headers": {},
    "requestContext": {
        "http": {"method": "GET", "path": "/hello"},
        "stage": "$default",
        "authorizer": {"jwt": {"claims": {"sub": "acct"}}},
    },
}


def powertools(billing: ServiceClient, meter: Any) -> Callable[[Any, Any], Any]:  # noqa: ANN401
    app = APIGatewayHttpResolver()
    app.use([metered_routes(meter)])

    @app.get("/hello")
    def hello() -> dict[str, str]:
        billing.charge("acct", "agent_execution", 10)
        return {"hello": "there"}

    return app.resolve


def decorated(billing: ServiceClient, meter: Any) -> Callable[[Any, Any], Any]:  # noqa: ANN401
    @metered(meter)
    def handler(_event: Any, _context: object) -> dict[str, Any]:  # noqa: ANN401
        billing.charge("acct", "agent_execution", 10)
        return {"statusCode": 200, "body": "{}"}

    return handler


@pytest.mark.parametrize("made", [powertools, decorated])
def test_a_handler_is_metered_by_the_tokens_subject_and_its_refusals_are_answers(
    made: Callable[[ServiceClient, Any], Callable[[Any, Any], Any]],
) -> None:
    fake = FakeBilling()
    fake.deposit("acct", 10)
    fake.limit("acct", "api_requests", 2)
    with fake.service() as billing, billing.meter() as meter:
        handler = made(billing, meter)
        answers = [handler(EVENT, None) for _ in range(3)]
    assert [answer["statusCode"] for answer in answers] == [200, 402, 403]
    assert json.loads(answers[2]["body"])["error"]["code"] == "PLAN_LIMIT_EXCEEDED"
    nobody = {**EVENT, "requestContext": {"http": {"method": "GET", "path": "/hello"}, "stage": "$default"}}
    with fake.service() as billing, billing.meter() as meter:
        fake.deposit("acct", 10)
        assert made(billing, meter)(nobody, None)["statusCode"] == 200
    assert fake.account("acct").counters["api_requests"].used == 2


def test_a_handler_answers_503_where_billing_is_away_or_serves() -> None:
    fake = FakeBilling()
    fake.fail(503, times=1_000)
    with fake.service() as billing, billing.meter() as meter:
        refused = metered(meter)(lambda *_: {"statusCode": 200})(EVENT, None)
        served = metered(meter, serve_uncounted=True)(lambda *_: {"statusCode": 200})(EVENT, None)
    assert (refused["statusCode"], served["statusCode"]) == (503, 200)


# MCP


def test_a_paid_tool_is_charged_when_it_succeeds_and_its_refusal_says_what_to_do(clients: Clients) -> None:
    clients.pay_in(500)
    stack = clients.account.api.stack

    async def work() -> None:
        token = stack.token("svc_platform", SCOPES)
        async with AsyncServiceClient(stack.base_url, token, retries=HASTY) as billing:
            server = MCPServer("tools")

            @server.tool()
            @paid(billing, 300, account=lambda: clients.id, creator_id="acct_maker", labels={"agent": "a"})
            async def search(query: str) -> str:
                """Search for something."""
                if query == "broken":
                    raise ValueError(query)
                return f"found {query}"

            async with Client(server) as agent:
                (tool,) = (await agent.list_tools()).tools
                assert (tool.name, tool.description) == ("search", "Search for something.")
                assert set(tool.input_schema["properties"]) == {"query"}
                failed = await agent.call_tool("search", {"query": "broken"})
                assert failed.is_error
                found = await agent.call_tool("search", {"query": "it"})
                assert found.content[0].text == "found it"
                short = await agent.call_tool("search", {"query": "it"})
                assert short.is_error
                advice = short.content[0].text
                assert "has 200 cents and this costs 300" in advice
                assert "deposit at least 100 cents" in advice
                assert "Do not repeat" in advice

    asyncio.run(work())
    assert clients.user.balance().balance_micros == 2_000_000
    types = [line.type for line in clients.user.transactions()]
    assert types == ["capture", "release", "hold", "release", "hold", "deposit"]


def test_a_tool_with_a_published_price_is_held_by_its_id_and_free_when_it_fails() -> None:
    fake = FakeBilling()
    fake.deposit("acct", 10)
    fake.tool("search", "acct_maker", 4)

    async def work() -> list[str]:
        async with fake.async_service() as billing:
            server = MCPServer("tools")

            @server.tool()
            @paid(billing, tool_id="search", max_price_cents=4, account="acct", labels={"agent": "a"})
            async def search(query: str) -> str:
                """Search for something."""
                if query == "broken":
                    raise ValueError(query)
                return f"found {query}"

            async with Client(server) as agent:
                told = []
                for query in ("it", "broken", "dearer", "none left"):
                    if query == "dearer":
                        fake.tool("search", "acct_maker", 5)
                    if query == "none left":
                        fake.tool("search", "acct_maker", 4)
                        fake.account("acct").micros = 30_000
                    told.append((await agent.call_tool("search", {"query": query})).content[0].text)
                return told

    found, failed, dearer, short = asyncio.run(work())
    assert found == "found it"
    assert "Error executing tool search" in failed
    assert "PRICE_CHANGED: this costs 5 cents now" in dearer
    assert "has 3 cents and this costs 4" in short
    account = fake.account("acct")
    assert [(charge.micros, charge.refunded) for charge in account.charges.values()] == [(40_000, False)]
    assert [hold.ended for hold in account.holds.values()] == ["capture", "release"]
    asked = [made.body for made in fake.requests if made.path.endswith("/holds")]
    assert {(body["kind"], body["tool_id"]) for body in asked} == {("tool_call", "search")}


def test_a_published_price_is_taken_on_the_stack_and_the_tool_is_free_when_it_fails(
    clients: Clients, new_account: Callable[[], Account]
) -> None:
    clients.pay_in(500)
    maker = new_account()
    tool_id = f"search-{maker.id}"
    with UserClient(clients.user.base_url, maker.token, retries=HASTY) as creator:
        creator.publish_tool(tool_id, "Search", 40)
        tool = paid(clients.service, tool_id=tool_id, account=clients.id)(lambda number: 1 // number)
        assert tool(1) == 1
        with pytest.raises(ZeroDivisionError):
            tool(0)
        creator.publish_tool(tool_id, "Search", 41)
        with pytest.raises(ToolError, match="PRICE_CHANGED: this costs 41 cents now"):
            paid(clients.service, tool_id=tool_id, max_price_cents=40, account=clients.id)(lambda: None)()
        assert creator.creator().pending_cents == 32, "40 cents less the platform's fee of a fifth"
    types = [(line.type, line.amount_cents) for line in clients.user.transactions()]
    free, done = [("release", 40), ("hold", -40)], [("capture", -40), ("release", 40), ("hold", -40)]
    assert types == [*free, *done, ("deposit", 500)]


def test_a_blocking_tool_with_a_published_price_keeps_its_own_error_when_the_release_fails() -> None:
    fake = FakeBilling()
    fake.deposit("acct", 10)
    fake.tool("search", "acct_maker", 4)
    with fake.service() as billing:
        tool = paid(billing, tool_id="search", account="acct")(lambda number: 1 // number)
        assert tool(1) == 1

        def fails(_: int) -> int:
            fake.fail(503, times=10)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            paid(billing, tool_id="search", account="acct")(fails)(0)
        with pytest.raises(TypeError, match="amount_cents or tool_id"):
            paid(billing, 4, tool_id="search")
    assert (fake.account("acct").balance_cents, fake.account("acct").held_cents) == (2, 4)


def test_a_price_that_rises_while_the_tool_runs_is_paid_as_it_was_held() -> None:
    fake = FakeBilling()
    fake.deposit("acct", 10)
    fake.tool("search", "acct_maker", 4)
    with fake.service() as billing:
        paid(billing, tool_id="search", account="acct")(lambda: fake.tool("search", "acct_maker", 5))()
        assert fake.account("acct").balance_cents == 6
        with billing.hold("acct", "tool_call", tool_id="search", max_price_cents=5) as hold:
            assert hold.capture().captured_cents == 5


def test_a_tool_that_blocks_is_paid_alike_and_each_kind_needs_its_own_client() -> None:
    fake = FakeBilling()
    fake.deposit("acct", 10)
    with fake.service() as billing:
        assert paid(billing, 4, account="acct")(lambda number: number + 1)(1) == 2
        assert fake.account("acct").balance_cents == 6

        async def tool() -> None:
            pass

        with pytest.raises(TypeError, match="paid by an AsyncServiceClient"):
            paid(billing, 4, account="acct")(tool)
        with pytest.raises(TypeError, match="paid by a ServiceClient"):
            paid(fake.async_service(), 4, account="acct")(lambda: None)


def test_without_a_token_a_tool_must_be_told_whose_call_it_is() -> None:
    with pytest.raises(LookupError, match="say whose it is by `account`"):
        of_token()
