"""The SDKs' own stream helpers, billed: paid when they end or are left, events and results as ever; on the stack."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest

from aerostack_billing_client import InsufficientBalance
from aerostack_billing_client.wrap.model_clients import NotBilled, billed
from tests.clients.people import Clients, awaited, lines, spent
from tests.clients.providers import CHUNKS, MESSAGE_EVENTS, RESPONSE_EVENTS, Provider
from tests.clients.test_billed import ASK, ASK_CLAUDE, CLAUDE_CENTS, OPENAI_CENTS

RESPOND = {"model": "gpt-4o-mini", "input": "Hi", "max_output_tokens": 1_000_000}


def test_anthropics_helper_is_paid_by_the_usage_that_its_stream_tells(payer: Clients) -> None:
    client = billed(Provider(MESSAGE_EVENTS).anthropic(), payer.service, account=payer.id, labels={"agent": "a"})
    with client.messages.stream(**ASK_CLAUDE) as stream:
        assert "".join(stream.text_stream) == "Hello"
        assert stream.get_final_message().usage.output_tokens == 2_000
    assert [kind for kind, _ in lines(payer)] == ["hold", "release", "capture"]
    assert spent(payer) == CLAUDE_CENTS


def test_openais_helpers_are_paid_alike_and_show_only_what_their_reader_asked_for(payer: Clients) -> None:
    provider = Provider(CHUNKS)
    client = billed(provider.openai(), payer.service, account=payer.id)
    with client.chat.completions.stream(**ASK) as stream:
        chunks = [event.chunk for event in stream if event.type == "chunk"]
    assert all(chunk.choices for chunk in chunks)
    assert provider.asked[0]["stream_options"] == {"include_usage": True}
    assert spent(payer) == OPENAI_CENTS
    client = billed(Provider(RESPONSE_EVENTS).openai(), payer.service, account=payer.id)
    with client.responses.stream(**RESPOND) as stream:
        assert stream.get_final_response().output_text == "Hello"
    assert spent(payer) == 2 * OPENAI_CENTS


def test_a_helper_that_is_left_early_pays_its_input_and_what_came(payer: Clients) -> None:
    client = billed(Provider(MESSAGE_EVENTS).anthropic(), payer.service, account=payer.id)
    with client.messages.stream(**ASK_CLAUDE) as stream:
        next(stream)
    assert spent(payer) == Decimal("0.8004"), "10,000 tokens of input and one of output"
    with client.messages.stream(**ASK_CLAUDE):
        pass
    before = spent(payer)
    assert Decimal("0.8004") < before < Decimal("0.81"), "what was asked, by its estimate"
    client = billed(Provider(CHUNKS).openai(), payer.service, account=payer.id)
    with client.chat.completions.stream(**ASK) as stream:
        next(stream)
    assert before < spent(payer) < before + Decimal("0.01")


def test_a_helper_that_breaks_pays_what_came(payer: Clients) -> None:
    client = billed(Provider(CHUNKS[:1], breaks=True).openai(), payer.service, account=payer.id)
    with pytest.raises(openai.APIConnectionError), client.chat.completions.stream(**ASK) as stream:
        list(stream)
    assert 0 < spent(payer) < Decimal("0.01")


def test_a_helper_whose_request_fails_is_free(payer: Clients) -> None:
    client = billed(Provider(500).anthropic(), payer.service, account=payer.id)
    with pytest.raises(anthropic.InternalServerError), client.messages.stream(**ASK_CLAUDE):
        pass
    assert [kind for kind, _ in lines(payer)] == ["hold", "release"]
    assert spent(payer) == 0


def test_a_helper_is_refused_when_its_block_is_entered_and_nothing_is_asked(clients: Clients) -> None:
    provider = Provider(MESSAGE_EVENTS)
    helper = billed(provider.anthropic(), clients.service, account=clients.id).messages.stream(**ASK_CLAUDE)
    with pytest.raises(InsufficientBalance), helper:
        pass
    assert not provider.asked


def test_async_helpers_are_paid_alike(payer: Clients) -> None:
    async def work() -> None:
        async with awaited(payer) as billing:
            claude = billed(Provider(MESSAGE_EVENTS).async_anthropic(), billing, account=payer.id)
            async with claude.messages.stream(**ASK_CLAUDE) as stream:
                assert [text async for text in stream.text_stream] == ["Hello"]
            gpt = billed(Provider(RESPONSE_EVENTS).async_openai(), billing, account=payer.id)
            async with gpt.responses.stream(**RESPOND) as stream:
                assert (await stream.get_final_response()).output_text == "Hello"
            chat = billed(Provider(CHUNKS).async_openai(), billing, account=payer.id)
            with contextlib.suppress(TimeoutError):
                async with chat.chat.completions.stream(**ASK) as stream:
                    async for _ in stream:
                        raise TimeoutError
            failing = billed(Provider(500).async_anthropic(), billing, account=payer.id)
            with pytest.raises(anthropic.InternalServerError):
                async with failing.messages.stream(**ASK_CLAUDE):
                    pass

    asyncio.run(work())
    assert CLAUDE_CENTS + OPENAI_CENTS < spent(payer) < CLAUDE_CENTS + OPENAI_CENTS + Decimal("0.01")


class _Elsewhere:
    """A helper of a version that keeps its stream where nobody knows."""

    closed = False

    def __enter__(self) -> _Elsewhere:
        return self

    def close(self) -> None:
        self.closed = True


def test_a_helper_of_an_unknown_version_is_refused_rather_than_free(
    payer: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner: Any = Provider(MESSAGE_EVENTS).anthropic()
    elsewhere = _Elsewhere()
    monkeypatch.setattr(inner.messages, "stream", lambda **_: elsewhere)
    client = billed(inner, payer.service, account=payer.id)
    with pytest.raises(NotBilled, match="use create"), client.messages.stream(**ASK_CLAUDE):
        pass
    assert elsewhere.closed
    assert spent(payer) == 0
