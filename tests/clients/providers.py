"""Model providers that answer as a test tells them: the real SDKs, with another transport beneath them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import anthropic
import boto3
import httpx2
import openai

Json = dict[str, Any]
TOKENS = {"prompt_tokens": 200_000, "completion_tokens": 100_000, "total_tokens": 300_000}
CHAT: Json = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
    "usage": TOKENS,
}
MESSAGE: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10_000, "output_tokens": 2_000},
}


def chunk(text: str | None, usage: Json | None = None) -> Json:
    """An event of a chat stream; without text, the last one, which tells the usage."""
    choices = [] if text is None else [{"index": 0, "delta": {"content": text}, "finish_reason": None}]
    return {**CHAT, "object": "chat.completion.chunk", "choices": choices, "usage": usage}


CHUNKS = [chunk("Hel"), chunk("lo"), chunk(None, TOKENS)]
MESSAGE_EVENTS: list[Json] = [
    {"type": "message_start", "message": {**MESSAGE, "usage": {"input_tokens": 10_000, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 2_000},
    },
    {"type": "message_stop"},
]


_RESPONSE: Json = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o-mini", "output": []}
_ITEM: Json = {"id": "m", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
_PART: Json = {"type": "output_text", "text": "", "annotations": []}
_PLACE: Json = {"item_id": "m", "output_index": 0, "content_index": 0}
RESPONSE_EVENTS: list[Json] = [
    {"type": "response.created", "response": {**_RESPONSE, "status": "in_progress"}},
    {"type": "response.output_item.added", "output_index": 0, "item": _ITEM},
    {"type": "response.content_part.added", **_PLACE, "part": _PART},
    {"type": "response.output_text.delta", **_PLACE, "delta": "Hello", "logprobs": []},
    {
        "type": "response.completed",
        "response": {
            **_RESPONSE,
            "status": "completed",
            "output": [{**_ITEM, "status": "completed", "content": [{**_PART, "text": "Hello"}]}],
            "usage": {"input_tokens": 200_000, "output_tokens": 100_000, "total_tokens": 300_000},
        },
    },
]


class Provider:
    """What is asked of a provider, and what it answers: a status, an object, or events, after which it may break."""

    def __init__(self, answer: Json | list[Json] | int, *, breaks: bool = False) -> None:
        self.asked: list[Json] = []
        self.answer = answer
        self.breaks = breaks

    def _respond(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(json.loads(request.content))
        if isinstance(self.answer, int):
            return httpx2.Response(self.answer, json={"error": {"message": "it broke", "type": "server_error"}})
        if isinstance(self.answer, dict):
            return httpx2.Response(200, json=self.answer)
        return httpx2.Response(
            200, headers={"content-type": "text/event-stream"}, stream=_Events(self.answer, self.breaks)
        )

    async def _respond_later(self, request: httpx2.Request) -> httpx2.Response:
        return self._respond(request)

    def openai(self) -> openai.OpenAI:
        """OpenAI's client."""
        return openai.OpenAI(api_key="k", max_retries=0, http_client=self._http())

    def async_openai(self) -> openai.AsyncOpenAI:
        """OpenAI's async client."""
        return openai.AsyncOpenAI(api_key="k", max_retries=0, http_client=self._async_http())

    def anthropic(self) -> anthropic.Anthropic:
        """Anthropic's client."""
        return anthropic.Anthropic(api_key="k", max_retries=0, http_client=self._http())

    def async_anthropic(self) -> anthropic.AsyncAnthropic:
        """Anthropic's async client."""
        return anthropic.AsyncAnthropic(api_key="k", max_retries=0, http_client=self._async_http())

    def bedrock(self) -> Any:  # noqa: ANN401 - boto3's clients have no type here
        """Bedrock's client of boto3."""
        client = boto3.client("bedrock-runtime", region_name="us-east-1")

        def converse(params: Mapping[str, Any], **_: object) -> tuple[object, Json]:
            self.asked.append(json.loads(params["body"]))
            assert not isinstance(self.answer, int)
            answer = self.answer if isinstance(self.answer, dict) else {"stream": iter(self.answer)}
            return httpx2.Response(200), answer

        for operation in ("Converse", "ConverseStream"):
            client.meta.events.register(f"before-call.bedrock-runtime.{operation}", converse)
        return client

    def _http(self) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(self._respond))

    def _async_http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._respond_later))


class _Events(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """Server-sent events, which may break off."""

    def __init__(self, events: list[Json], breaks: bool) -> None:
        self._events = events
        self._breaks = breaks

    def __iter__(self) -> Iterator[bytes]:
        for event in self._events:
            name = f"event: {event['type']}\n" if "type" in event else ""
            yield f"{name}data: {json.dumps(event)}\n\n".encode()
        if self._breaks:
            raise httpx2.ReadError("the connection broke")

    async def __aiter__(self) -> Any:  # noqa: ANN401 - an async iterator of bytes
        for part in self:
            yield part
