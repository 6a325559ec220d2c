"""What a call of a model used, read from the provider's own usage object: every token in exactly one count.

Providers count differently. OpenAI's and Gemini's input includes what came from a cache, Anthropic's and Bedrock's does
not; OpenAI's output includes what the model thought, Gemini's does not. Billing wants counts that exclude each other,
and these readers make them:

    usage = from_openai(client.chat.completions.create(...))
    billing.charge(account, "agent_execution", usage=usage)

A response of the SDK will do, or its usage, or the JSON of either. For a stream, put the provider's reader between:

    streamed = StreamedUsage(from_anthropic)
    for event in streamed.watch(stream): ...
    billing.charge(account, "agent_execution", usage=streamed.usage())

What does not add up is refused, never guessed at: UnreadableUsage.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

Event = TypeVar("Event")


class UnreadableUsage(ValueError):
    """The object holds no usage, or counts that do not add up. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens to be paid. `input_tokens` came from no cache; what the model thought is in `output_tokens`."""

    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def body(self) -> dict[str, object]:
        """As a request holds it."""
        return {
            "model": self.model,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cache_write_tokens": self.cache_write_tokens,
        }

    def __add__(self, other: TokenUsage) -> TokenUsage:
        """Two calls of one model as one; ValueError for two models, which have two prices."""
        if self.model != other.model:
            raise ValueError(f"{self.model} and {other.model} are priced apart: charge each on its own")
        return TokenUsage(
            self.model,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )


Reader = Callable[[object, str | None], TokenUsage]
"""One of the readers below: what a provider answered, and the model where the answer does not name it."""


@dataclass(slots=True)
class StreamedUsage:
    """Reads the usage of a stream while you read the stream.

    OpenAI's chat streams tell their usage only when they are asked with `stream_options={"include_usage": True}`.
    """

    reader: Reader
    model: str | None = None
    _told: list[object] = field(default_factory=list)

    def watch(self, stream: Iterable[Event]) -> Iterator[Event]:
        """The stream's own events, one by one."""
        for event in stream:
            self.add(event)
            yield event

    async def watch_async(self, stream: AsyncIterable[Event]) -> AsyncIterator[Event]:
        """The same for a stream of an asynchronous client."""
        async for event in stream:
            self.add(event)
            yield event

    def add(self, event: object) -> None:
        """One event. Only those that tell of usage, or of the model, are kept."""
        if _tells(event):
            self._told.append(event)

    def usage(self) -> TokenUsage:
        """What the whole stream used, once it has ended. UnreadableUsage where it told of none."""
        return self.reader(list(self._told), self.model)


def from_openai(answer: object, model: str | None = None) -> TokenUsage:
    """Of the Chat Completions API and the Responses API, and of services that answer as they do.

    Cached input is taken out of the input; reasoning is in the output already.
    """
    events = _events(answer)
    usage, named = _last_usage(events, "usage", _OPENAI), _model(events, model, _OPENAI)
    chat = _get(usage, "prompt_tokens") is not None
    given, made = ("prompt", "completion") if chat else ("input", "output")
    asked, output = _count(usage, f"{given}_tokens", needed=True), _count(usage, f"{made}_tokens", needed=True)
    of_input, of_output = _get(usage, f"{given}_tokens_details"), _get(usage, f"{made}_tokens_details")
    read, written = _count(of_input, "cached_tokens"), _count(of_input, "cache_write_tokens")
    thought, total = _count(of_output, "reasoning_tokens"), _total(usage, "total_tokens")
    if total is not None and thought and total == asked + output + thought:
        output += thought  # Some services that answer like OpenAI count what was thought beside the output.
    elif total is not None:
        _check(total, asked + output)
    return TokenUsage(named, _less(asked, read + written), output, read, written)


def from_anthropic(answer: object, model: str | None = None) -> TokenUsage:
    """Of the Messages API, also on Bedrock and Vertex: its counts exclude each other already.

    In a stream `message_start` tells the input, and each `message_delta` the output up to it.
    """
    events = _events(answer)
    counts: dict[str, int] = {}
    for usage in _usages(events, "usage", _ANTHROPIC):
        for name in _ANTHROPIC_COUNTS:
            if _get(usage, name) is not None:
                counts[name] = _count(usage, name)
    if not {"input_tokens", "output_tokens"} <= set(counts):
        raise UnreadableUsage("There is no usage of Anthropic's in this.")
    fresh, output, read, written = (counts.get(name, 0) for name in _ANTHROPIC_COUNTS)
    return TokenUsage(_model(events, model, _ANTHROPIC), fresh, output, read, written)


