"""What each wrapper of the Python client adds to a call, beside the bare client: in the caller's own process.

Providers and billing answer at once, from memory, so that what is left is the wrapper's and the client's work. Nothing
waits, so processor time is measured, which does not depend on what else the machine does. What a request to billing
takes is the reader's own distance from it: the number of requests stands beside.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from aerostack_billing_client import Allowance, AsyncServiceClient, ServiceClient
from aerostack_billing_client.testing import FakeBilling
from aerostack_billing_client.wrap.asgi import MeteredRequests
from aerostack_billing_client.wrap.lambdas import metered
from aerostack_billing_client.wrap.mcp_tools import paid
from aerostack_billing_client.wrap.model_clients import billed
from tests.clients.providers import CHAT, CHUNKS, MESSAGE, Provider

TIMES = 500
ACCOUNT = "acct"
LABELS = {"agent": "a"}
HI = [{"role": "user", "content": "Hi"}]
ASK: dict[str, Any] = {"model": "gpt-4o-mini", "messages": HI, "max_tokens": 100}
ASK_CLAUDE = {**ASK, "model": "claude-haiku-4-5"}
CONVERSE = {"modelId": "claude-haiku-4-5", "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
CONVERSED = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 10, "outputTokens": 2, "totalTokens": 12},
}
REQUEST = {"requestContext": {"authorizer": {"jwt": {"claims": {"sub": ACCOUNT}}}}}
Call = Callable[[], object]
Later = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Wrapped:
    """Milliseconds of a call, bare and wrapped, at the median and the 99th percentile; requests to billing a call."""

    name: str
    bare: tuple[float, float]
    wrapped: tuple[float, float]
    requests: float
    allowed: tuple[float, float] | None = None
    """The same with an allowance, and with what captures behind it; None where there is no such way."""


def measured(times: int = TIMES, *, with_litellm: bool = True) -> Iterator[Wrapped]:
    """Every wrapper. LiteLLM calls back on the event loop it met first: with it, in a process of its own.

    The allowance has a billing of its own, since what it captures behind one wrapper would count as the next one's.
    """
    with ExitStack() as open_, _fake() as fake, _fake() as beside:
        billing = open_.enter_context(fake.service())
        meter = open_.enter_context(billing.meter())
        behind = open_.enter_context(beside.service())
        allowance = open_.enter_context(behind.allowance(ACCOUNT, 5_000, labels=LABELS))
        for name, bare, wrapped, allowed in [*_models(billing, allowance), *_served(billing, meter, allowance)]:
            before = len(fake.requests)
            taken = _timed([bare, wrapped], times)
            requests = (len(fake.requests) - before) / _rounds(times)
            yield Wrapped(name, taken[0], taken[1], requests, None if allowed is None else _timed([allowed], times)[0])
        yield _charged(fake, billing, allowance, times)
    yield from asyncio.run(_awaited(times, with_litellm=with_litellm))


def _charges(fake: FakeBilling) -> int:
    """The requests that charge: a meter takes its leases at any time."""
    return sum(made.path.endswith("/charges") for made in fake.requests)


def _charged(fake: FakeBilling, billing: ServiceClient, allowance: Allowance, times: int) -> Wrapped:
    def nothing() -> None:
        pass

    def charge() -> None:
        billing.charge(ACCOUNT, "agent_execution", 1, labels=LABELS)

    before = _charges(fake)
    taken = _timed([nothing, charge], times)
    requests = (_charges(fake) - before) / _rounds(times)
    (allowed,) = _timed([lambda: allowance.charge(1)], times)
    return Wrapped("`charge`, and `allowance.charge`", taken[0], taken[1], requests, allowed)


async def _charged_later(fake: FakeBilling, billing: AsyncServiceClient, times: int) -> Wrapped:
    async def nothing() -> None:
        pass

    async def charge() -> None:
        await billing.charge(ACCOUNT, "agent_execution", 1, labels=LABELS)

    before = _charges(fake)
    taken = await _timed_later([nothing, charge], times)
    requests = (_charges(fake) - before) / _rounds(times)
    async with billing.allowance(ACCOUNT, 100, labels=LABELS) as allowance:
        (allowed,) = await _timed_later([lambda: allowance.charge(1)], times)
    return Wrapped("`charge` and `allowance.charge`, awaited", taken[0], taken[1], requests, allowed)


def _models(billing: ServiceClient, allowance: Allowance) -> Iterator[tuple[str, Call, Call, Call]]:
    def paid_by(client: Any) -> Any:
        return billed(client, billing, account=ACCOUNT, labels=LABELS)

    def paid_out_of(client: Any) -> Any:
        return billed(client, billing, allowance=allowance, labels=LABELS)

    def chat(client: Any) -> Call:
        return lambda: client.chat.completions.create(**ASK)

    def streamed(client: Any) -> Call:
        return lambda: list(client.chat.completions.create(stream=True, **ASK))

    def message(client: Any) -> Call:
        return lambda: client.messages.create(**ASK_CLAUDE)

    def converse(client: Any) -> Call:
        return lambda: client.converse(**CONVERSE)

    for name, client, call in (
        ("`billed(OpenAI())`, chat", Provider(CHAT).openai(), chat),
        ("`billed(OpenAI())`, streamed chat", Provider(CHUNKS).openai(), streamed),
        ("`billed(Anthropic())`, messages", Provider(MESSAGE).anthropic(), message),
        ("`billed(bedrock-runtime)`, converse", Provider(CONVERSED).bedrock(), converse),
    ):
        yield name, call(client), call(paid_by(client)), call(paid_out_of(client))


def _served(billing: ServiceClient, meter: Any, allowance: Allowance) -> Iterator[tuple[str, Call, Call, Call | None]]:
    def tool() -> str:
        return "done"

    def handler(_event: object, _context: object) -> dict[str, object]:
        return {"statusCode": 200}

    by_lease = metered(meter)(handler)
    for name, price in (
        ("`@paid`, a price of the server's", {"amount_cents": 1}),
        ("`@paid(tool_id=…)`, a published price", {"tool_id": "tool"}),
    ):
        wrapped = paid(billing, account=ACCOUNT, **price)(tool)  # type: ignore[arg-type]
        yield name, tool, wrapped, paid(billing, allowance=allowance, **price)(tool)  # type: ignore[arg-type]
    yield (
        "`@metered`, a Lambda handler by leases",
        lambda: handler(REQUEST, None),
        lambda: by_lease(REQUEST, None),
        None,
    )


async def _awaited(times: int, *, with_litellm: bool) -> list[Wrapped]:
    found = []
    with _fake() as fake:
        async with fake.async_service() as billing, billing.meter() as meter:
            found.append(await _openai(fake, billing, times))
            for name, bare, wrapped in (_asgi(meter), *([_litellm(fake)] if with_litellm else [])):
                before = len(fake.requests)
                taken = await _timed_later([bare, wrapped], times)
                await _settled(fake)
                found.append(Wrapped(name, taken[0], taken[1], (len(fake.requests) - before) / _rounds(times)))
            found.append(await _charged_later(fake, billing, times))
    return found


async def _settled(fake: FakeBilling) -> None:
    """LiteLLM calls back after its answer: wait for the last call's capture too."""
    end = time.monotonic() + 60
    while any(not hold.ended for hold in fake.account(ACCOUNT).holds.values()):
        assert time.monotonic() < end, "a hold is still open"
        await asyncio.sleep(0.01)


