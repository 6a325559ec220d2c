"""A provider's usage becomes ours: every token in exactly one count, streamed or not, as objects or as JSON.

The answers are of the shapes that the providers' own services give, one file a provider.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aerostack_billing_client import (
    StreamedUsage,
    TokenUsage,
    UnreadableUsage,
    from_anthropic,
    from_bedrock,
    from_gemini,
    from_openai,
)
from aerostack_billing_client.usage import Reader

READERS: dict[str, Reader] = {
    "openai": from_openai,
    "anthropic": from_anthropic,
    "gemini": from_gemini,
    "bedrock": from_bedrock,
}
ANSWERS: dict[str, dict[str, Any]] = {
    name: json.loads((Path(__file__).parent / f"answers/{name}.json").read_text(encoding="utf-8")) for name in READERS
}
ON_BEDROCK = "anthropic.claude-sonnet-4-6"
EXPECTED = {
    ("openai", "chat"): TokenUsage("gpt-4o-2024-08-06", 86, 300, 1920),
    ("openai", "reasoning"): TokenUsage("o1-2024-12-17", 22, 1045),
    ("openai", "reasoning_beside"): TokenUsage("gpt-4o", 41, 479),
    ("openai", "chat_stream"): TokenUsage("gpt-4o-mini-2024-07-18", 93, 46, 1024),
    ("openai", "responses"): TokenUsage("gpt-4o-2024-08-06", 200, 52, 128),
    ("openai", "responses_stream"): TokenUsage("o1-2024-12-17", 37, 911),
    ("anthropic", "message"): TokenUsage("claude-haiku-4-5-20251001", 21, 393, 0, 188086),
    ("anthropic", "cached"): TokenUsage("claude-sonnet-4-6", 21, 393, 188086),
    ("anthropic", "thinking"): TokenUsage("claude-opus-4-6", 43, 503),
    ("anthropic", "stream"): TokenUsage("claude-sonnet-4-6", 472, 89, 2000, 100),
    ("anthropic", "stream_cumulative"): TokenUsage("claude-opus-4-6", 10682, 510),
    ("gemini", "response"): TokenUsage("gemini-2.5-flash", 29, 214, 696190),
    ("gemini", "thinking"): TokenUsage("gemini-2.5-pro", 20, 1292),
    ("gemini", "tools"): TokenUsage("gemini-2.5-pro", 10323, 340),
    ("gemini", "stream"): TokenUsage("gemini-2.5-flash", 7, 43),
    ("bedrock", "converse"): TokenUsage(ON_BEDROCK, 125, 60),
    ("bedrock", "cached"): TokenUsage(ON_BEDROCK, 9, 84, 3000, 80),
    ("bedrock", "stream"): TokenUsage(ON_BEDROCK, 47, 20),
}
STREAMS = [(provider, name) for provider, name in EXPECTED if isinstance(ANSWERS[provider][name], list)]


def as_object(value: object) -> object:
    """JSON as an SDK hands it out: objects with attributes."""
    if isinstance(value, dict):
        return SimpleNamespace(**{name: as_object(each) for name, each in value.items()})
    return [as_object(each) for each in value] if isinstance(value, list) else value


def named(provider: str) -> str | None:
    return ON_BEDROCK if provider == "bedrock" else None


@pytest.mark.parametrize(("provider", "name"), EXPECTED)
def test_every_answer_is_read_as_json_and_as_an_object(provider: str, name: str) -> None:
    answer = ANSWERS[provider][name]
    for shape in (answer, as_object(answer)):
        assert READERS[provider](shape, named(provider)) == EXPECTED[provider, name]


@pytest.mark.parametrize(
    ("provider", "name"), [each for each in EXPECTED if each not in STREAMS and each != ("openai", "responses")]
)
def test_the_usage_alone_will_do_where_the_model_is_named(provider: str, name: str) -> None:
    answer = ANSWERS[provider][name]
    usage = answer.get("usage") or answer.get("usageMetadata") or answer.get("usage_metadata")
    expected = EXPECTED[provider, name]
    assert READERS[provider](usage, expected.model) == expected


@pytest.mark.parametrize(("provider", "name"), STREAMS)
def test_a_stream_is_watched_without_being_changed(provider: str, name: str) -> None:
    events = [as_object(event) for event in ANSWERS[provider][name]]
    streamed = StreamedUsage(READERS[provider], named(provider))
    assert list(streamed.watch(iter(events))) == events
    assert streamed.usage() == EXPECTED[provider, name]


def test_an_asynchronous_stream_is_watched_too() -> None:
    events = ANSWERS["anthropic"]["stream"]
    streamed = StreamedUsage(from_anthropic)

    async def sent() -> AsyncIterator[object]:
        for event in events:
            yield event

    async def read() -> list[object]:
        return [event async for event in streamed.watch_async(sent())]

    assert asyncio.run(read()) == events
    assert streamed.usage() == EXPECTED["anthropic", "stream"]


def test_a_stream_that_was_not_asked_for_its_usage_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnreadableUsage, match="include_usage"):
        from_openai(ANSWERS["openai"]["chat_stream_unasked"])


@pytest.mark.parametrize(
    ("reader", "usage"),
    [
        (from_openai, {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 16}),
        (from_openai, {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 11}}),
        (from_openai, {"prompt_tokens": -1, "completion_tokens": 5}),
        (from_openai, {"prompt_tokens": 1.5, "completion_tokens": 5}),
        (from_openai, {"prompt_tokens": 10}),
        (from_openai, {}),
        (from_anthropic, {"input_tokens": 10}),
        (from_anthropic, {"input_tokens": True, "output_tokens": 1}),
        (from_gemini, {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 20}),
        (from_gemini, {"promptTokenCount": 10, "cachedContentTokenCount": 11}),
        (from_bedrock, {"inputTokens": 10, "outputTokens": 5, "totalTokens": 99}),
    ],
)
def test_what_does_not_add_up_is_refused(reader: Reader, usage: dict[str, object]) -> None:
    with pytest.raises(UnreadableUsage):
        reader(usage, "m")


@pytest.mark.parametrize("provider", READERS)
def test_an_answer_that_names_no_model_needs_it_named(provider: str) -> None:
    name = {"openai": "chat", "anthropic": "message", "gemini": "response", "bedrock": "converse"}[provider]
    answer = {field: value for field, value in ANSWERS[provider][name].items() if not field.startswith("model")}
    with pytest.raises(UnreadableUsage, match="model"):
        READERS[provider](answer, None)


def test_calls_of_one_model_add_up_and_those_of_two_do_not() -> None:
    one = TokenUsage("gpt-4o", 1, 2, 3, 4)
    assert one + one == TokenUsage("gpt-4o", 2, 4, 6, 8)
    with pytest.raises(ValueError, match="charge each"):
        _ = one + TokenUsage("o1", 1, 1)
