"""A billed model client: held by estimate, captured by the provider's usage, free when it fails; on the stack.

The prices are those of the price book: gpt-4o-mini 0.15 and 0.60, claude-haiku-4-5 0.80 and 4 dollars a million.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import openai
import pytest

from aerostack_billing_client import AsyncServiceClient, InsufficientBalance, Retries, ServiceClient, TokenUsage
from aerostack_billing_client.wrap.model_clients import NotBilled, Unpaid, billed
from tests.clients.faults import FaultServer, failed
from tests.clients.people import SCOPES, Clients, awaited, lines, spent
from tests.clients.providers import CHAT, CHUNKS, MESSAGE, MESSAGE_EVENTS, RESPONSE_EVENTS, Provider, chunk

ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": 1_000_000}
ASK_CLAUDE = {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10_000}
CONVERSE = {
    "modelId": "claude-haiku-4-5",
    "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
    "inferenceConfig": {"maxTokens": 100_000},
}
CONVERSED: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 10_000, "outputTokens": 2_000, "totalTokens": 12_000},
}
OPENAI_CENTS = Decimal(9)
"""200,000 tokens of input and 100,000 of output."""
CLAUDE_CENTS = Decimal("1.6")
"""10,000 and 2,000."""


@pytest.fixture
def other() -> Iterator[ServiceClient]:
    """A client of a service that is not asked."""
    with ServiceClient("https://billing.example.com", "t") as billing:
        yield billing


def test_a_call_is_held_by_its_estimate_and_captured_by_the_providers_usage(payer: Clients) -> None:
    provider = Provider(CHAT)
    client = billed(provider.openai(), payer.service, account=payer.id, labels={"agent": "agt_7"})
    answer = client.chat.completions.create(**ASK)
    assert answer.choices[0].message.content == "Hello"
    assert provider.asked == [ASK]
    (hold, held), (release, _), (capture, taken) = lines(payer)
    assert (hold, release, capture) == ("hold", "release", "capture")
    assert -61 < held < -60, "a million tokens of output, and some of input"
    assert (taken, spent(payer)) == (-OPENAI_CENTS, OPENAI_CENTS)


def test_an_account_without_money_gets_no_call(clients: Clients) -> None:
    provider = Provider(CHAT)
    client = billed(provider.openai(), clients.service, account=clients.id)
    with pytest.raises(InsufficientBalance):
        client.chat.completions.create(**ASK)
    assert not provider.asked


def test_a_call_that_fails_is_free(payer: Clients) -> None:
    client = billed(Provider(500).openai(), payer.service, account=lambda: payer.id)
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(**ASK)
    assert [kind for kind, _ in lines(payer)] == ["hold", "release"]
    assert spent(payer) == 0


def test_anthropic_and_bedrock_are_billed_alike(payer: Clients) -> None:
    client = billed(Provider(MESSAGE).anthropic(), payer.service, account=payer.id)
    assert client.messages.create(**ASK_CLAUDE).stop_reason == "end_turn"
    assert spent(payer) == CLAUDE_CENTS
    streamed = billed(Provider(MESSAGE_EVENTS).anthropic(), payer.service, account=payer.id)
    assert [event.type for event in streamed.messages.create(stream=True, **ASK_CLAUDE)][-1] == "message_stop"
    assert spent(payer) == 2 * CLAUDE_CENTS
    bedrock = billed(Provider(CONVERSED).bedrock(), payer.service, account=payer.id)
    assert bedrock.converse(**CONVERSE)["stopReason"] == "end_turn"
    assert spent(payer) == 3 * CLAUDE_CENTS
    events = [{"contentBlockDelta": {"delta": {"text": "Hello"}}}, {"metadata": {"usage": CONVERSED["usage"]}}]
    answer = billed(Provider(events).bedrock(), payer.service, account=payer.id).converse_stream(**CONVERSE)
    assert list(answer["stream"]) == events
    assert spent(payer) == 4 * CLAUDE_CENTS


def test_a_stream_is_paid_when_it_ends_and_shows_only_what_its_reader_asked_for(payer: Clients) -> None:
    provider = Provider(CHUNKS)
    client = billed(provider.openai(), payer.service, account=payer.id)
    stream = client.chat.completions.create(stream=True, **ASK)
    text = "".join(event.choices[0].delta.content or "" for event in stream)
    assert text == "Hello"
    assert provider.asked[0]["stream_options"] == {"include_usage": True}
    assert spent(payer) == OPENAI_CENTS
    asked = client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **ASK)
    assert [bool(event.choices) for event in asked] == [True, True, False]
    assert spent(payer) == 2 * OPENAI_CENTS


def test_the_responses_api_is_paid_likewise_whole_and_streamed(payer: Clients) -> None:
    ask = {"model": "gpt-4o-mini", "input": "Hi", "max_output_tokens": 1_000_000}
    whole = billed(Provider(RESPONSE_EVENTS[-1]["response"]).openai(), payer.service, account=payer.id)
    assert whole.responses.create(**ask).output_text == "Hello"
    assert spent(payer) == OPENAI_CENTS
    streamed = billed(Provider(RESPONSE_EVENTS).openai(), payer.service, account=payer.id)
    assert [event.type for event in streamed.responses.create(stream=True, **ask)][-1] == "response.completed"
    assert spent(payer) == 2 * OPENAI_CENTS


def cut_early(stream: Any) -> None:  # noqa: ANN401 - a stream of any provider
    next(iter(stream))
    stream.close()


def cut_by_a_block(stream: Any) -> None:  # noqa: ANN401
    with stream:
        next(iter(stream))


@pytest.mark.parametrize("cut", [cut_early, cut_by_a_block])
def test_a_stream_that_its_reader_cuts_pays_its_input_and_what_came(payer: Clients, cut: Any) -> None:  # noqa: ANN401
    asked = {**ASK, "messages": [{"role": "user", "content": 3_000_000 * "x"}], "max_completion_tokens": 1_000}
    cut(
        billed(Provider(CHUNKS).openai(), payer.service, account=payer.id).chat.completions.create(stream=True, **asked)
    )
    assert Decimal(15) < spent(payer) < Decimal("15.01")
    assert [kind for kind, _ in lines(payer)] == ["hold", "release", "capture"]


def test_a_stream_that_breaks_pays_what_came_and_one_that_breaks_at_once_is_free(payer: Clients) -> None:
    broken = Provider([chunk("Hel")], breaks=True)
    client = billed(broken.openai(), payer.service, account=payer.id)
    with pytest.raises(openai.APIConnectionError):
        list(client.chat.completions.create(stream=True, **ASK))
    assert 0 < spent(payer) < Decimal("0.01")
    before, broken.answer = spent(payer), []
    with pytest.raises(openai.APIConnectionError):
        list(client.chat.completions.create(stream=True, **ASK))
    assert spent(payer) == before


def test_an_anthropic_stream_that_is_cut_pays_the_input_that_was_told(payer: Clients) -> None:
    client = billed(Provider(MESSAGE_EVENTS[:3], breaks=True).anthropic(), payer.service, account=payer.id)
    with pytest.raises(httpx2.ReadError):
        list(client.messages.create(stream=True, **ASK_CLAUDE))
    assert spent(payer) == Decimal("0.8012"), "10,000 tokens of input and three of output"


def test_async_clients_are_billed_alike(payer: Clients) -> None:
    async def work() -> None:
        async with awaited(payer) as billing:
            client = billed(Provider(CHAT).async_openai(), billing, account=payer.id)
            assert (await client.chat.completions.create(**ASK)).usage
            streamed = billed(Provider(MESSAGE_EVENTS).async_anthropic(), billing, account=payer.id)
            events = [event.type async for event in await streamed.messages.create(stream=True, **ASK_CLAUDE)]
            assert events[0] == "message_start"
            broken = billed(Provider(500).async_openai(), billing, account=payer.id)
            with pytest.raises(openai.InternalServerError):
                await broken.chat.completions.create(**ASK)

    asyncio.run(work())
    assert spent(payer) == OPENAI_CENTS + CLAUDE_CENTS


def test_an_async_stream_whose_task_is_cancelled_pays_what_came(payer: Clients) -> None:
    async def work() -> None:
        async with awaited(payer) as billing:
            client = billed(Provider(CHUNKS).async_openai(), billing, account=payer.id)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5), await client.chat.completions.create(stream=True, **ASK) as stream:
                    async for _ in stream:
                        raise TimeoutError

    asyncio.run(work())
    assert 0 < spent(payer) < Decimal("0.01")


def test_an_answer_is_not_lost_when_its_capture_fails_and_can_be_paid_later(payer: Clients, door: FaultServer) -> None:
    unpaid: list[Unpaid] = []
    token = payer.account.api.stack.token("svc_platform", SCOPES)
    with ServiceClient(door.base_url, token, retries=Retries(most_tries=1)) as billing:
        client = billed(Provider(CHAT).openai(), billing, account=payer.id, on_unpaid=unpaid.append)
        door.spoil(failed(503), path="/capture")
        assert client.chat.completions.create(**ASK).id == "chatcmpl-1"
    (work,) = unpaid
    assert work.usage == TokenUsage("gpt-4o-mini", 200_000, 100_000)
    payer.service.capture_hold(
        work.account_id, work.hold_id, usage=work.usage, allow_partial=True, idempotency_key=work.idempotency_key
    )
    assert spent(payer) == OPENAI_CENTS


def test_a_snapshot_that_the_price_book_does_not_know_is_paid_as_the_model_asked_for(payer: Clients) -> None:
    client = billed(Provider({**CHAT, "model": "gpt-next-2031-01-01"}).openai(), payer.service, account=payer.id)
    client.chat.completions.create(**ASK)
    assert spent(payer) == OPENAI_CENTS


def test_what_the_estimate_did_not_cover_is_taken_as_far_as_there_is_balance(clients: Clients) -> None:
    clients.pay_in(500)
    dear = {**CHAT, "usage": {"prompt_tokens": 40_000_000, "completion_tokens": 0, "total_tokens": 40_000_000}}
    client = billed(Provider(dear).openai(), clients.service, account=clients.id)
    client.chat.completions.create(model="gpt-4o-mini", messages=[])
    assert clients.user.balance().balance_micros == 0


def test_an_answer_without_usage_is_charged_by_its_estimate(payer: Clients) -> None:
    client = billed(Provider({**CHAT, "usage": None}).openai(), payer.service, account=payer.id)
    client.chat.completions.create(**ASK)
    assert Decimal(60) < spent(payer) < Decimal("60.1")


def test_what_is_not_billed_is_refused_rather_than_free(payer: Clients) -> None:
    client = billed(Provider(CHAT).openai(), payer.service, account=payer.id)
    for unbilled in (lambda: client.embeddings, lambda: client.completions, lambda: client.with_options):
        with pytest.raises(NotBilled, match="is not billed"):
            unbilled()
    assert client.models
    assert "billed" in repr(client)


@pytest.mark.parametrize("client", [object(), {}, "openai"])
def test_what_is_no_model_client_is_refused(client: object, other: ServiceClient) -> None:
    with (
        ServiceClient("https://billing.example.com", "t") as billing,
        pytest.raises(TypeError, match="is no client of"),
    ):
        billed(client, billing, account="a")


def test_an_async_model_client_needs_an_async_billing_client(other: ServiceClient) -> None:
    with pytest.raises(TypeError, match="billed by an AsyncServiceClient"):
        billed(Provider(CHAT).async_openai(), other, account="a")
    with pytest.raises(TypeError, match="billed by a ServiceClient"):
        billed(Provider(CHAT).openai(), AsyncServiceClient("https://billing.example.com", "t"), account="a")