async def _openai(fake: FakeBilling, billing: AsyncServiceClient, times: int) -> Wrapped:
    client = Provider(CHAT).async_openai()

    def chat(client: Any) -> Later:
        return lambda: client.chat.completions.create(**ASK)

    before = len(fake.requests)
    taken = await _timed_later([chat(client), chat(billed(client, billing, account=ACCOUNT))], times)
    requests = (len(fake.requests) - before) / _rounds(times)
    async with billing.allowance(ACCOUNT, 5_000, labels=LABELS) as allowance:
        (allowed,) = await _timed_later([chat(billed(client, billing, allowance=allowance))], times)
    return Wrapped("`billed(AsyncOpenAI())`, chat", taken[0], taken[1], requests, allowed)


def _asgi(meter: Any) -> tuple[str, Later, Later]:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def nothing(*_: object) -> None:
        pass

    wrapped = MeteredRequests(app, meter=meter, account=lambda _: ACCOUNT)
    return (
        "`MeteredRequests`, ASGI by leases",
        lambda: app({"type": "http"}, nothing, nothing),
        lambda: wrapped({"type": "http"}, nothing, nothing),  # type: ignore[arg-type]
    )


def _litellm(fake: FakeBilling) -> tuple[str, Later, Later]:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    import litellm

    from aerostack_billing_client.wrap.litellm_calls import BilledCalls

    callback, client = BilledCalls(fake.service(), account=ACCOUNT), Provider(CHAT).async_openai()
    ask = {**ASK, "model": "openai/gpt-4o-mini", "client": client}

    async def call(callbacks: list[object]) -> None:
        litellm.callbacks = callbacks
        await litellm.acompletion(**ask)

    return "`BilledCalls`, LiteLLM's acompletion", lambda: call([]), lambda: call([callback])


@contextmanager
def _fake() -> Iterator[FakeBilling]:
    fake = FakeBilling()
    fake.deposit(ACCOUNT, 100_000_000)
    fake.price("gpt-4o-mini", "0.15", "0.60", aliases=[CHAT["model"]])
    fake.price("claude-haiku-4-5", "0.80", "4")
    fake.tool("tool", "acct_maker", 1)
    yield fake


def _timed(calls: list[Call], times: int) -> list[tuple[float, float]]:
    """Median and 99th percentile of each, in milliseconds, by turns so that all meet the same machine."""
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(_rounds(times)):
        for call, samples in zip(calls, taken, strict=True):
            started = time.process_time()
            call()
            if number >= _rounds(times) - times:
                samples.append(1_000 * (time.process_time() - started))
    return [_quantiles(samples) for samples in taken]


async def _timed_later(calls: list[Later], times: int) -> list[tuple[float, float]]:
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(_rounds(times)):
        for call, samples in zip(calls, taken, strict=True):
            started = time.process_time()
            await call()
            if number >= _rounds(times) - times:
                samples.append(1_000 * (time.process_time() - started))
    return [_quantiles(samples) for samples in taken]


def _rounds(times: int) -> int:
    """With those that come first and are not counted."""
    return times + times // 10


def _quantiles(samples: list[float]) -> tuple[float, float]:
    ordered = sorted(samples)
    return ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]


if __name__ == "__main__":
    from tests.benchmarks.report import wrappers

    print(wrappers(list(measured())))
