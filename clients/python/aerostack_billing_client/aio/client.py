"""The driver that makes calls and awaits their answers: the same calls as the clients for threads make."""

from __future__ import annotations

import copy
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from inspect import isawaitable
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

from aerostack_billing_client import user_calls
from aerostack_billing_client.aio.transport import AsyncTransport, MakeClient
from aerostack_billing_client.asking import Flow
from aerostack_billing_client.calling import Answer, Call, FetchToken, Request, Retries, Tries, Wait, checked_token
from aerostack_billing_client.client import AGENT, like
from aerostack_billing_client.errors import BillingError, NoToken

P = ParamSpec("P")
T = TypeVar("T")

AsyncToken = str | Callable[[], str | Awaitable[str]]
"""A bearer token, or what fetches one, also by awaiting it."""


class AsyncSends(Protocol):
    """What brings one request to the service."""

    async def send(self, request: Request) -> Answer:
        """One request, once; Unanswered."""

    async def aclose(self) -> None:
        """Drop what is kept open."""


async def _sleep(seconds: float) -> None:
    import anyio  # noqa: PLC0415 - comes with httpx

    await anyio.sleep(seconds)


class AsyncTokens:
    """Fetches the token when it is needed, once for all tasks. NoToken where it cannot be fetched."""

    def __init__(self, token: AsyncToken) -> None:
        import anyio  # noqa: PLC0415 - comes with httpx

        self._fetch = token if callable(token) else lambda: token
        self._token: str | None = None
        self._lock = anyio.Lock()

    async def current(self) -> str:
        """The token; fetched if there is none yet."""
        async with self._lock:
            if self._token is None:
                self._token = await self._fetched()
            return self._token

    async def another(self, refused: str) -> str | None:
        """A token instead of one that was refused, fetched once for all tasks; None if there is no other."""
        async with self._lock:
            if self._token == refused:
                self._token = await self._fetched()
            return None if self._token == refused else self._token

    async def _fetched(self) -> str:
        try:
            token = self._fetch()
            if isawaitable(token):
                token = await token
        except Exception as error:
            raise NoToken("The token could not be fetched.") from error
        return checked_token(token)


class AsyncClient:
    """Calls the service. One is enough for an event loop: any number of tasks may use it at once.

    As `Client` in all else. `make_client` makes the `httpx2.AsyncClient` (or `httpx.AsyncClient`), where it is to go
    through a proxy or trust other certificates; `transport` takes its place.
    """

    def __init__(
        self,
        base_url: str,
        token: AsyncToken = "",
        *,
        retries: Retries | None = None,
        make_client: MakeClient | None = None,
        transport: AsyncSends | None = None,
        sleep: Callable[[float], Awaitable[None]] = _sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = base_url
        self.retries = retries or Retries()
        self._transport = transport or AsyncTransport(base_url, make_client)
        self._tokens = AsyncTokens(token)
        self._sleep = sleep
        self._clock = clock

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def within(self, seconds: float) -> Self:
        """The same client, whose calls each end after so many seconds; it shares connections and token."""
        other = copy.copy(self)
        other.retries = replace(self.retries, deadline_seconds=seconds)
        return other

    async def run(self, flow: Flow[T]) -> T:
        """Make the calls that a method is made of, and return what it returns."""
        try:
            call = next(flow)
            while True:
                try:
                    answer = await self._answer(call)
                except BillingError as error:
                    call = flow.throw(error)
                else:
                    call = flow.send(answer)
        except StopIteration as end:
            done: T = end.value
            return done

    async def aclose(self) -> None:
        """Drop the kept connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _answer(self, call: Call) -> Answer:
        """The answer to a call, after as many tries as it takes until the deadline; ApiError, Unanswered."""
        tries = Tries(call, self.retries, AGENT, self._clock)
        token = None if call.public else await self._tokens.current()
        while True:
            try:
                return tries.checked(await self._transport.send(tries.request(token)))
            except BillingError as error:
                match tries.after(error):
                    case Wait(seconds):
                        await self._sleep(seconds)
                    case FetchToken():
                        token = await self._tokens.another(token or "")
                        if token is None:
                            raise


def later(calls: Callable[P, Flow[T]]) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """The method that makes these calls and awaits their answers."""

    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(calls(*args, **kwargs))

    return like(calls, method)


class AsyncEveryone(AsyncClient):
    """What needs no token."""

    plans = later(user_calls.plans)
    prices = later(user_calls.prices)
    openapi = later(user_calls.openapi)
