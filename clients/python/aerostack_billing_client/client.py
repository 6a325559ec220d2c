"""What the clients for users and for services share: the driver that makes calls and waits for their answers."""

from __future__ import annotations

import copy
import functools
import inspect
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Concatenate, ParamSpec, Protocol, Self, TypeVar

from aerostack_billing_client import user_calls
from aerostack_billing_client.asking import Flow
from aerostack_billing_client.calling import Answer, Call, FetchToken, Request, Retries, Tries, Wait
from aerostack_billing_client.errors import BillingError
from aerostack_billing_client.tokens import Token, Tokens
from aerostack_billing_client.transport import MakePool, Transport, default_pool

P = ParamSpec("P")
T = TypeVar("T")
AGENT = "aerostack-billing-client/0.1.0"


class Sends(Protocol):
    """What brings one request to the service."""

    def send(self, request: Request) -> Answer:
        """One request, once; Unanswered."""

    def close(self) -> None:
        """Drop what is kept open."""


class Client:
    """Calls the service. One is enough for a process: any number of threads may use it at once.

    `base_url` is https, or http on loopback. `token` is a bearer token, or a function that fetches one. A call is
    repeated by itself, always under the same idempotency key, for as long as `retries` says. `make_pool` makes the
    connections, where they are to go through a proxy or trust other certificates; `transport` takes their place.
    """

    def __init__(
        self,
        base_url: str,
        token: Token = "",
        *,
        retries: Retries | None = None,
        make_pool: MakePool = default_pool,
        transport: Sends | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = base_url
        self.retries = retries or Retries()
        self._transport = transport or Transport(base_url, make_pool)
        self._tokens = Tokens(token)
        self._sleep = sleep
        self._clock = clock

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def within(self, seconds: float) -> Self:
        """The same client, whose calls each end after so many seconds; it shares connections and token."""
        other = copy.copy(self)
        other.retries = replace(self.retries, deadline_seconds=seconds)
        return other

    def run(self, flow: Flow[T]) -> T:
        """Make the calls that a method is made of, and return what it returns."""
        try:
            call = next(flow)
            while True:
                try:
                    answer = self._answer(call)
                except BillingError as error:
                    call = flow.throw(error)
                else:
                    call = flow.send(answer)
        except StopIteration as end:
            done: T = end.value
            return done

    def close(self) -> None:
        """Drop the kept connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, call: Call) -> Answer:
        """The answer to a call, after as many tries as it takes until the deadline; ApiError, Unanswered."""
        tries = Tries(call, self.retries, AGENT, self._clock)
        token = None if call.public else self._tokens.current()
        while True:
            try:
                return tries.checked(self._transport.send(tries.request(token)))
            except BillingError as error:
                match tries.after(error):
                    case Wait(seconds):
                        self._sleep(seconds)
                    case FetchToken():
                        token = self._tokens.another(token or "")
                        if token is None:
                            raise


def now(calls: Callable[P, Flow[T]]) -> Callable[Concatenate[Client, P], T]:
    """The method that makes these calls and waits for their answers."""

    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(calls(*args, **kwargs))

    return like(calls, method)


def like(calls: Callable[..., object], method: Callable[P, T]) -> Callable[P, T]:
    """The method with the name, the words and the parameters of the calls that it makes."""
    functools.update_wrapper(method, calls)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = inspect.signature(calls)
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[itself, *signature.parameters.values()], return_annotation=inspect.Signature.empty
    )
    return method


class Everyone(Client):
    """What needs no token."""

    plans = now(user_calls.plans)
    prices = now(user_calls.prices)
    openapi = now(user_calls.openapi)
