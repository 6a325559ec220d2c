"""The async clients, called as if they were the ones for threads: so that one test shows both."""

# ruff: noqa: ANN401 - it stands for anything

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from aerostack_billing_client import AsyncHeldMoney


class Awaited:
    """Something of the async client's, whose methods are awaited on an event loop of another thread."""

    def __init__(self, inner: Any, portal: BlockingPortal) -> None:
        self._inner = inner
        self._portal = portal

    def __repr__(self) -> str:
        return repr(self._inner)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def call(*args: Any, **kwargs: Any) -> Any:
            made = functools.partial(found, *args, **kwargs)
            if inspect.isasyncgenfunction(found):
                return self._portal.call(_gathered, made)
            result = self._portal.call(_awaited, made)
            if isinstance(result, AsyncHeldMoney):
                return AwaitedHold(result, self._portal)
            return result

        return call


class AwaitedHold(Awaited):
    """A hold around a block."""

    def __enter__(self) -> Self:
        self._portal.call(self._inner.__aenter__)
        return self

    def __exit__(self, *failed: Any) -> None:
        self._portal.call(self._inner.__aexit__, *failed)


class AwaitedClient(Awaited):
    """A client, with an event loop of its own."""

    def __init__(self, inner: Any) -> None:
        self._open = ExitStack()
        super().__init__(inner, self._open.enter_context(start_blocking_portal()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the client, and end its loop."""
        with self._open:
            self._portal.call(self._inner.aclose)

    def account_scope(self, account_id: str) -> Awaited:
        """One account's calls."""
        return Awaited(self._inner.account(account_id), self._portal)


async def _awaited(made: functools.partial[Any]) -> Any:
    result = made()
    return await result if inspect.isawaitable(result) else result


async def _gathered(made: functools.partial[Any]) -> Iterator[Any]:
    return iter([item async for item in made()])
