"""Which calls of a provider's client cost tokens, and how their answers tell how many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType

from aerostack_billing_client.usage import (
    Reader,
    from_anthropic,
    from_bedrock,
    from_litellm,
    from_openai,
    without_provider,
)

Asked = dict[str, object]


class NotBilled(AttributeError):
    """The call is none that `billed` knows to charge: make it on the client itself, if it is to be free."""


@dataclass(frozen=True)
class Provider:
    """A provider. `methods` are billed, as are `helpers`, streams read in a `with` block; `free` cost nothing.

    What else its client can do is refused.
    """

    name: str
    reader: Reader
    methods: frozenset[str]
    free: frozenset[str]
    streams: Callable[[str, Mapping[str, object]], bool]
    prepared: Callable[[str, Asked], tuple[Asked, Callable[[object], bool]]] = field(
        default=lambda _, asked: (asked, lambda _: False)
    )
    """The request as it is sent, and which events of its stream the caller did not ask for."""
    helpers: frozenset[str] = frozenset()
    priced_model: Callable[[str], str] = field(default=lambda name: name)
    """The name of a model as the price book knows it, from the name that the caller uses."""


def provider_of(client: object) -> Provider:
    """The provider of a client of openai, anthropic, boto3 or litellm; TypeError for another."""
    modules = {kind.__module__.partition(".")[0] for kind in type(client).__mro__}
    if "litellm" in modules or (isinstance(client, ModuleType) and client.__name__ == "litellm"):
        return LITELLM
    if "openai" in modules:
        return _OPENAI
    if "anthropic" in modules:
        return _ANTHROPIC
    service = getattr(getattr(getattr(client, "meta", None), "service_model", None), "service_name", None)
    if service == "bedrock-runtime":
        return _BEDROCK
    raise TypeError(f"{type(client).__name__} is no client of openai, anthropic, litellm or boto3's bedrock-runtime")


def _by_argument(_: str, asked: Mapping[str, object]) -> bool:
    return bool(asked.get("stream"))


def _with_usage(method: str, asked: Asked) -> tuple[Asked, Callable[[object], bool]]:
    """Ask a chat stream for its usage; the chunk that tells it is hidden from a caller who did not ask."""
    streams = asked.get("stream") or method.endswith(".stream")
    if not streams or method.startswith("responses."):
        return asked, lambda _: False
    options = asked.get("stream_options")
    given = dict(options) if isinstance(options, Mapping) else {}
    if given.get("include_usage"):
        return asked, lambda _: False
    return {
        **asked,
        "stream_options": {**given, "include_usage": True},
    }, lambda event: not getattr(event, "choices", True)


_OPENAI = Provider(
    "openai",
    from_openai,
    frozenset({"chat.completions.create", "chat.completions.parse", "responses.create", "responses.parse"}),
    frozenset({"models", "close"}),
    _by_argument,
    _with_usage,
    frozenset({"chat.completions.stream", "responses.stream"}),
)
_ANTHROPIC = Provider(
    "anthropic",
    from_anthropic,
    frozenset({"messages.create"}),
    frozenset({"models", "messages.count_tokens", "close"}),
    _by_argument,
    helpers=frozenset({"messages.stream"}),
)
_BEDROCK = Provider(
    "bedrock",
    from_bedrock,
    frozenset({"converse", "converse_stream"}),
    frozenset({"meta", "exceptions", "count_tokens", "close"}),
    lambda method, _: method == "converse_stream",
)
LITELLM = Provider(
    "litellm",
    from_litellm,
    frozenset({"completion"}),
    frozenset(),
    _by_argument,
    _with_usage,
    priced_model=without_provider,
)
LITELLM_ASYNC = replace(LITELLM, methods=frozenset({"acompletion"}))
