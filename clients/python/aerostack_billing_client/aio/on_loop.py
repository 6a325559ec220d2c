"""What runs in threads, with its requests on the event loop: so that there is one core, the one for threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar, TypeVarTuple, Unpack

from aerostack_billing_client.calling import Retries
from aerostack_billing_client.errors import Unanswered

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class OnLoop:
    """An event loop of asyncio on which threads have calls made, and the threads for it."""

    def __init__(self, retries: Retries, threads: int, name: str) -> None:
        # Longer than any call takes: it ends the wait for a loop that was stopped meanwhile.
        self._seconds = 2 * retries.deadline_seconds + 1
        self._threads = ThreadPoolExecutor(threads, name)
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self) -> None:
        """Make calls on the loop that is running here."""
        self._loop = asyncio.get_running_loop()

    async def in_thread(self, work: Callable[[Unpack[Ts]], T], /, *args: *Ts) -> T:
        """What the work returns, which waits in a thread and may have calls made here."""
        loop = self._loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, work, *args)

    def wait(self, asked: Coroutine[Any, Any, T]) -> T:
        """What was asked answers, for a thread. Unanswered where the loop has ended."""
        loop = self._loop
        answer: Future[T] | None = None
        if loop is not None and loop.is_running():
            with suppress(RuntimeError):
                answer = asyncio.run_coroutine_threadsafe(asked, loop)
        if answer is None:
            asked.close()
            raise Unanswered("The event loop has ended, so that the service cannot be asked.", sent=False)
        try:
            return answer.result(self._seconds)
        except (CancelledError, TimeoutError) as error:
            raise Unanswered("The event loop ended before the service answered.") from error

    def end(self) -> None:
        """Start no more threads."""
        self._threads.shutdown(wait=False)
