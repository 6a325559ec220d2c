"""`billed`: a model client whose every call is held by estimate and captured by the provider's own usage."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, Unpack, cast

from aerostack_billing_client.aio.service import AsyncServiceClient
from aerostack_billing_client.service import ServiceClient
from aerostack_billing_client.wrap.arguments import Arguments
from aerostack_billing_client.wrap.deal import Deal, Terms, Unpaid
from aerostack_billing_client.wrap.providers import LITELLM, LITELLM_ASYNC, NotBilled, Provider, provider_of
from aerostack_billing_client.wrap.stream_helpers import AsyncBilledHelper, BilledHelper
from aerostack_billing_client.wrap.streams import AsyncBilledStream, BilledStream, shielded, taken, taken_later

C = TypeVar("C")

__all__ = ["NotBilled", "Unpaid", "billed"]


def billed(client: C, billing: ServiceClient | AsyncServiceClient, **terms: Unpack[Arguments]) -> C:
    """The client, whose calls are paid by `account`: a name, or a function that is asked at each call.

    For `OpenAI`, `AsyncOpenAI`, `Anthropic`, `AsyncAnthropic`, boto3's `bedrock-runtime`, and `litellm` itself or its
    Router: `completion` with a ServiceClient, `acompletion` with an AsyncServiceClient. Before a call money is held for
    its estimated tokens, so that an account without money gets none: InsufficientBalance and the like. After it the
    tokens that the provider reports are captured, and the rest goes back; what is missing is taken as far as there is
    balance. A call that fails is free.

    A stream is paid when it ends. One that is cut, by its reader or by a failure, pays its input and a token for each
    event that came; if it breaks before the first event, it is free. The helpers `messages.stream`,
    `chat.completions.stream` and `responses.stream` are paid likewise: the hold is taken when their block is entered.
    A stream that is neither read nor closed gives its money back after `ttl_seconds`.

    With `allowance`, an `Allowance` or, for a client that is awaited, an `AsyncAllowance`, the estimate is set aside in
    memory and the usage captured with others: mostly no request is made, and `account` is the allowance's. What is
    reserved for a stream that is neither read nor closed goes back when the allowance is closed. What cannot be
    captured is logged and in its `stats().lost`; `on_unpaid` is not told.

    Where the capture itself fails, the answer is handed out all the same, and `on_unpaid` is told; by default the log
    is. Calls that are not known to be billed are refused: NotBilled.
    """
    provider, given = provider_of(client), Terms(**terms)
    pays: _Waiting | _Awaiting
    if provider is LITELLM and isinstance(billing, AsyncServiceClient):
        provider = LITELLM_ASYNC
    if type(client).__name__.startswith("Async") or provider is LITELLM_ASYNC:
        if not isinstance(billing, AsyncServiceClient):
            raise TypeError(f"{type(client).__name__} is billed by an AsyncServiceClient")
        pays = _Awaiting(billing, provider, given)
    else:
        if not isinstance(billing, ServiceClient):
            raise TypeError(f"{type(client).__name__} is billed by a ServiceClient")
        pays = _Waiting(billing, provider, given)
    return cast("C", _Billed(client, provider, pays, ""))


class _Billed:
    """A client, or a part of one that holds billed methods."""

    def __init__(self, inner: object, provider: Provider, pays: _Waiting | _Awaiting, path: str) -> None:
        self._inner = inner
        self._provider = provider
        self._pays = pays
        self._path = path

    def __repr__(self) -> str:
        return f"billed({type(self._inner).__name__})"

    def __getattr__(self, name: str) -> object:
        path = f"{self._path}.{name}" if self._path else name
        if name.startswith("__"):
            raise AttributeError(name)
        if path in self._provider.methods:
            method = getattr(self._inner, name)
            return functools.wraps(method)(functools.partial(self._pays.call, method, path))
        if path in self._provider.helpers:
            method = getattr(self._inner, name)
            return functools.wraps(method)(functools.partial(self._pays.helper, method, path))
        if path in self._provider.free:
            return getattr(self._inner, name)
        if any(method.startswith(f"{path}.") for method in self._provider.methods):
            return _Billed(getattr(self._inner, name), self._provider, self._pays, path)
        raise NotBilled(f"{self._provider.name}'s {path} is not billed: call it on the client itself")


class _Waiting:
    """Pays for calls that block."""

    def __init__(self, billing: ServiceClient, provider: Provider, terms: Terms) -> None:
        self._billing = billing
        self._provider = provider
        self._terms = terms

    def call(self, method: Callable[..., Any], path: str, /, **asked: Any) -> Any:  # noqa: ANN401 - the provider's own
        """Make one call, and have it paid."""
        deal = Deal(self._terms, self._provider, asked)
        sent, hidden = self._provider.prepared(path, asked)
        hold_id = taken(self._billing, deal)
        try:
            answer = method(**sent)
        except BaseException:
            self._billing.run(deal.release(hold_id))
            raise
        if not self._provider.streams(path, asked):
            self._billing.run(deal.capture(hold_id, deal.used(answer)))
            return answer
        stream = answer["stream"] if isinstance(answer, dict) else answer  # Bedrock's, and the others'
        paid = BilledStream(self._billing, deal, hold_id, stream, hidden)
        return {**answer, "stream": paid} if isinstance(answer, dict) else paid

    def helper(self, method: Callable[..., Any], path: str, /, **asked: object) -> BilledHelper:
        """A stream helper, which is paid from its `with` block on."""
        deal = Deal(self._terms, self._provider, asked)
        return BilledHelper(self._billing, deal, self._provider, method, path, asked)


class _Awaiting:
    """Pays for calls that are awaited."""

    def __init__(self, billing: AsyncServiceClient, provider: Provider, terms: Terms) -> None:
        self._billing = billing
        self._provider = provider
        self._terms = terms

    async def call(self, method: Callable[..., Any], path: str, /, **asked: Any) -> Any:  # noqa: ANN401 - the provider's own
        """Make one call, and have it paid."""
        deal = Deal(self._terms, self._provider, asked)
        sent, hidden = self._provider.prepared(path, asked)
        hold_id = await taken_later(self._billing, deal)
        try:
            answer = await method(**sent)
        except BaseException:
            await shielded(self._billing, deal.release(hold_id))
            raise
        if self._provider.streams(path, asked):
            return AsyncBilledStream(self._billing, deal, hold_id, answer, hidden)
        await shielded(self._billing, deal.capture(hold_id, deal.used(answer)))
        return answer

    def helper(self, method: Callable[..., Any], path: str, /, **asked: object) -> AsyncBilledHelper:
        """A stream helper, which is paid from its `async with` block on."""
        deal = Deal(self._terms, self._provider, asked)
        return AsyncBilledHelper(self._billing, deal, self._provider, method, path, asked)