def from_litellm(answer: object, model: str | None = None) -> TokenUsage:
    """Of LiteLLM, which reports every provider's usage in OpenAI's form: its input includes what a cache held or took.

    What a cache took is in `cache_write_tokens` or, from older versions, in `cache_creation_tokens`.
    """
    usage = from_openai(answer, model)
    reported = _last_usage(_events(answer), "usage", _OPENAI)
    known = usage.cache_write_tokens
    written = known or _count(_get(reported, "prompt_tokens_details"), "cache_creation_tokens")
    fresh = _less(usage.input_tokens, written - known)
    return replace(usage, model=without_provider(usage.model), input_tokens=fresh, cache_write_tokens=written)


def without_provider(model: str) -> str:
    """A model of LiteLLM's without the provider before it: `openai/gpt-4o-mini` is `gpt-4o-mini`."""
    return model.rpartition("/")[2]


_ANTHROPIC_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def from_gemini(answer: object, model: str | None = None) -> TokenUsage:
    """Of Google's Gen AI SDK and the API beneath it. Cached input is taken out of the input; thoughts are output.

    In a stream each chunk tells the counts up to it, so that the last one counts.
    """
    events = _events(answer)
    usage = _last_usage(events, "usage_metadata")
    prompt, read = _count(usage, "prompt_token_count", needed=True), _count(usage, "cached_content_token_count")
    tools = _count(usage, "tool_use_prompt_token_count")
    output = _count(usage, "candidates_token_count") + _count(usage, "thoughts_token_count")
    total = _total(usage, "total_token_count")
    if total is not None:
        _check(total, prompt + tools + output)
    return TokenUsage(_model(events, model), _less(prompt, read) + tools, output, read)


def from_bedrock(answer: object, model: str | None = None) -> TokenUsage:
    """Of Bedrock's Converse and ConverseStream, whose answers do not name the model: name it.

    Its input excludes what the cache held or took. What InvokeModel answers is the model's own: `from_anthropic`.
    """
    events = _events(answer)
    usage = _last_usage(events, "usage", _BEDROCK)
    given, output = _count(usage, "input_tokens", needed=True), _count(usage, "output_tokens", needed=True)
    read, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_write_input_tokens")
    total = _total(usage, "total_tokens")
    if total is not None and total != given + output:
        _check(total, given + output + read + written)
    return TokenUsage(_model(events, model), given, output, read, written)


# How answers are read, whether they are objects of an SDK or JSON


_OPENAI, _ANTHROPIC, _BEDROCK = "response", "message", "metadata"
"""Where a provider's stream holds the usage or the model, if not in the event itself."""


def _get(source: object, name: str) -> object:
    """The field of an object or a mapping, also under its name in camel case; None where there is none."""
    first, *rest = name.split("_")
    for known in (name, first + "".join(part.capitalize() for part in rest)):
        found = source.get(known) if isinstance(source, Mapping) else getattr(source, known, None)
        if found is not None:
            return found
    return None


def _events(answer: object) -> list[object]:
    return answer if isinstance(answer, list) else [answer]


def _places(event: object, within: str | None) -> Iterator[object]:
    yield event
    found = None if within is None else _get(event, within)
    if found is not None and not isinstance(found, str):
        yield found


def _tells(event: object) -> bool:
    names = ("usage", "usage_metadata", "model", "model_version")
    places = [place for within in (_OPENAI, _ANTHROPIC, _BEDROCK) for place in _places(event, within)]
    return any(_get(place, name) is not None for place in places for name in names)


def _usages(events: list[object], name: str, within: str | None) -> list[object]:
    """The usage objects in order; where there is a single event that holds none, it is taken for the usage itself."""
    found = [usage for event in events for place in _places(event, within) if (usage := _get(place, name)) is not None]
    return found or (events if len(events) == 1 else [])


def _last_usage(events: list[object], name: str, within: str | None = None) -> object:
    usages = _usages(events, name, within)
    if not usages:
        raise UnreadableUsage("No usage was told. A chat stream of OpenAI's must be asked for it: include_usage.")
    return usages[-1]


def _model(events: list[object], given: str | None, within: str | None = None) -> str:
    if given is not None:
        return given
    for event in reversed(events):
        for place in _places(event, within):
            for name in ("model", "model_version"):
                found = _get(place, name)
                if isinstance(found, str) and found:
                    return found
    raise UnreadableUsage("The answer does not name its model: give it.")


def _count(source: object, name: str, *, needed: bool = False) -> int:
    found = _get(source, name)
    if found is None and not needed:
        return 0
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise UnreadableUsage(f"{name} is no count.")
    return found


def _total(source: object, name: str) -> int | None:
    return None if _get(source, name) is None else _count(source, name)


def _check(total: int, counted: int) -> None:
    if total != counted:
        raise UnreadableUsage(f"The counts come to {counted} tokens, but the answer says {total} in all.")


def _less(asked: int, cached: int) -> int:
    if cached > asked:
        raise UnreadableUsage(f"Of {asked} tokens of input {cached} cannot be of the cache.")
    return asked - cached
