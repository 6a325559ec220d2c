"""LiteLLM's own package, billed by a callback and by `billed`: refused before a call, paid by the provider's usage."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from aerostack_billing_client import AsyncServiceClient, InsufficientBalance, TokenUsage
from aerostack_billing_client.usage import from_litellm
from aerostack_billing_client.wrap.deal import Unpaid
from aerostack_billing_client.wrap.model_clients import NotBilled, billed
from tests.clients.faults import Reply
from tests.clients.people import Clients, awaited, lines, spent
from tests.clients.providers import CHAT, CHUNKS, TOKENS, Provider, chunk
from tests.clients.serving import Serving
from tests.clients.test_billed import OPENAI_CENTS
from tests.flows.client import until

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # or it reads a .env file
import litellm

from aerostack_billing_client.wrap.litellm_calls import BilledCalls, CallRefused

pytestmark = pytest.mark.filterwarnings("ignore")  # LiteLLM has warnings of its own

ASK: dict[str, Any] = {
    "model": "openai/gpt-4o-mini",
    "messages": [{"role": "user", "content": "Hi"}],
    "max_completion_tokens": 1_000_000,
    "max_retries": 0,
}
ENDED = {**chunk(""), "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
STREAM = [*CHUNKS[:2], ENDED, chunk(None, TOKENS)]
Bill = Callable[..., BilledCalls]


@pytest.fixture
def bill(clients: Clients) -> Iterator[Bill]:
    """Puts a callback in place for the test."""

    def put(**terms: Any) -> BilledCalls:  # noqa: ANN401 - its own arguments
        made = BilledCalls(clients.service, **{"account": clients.id, **terms})
        litellm.callbacks = [made]
        return made

    yield put
    litellm.callbacks = []
    litellm.logging_callback_manager._reset_all_callbacks()


async def said(stream: Any) -> str:  # noqa: ANN401 - LiteLLM's own
    """All of a stream's text."""
    return "".join([part.choices[0].delta.content or "" async for part in stream if part.choices])


async def settled(clients: Clients, cents: Decimal | None = None) -> None:
    """LiteLLM calls back in the background: wait until nothing is held, and that much is taken."""
    end = time.monotonic() + 60
    while True:
        wallet = await asyncio.to_thread(clients.user.balance)
        taken = Decimal(500) - Decimal(wallet.balance_micros) / 10_000
        if wallet.held_cents == 0 and cents in (None, taken):
            return
        assert time.monotonic() < end, wallet
        await asyncio.sleep(0.02)


def test_a_call_is_held_before_it_and_captured_by_the_providers_usage(payer: Clients, bill: Bill) -> None:
    bill(labels=lambda call: {"agent": call["metadata"]["agent"]})

    async def work() -> None:
        provider = Provider(CHAT)
        answer = await litellm.acompletion(**ASK, client=provider.async_openai(), metadata={"agent": "agt_7"})
        assert answer.choices[0].message.content == "Hello"
        await settled(payer, OPENAI_CENTS)

    asyncio.run(work())
    (hold, held), (release, _), (capture, taken) = lines(payer)
    assert (hold, release, capture, taken) == ("hold", "release", "capture", -OPENAI_CENTS)
    assert -61 < held < -60, "a million tokens of output, and some of input"
    assert [line.labels for line in payer.user.transactions("capture")] == [{"agent": "agt_7"}]


def test_a_call_whose_model_and_messages_are_not_named_is_held_by_them_all_the_same(payer: Clients, bill: Bill) -> None:
    bill()
    long = [{"role": "user", "content": 30_000 * "x"}]

    async def work() -> None:
        await litellm.acompletion(ASK["model"], long, client=Provider(CHAT).async_openai(), max_tokens=1)
        await settled(payer, OPENAI_CENTS)

    asyncio.run(work())
    (_, held), *_ = lines(payer)
    assert Decimal("-0.16") < held < Decimal("-0.15"), "ten thousand tokens of input"


def test_an_account_without_money_gets_no_call_and_no_deployment_is_blamed(
    clients: Clients, bill: Bill, serving: Serving
) -> None:
    bill()
    provider, model = Provider(CHAT), serving(lambda _: Reply(200, CHAT))
    params = {"model": ASK["model"], "api_key": "k", "api_base": model.base_url}

    async def work() -> None:
        with pytest.raises(CallRefused, match="PAYMENT_REQUIRED") as refused:
            await litellm.acompletion(**ASK, client=provider.async_openai())
        assert isinstance(refused.value.refusal, InsufficientBalance)
        router = litellm.Router([{"model_name": "m", "litellm_params": params}], num_retries=0, allowed_fails=0)
        for _ in range(2):
            with pytest.raises(CallRefused):
                await router.acompletion(model="m", messages=ASK["messages"], max_completion_tokens=1_000_000)

    asyncio.run(work())
    assert not provider.asked
    assert not model.seen


