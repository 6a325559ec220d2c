"""The streams of a provider's client, each paid once: when it ends, is closed, or breaks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from aerostack_billing_client.aio.allowance import AsyncAllowance
from aerostack_billing_client.aio.service import AsyncServiceClient
from aerostack_billing_client.allowance import Allowance
from aerostack_billing_client.asking import Flow
from aerostack_billing_client.service import ServiceClient
from aerostack_billing_client.wrap.deal import Deal

B = TypeVar("B")
Stream = Any
"""A stream of the provider's own client."""


class _Billed(ABC, Generic[B]):
    """What is known of a stream that is paid, in either way of reading it."""

    def __init__(self, billing: B, deal: Deal, hold_id: str, stream: Stream, hidden: Callable[[object], bool]) -> None:
        self._billing = billing
        self._deal = deal
        self._hold_id = hold_id
        self._stream = stream
        self._hidden = hidden
        self._settled = False
        self._events = self._read()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    @abstractmethod
    def _read(self) -> Any:  # noqa: ANN401 - a generator of the provider's events
        """The events, which are paid when they end."""

    def _due(self, *, cut: bool, failed: bool) -> Flow[None] | None:
        """The calls that pay for it; None where that was done."""
        if self._settled:
            return None
        self._settled = True
        return self._deal.end(self._hold_id, cut=cut, failed=failed)


class BilledStream(_Billed[ServiceClient]):
    """A stream of events. One that is cut pays its input and a token for each event that came."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:  # noqa: ANN401 - the provider's own
        return next(self._events)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Read no more; what came is paid."""
        self._events.close()
        close = getattr(self._stream, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._settle(cut=True, failed=False)

    def _read(self) -> Generator[Any, None, None]:
        try:
            for event in self._stream:
                self._deal.heard(event)
                if not self._hidden(event):
                    yield event
        except GeneratorExit:
            self._settle(cut=True, failed=False)
            raise
        except BaseException:
            self._settle(cut=True, failed=True)
            raise
        self._settle(cut=False, failed=False)

    def _settle(self, *, cut: bool, failed: bool) -> None:
        if (due := self._due(cut=cut, failed=failed)) is not None:
            self._billing.run(due)


def taken(billing: ServiceClient, deal: Deal) -> str:
    """Set the estimate of a call aside, by a hold of its own or out of the allowance: the id of the hold."""
    if deal.allowance is None:
        return billing.run(deal.take()).hold_id
    if not isinstance(deal.allowance, Allowance):
        raise TypeError("a call that blocks is paid out of an Allowance")
    return deal.reserved(deal.allowance.reserve(**deal.reserving))


async def taken_later(billing: AsyncServiceClient, deal: Deal) -> str:
    """As `taken`, awaited."""
    if deal.allowance is None:
        return (await billing.run(deal.take())).hold_id
    if not isinstance(deal.allowance, AsyncAllowance):
        raise TypeError("a call that is awaited is paid out of an AsyncAllowance")
    return deal.reserved(await deal.allowance.reserve(**deal.reserving))


async def shielded(billing: AsyncServiceClient, flow: Flow[None]) -> None:
    """Make calls that must be made although the task is being cancelled."""
    import anyio  # noqa: PLC0415 - comes with httpx

    with anyio.CancelScope(shield=True):
        await billing.run(flow)


class AsyncBilledStream(_Billed[AsyncServiceClient]):
    """As `BilledStream`, awaited."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401 - the provider's own
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Read no more; what came is paid."""
        await self._events.aclose()
        try:
            await getattr(self._stream, "aclose", self._stream.close)()
        finally:
            await self._settle(cut=True, failed=False)

    async def _read(self) -> Any:  # noqa: ANN401 - an async generator of the provider's events
        try:
            async for event in self._stream:
                self._deal.heard(event)
                if not self._hidden(event):
                    yield event
        except GeneratorExit:
            await self._settle(cut=True, failed=False)
            raise
        except BaseException:
            await self._settle(cut=True, failed=True)
            raise
        await self._settle(cut=False, failed=False)

    async def _settle(self, *, cut: bool, failed: bool) -> None:
        if (due := self._due(cut=cut, failed=failed)) is not None:
            await shielded(self._billing, due)