def test_the_proxys_hook_refuses_and_its_hold_is_not_taken_twice(payer: Clients, bill: Bill) -> None:
    calls = bill(account=lambda call: call["metadata"]["user_api_key_team_id"])
    data = {**ASK, "litellm_call_id": "call-1", "metadata": {"user_api_key_team_id": payer.id}}

    async def work() -> None:
        passed_on = await calls.async_pre_call_hook(None, None, data, "acompletion")
        await litellm.acompletion(**passed_on, client=Provider(CHAT).async_openai())
        await settled(payer, OPENAI_CENTS)
        await calls.async_pre_call_hook(None, None, {**data, "litellm_call_id": "call-3"}, "acompletion")
        await calls.async_post_call_failure_hook({"litellm_call_id": "call-3"}, RuntimeError("no deployment"), None)
        await settled(payer, OPENAI_CENTS)
        dear = {**data, "litellm_call_id": "call-2", "max_completion_tokens": 9_000_000}
        with pytest.raises(CallRefused):
            await calls.async_pre_call_hook(None, None, dear, "acompletion")

    asyncio.run(work())
    assert [kind for kind, _ in lines(payer)] == ["hold", "release", "capture", "hold", "release"]


def test_a_call_that_fails_is_free(payer: Clients, bill: Bill) -> None:
    bill()

    async def work() -> None:
        with pytest.raises(litellm.InternalServerError):
            await litellm.acompletion(**ASK, client=Provider(500).async_openai())
        await settled(payer, Decimal(0))

    asyncio.run(work())
    assert [kind for kind, _ in lines(payer)] == ["hold", "release"]


def test_a_stream_is_paid_by_the_usage_that_it_is_asked_for(payer: Clients, bill: Bill) -> None:
    bill()
    provider = Provider(STREAM)

    async def work() -> None:
        stream = await litellm.acompletion(**ASK, client=provider.async_openai(), stream=True)
        assert await said(stream) == "Hello"
        await settled(payer, OPENAI_CENTS)

    asyncio.run(work())
    assert provider.asked[0]["stream_options"] == {"include_usage": True}


def test_a_stream_that_breaks_pays_what_came(payer: Clients, bill: Bill) -> None:
    bill()

    async def work() -> None:
        client = Provider(CHUNKS[:2], breaks=True).async_openai()
        stream = await litellm.acompletion(**ASK, client=client, stream=True)
        with pytest.raises(litellm.exceptions.MidStreamFallbackError):
            await said(stream)
        await settled(payer)

    asyncio.run(work())
    assert 0 < spent(payer) < Decimal("0.01")


def test_a_stream_that_is_left_in_the_program_is_charged_its_estimate_once_its_hold_has_ended(
    payer: Clients, bill: Bill
) -> None:
    now = [0.0]
    calls = bill(clock=lambda: now[0])
    ask = {**ASK, "max_completion_tokens": 100_000}

    async def leave() -> None:
        stream = await litellm.acompletion(**ask, client=Provider(STREAM).async_openai(), stream=True)
        await anext(stream)
        await stream.aclose()

    async def work() -> None:
        await leave()
        now[0] = 901.0
        await leave()

    asyncio.run(work())
    assert [kind for kind, _ in lines(payer)] == ["hold", "release", "capture", "hold"]
    calls.close()
    assert Decimal(12) < spent(payer) < Decimal("12.01"), "twice 100,000 tokens of output, and some of input"
    calls.close()


def test_a_blocking_call_is_charged_after_it_and_what_is_short_is_reported(clients: Clients, bill: Bill) -> None:
    unpaid: list[Unpaid] = []
    bill(on_unpaid=unpaid.append)
    litellm.completion(**ASK, client=Provider(CHAT).openai())
    until(lambda: unpaid)
    assert unpaid[0].usage == TokenUsage("gpt-4o-mini", 200_000, 100_000)
    assert isinstance(unpaid[0].error, InsufficientBalance)
    clients.pay_in(500)
    litellm.completion(**ASK, client=Provider(CHAT).openai())
    until(lambda: spent(clients) == OPENAI_CENTS)


def test_litellm_itself_is_billed_as_a_client_is(payer: Clients) -> None:
    direct = billed(litellm, payer.service, account=payer.id)
    assert direct.completion(**ASK, client=Provider(CHAT).openai()).usage
    assert spent(payer) == OPENAI_CENTS
    for part in direct.completion(**ASK, client=Provider(STREAM).openai(), stream=True):
        assert part
    assert spent(payer) == 2 * OPENAI_CENTS
    with pytest.raises(NotBilled):
        _ = direct.acompletion

    async def work(billing: AsyncServiceClient) -> None:
        async with billing:
            later = billed(litellm, billing, account=payer.id)
            stream = await later.acompletion(**ASK, client=Provider(STREAM).async_openai(), stream=True)
            async with stream:
                await anext(stream)

    asyncio.run(work(awaited(payer)))
    assert 2 * OPENAI_CENTS < spent(payer) < 2 * OPENAI_CENTS + Decimal("0.01")


def test_each_token_of_an_anthropic_call_is_in_one_count(serving: Serving) -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_input_tokens": 300,
        "cache_creation_input_tokens": 70,
    }
    message = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "stop_reason": "end_turn",
    }
    server = serving(lambda _: Reply(200, {**message, "content": [{"type": "text", "text": "Hello"}], "usage": usage}))
    answer = litellm.completion(
        model="anthropic/claude-haiku-4-5",
        messages=ASK["messages"],
        api_base=server.base_url,
        api_key="k",
        max_tokens=9,
    )
    assert from_litellm(answer) == TokenUsage("claude-haiku-4-5", 10, 5, 300, 70)


def test_neither_the_callback_nor_its_refusal_shows_a_secret(clients: Clients, bill: Bill) -> None:
    calls = bill()
    assert repr(calls) == f"BilledCalls({clients.service!r})"
