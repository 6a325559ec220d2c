"""The streams of a provider's client, each paid once: when it ends, is closed, or breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Self

from aerostack_billing_client.aio.service import AsyncServiceClient
from aerostack_billing_client.asking import Flow
from aerostack_billing_client.service import ServiceClient
from aerostack_billing_client.wrap.deal import Deal

Stream = Any
"""A stream of the provider's own client."""


class BilledStream:
    """A stream of events. One that is cut pays its input and a token for each event that came."""

    def __init__(
        self, billing: ServiceClient, deal: Deal, hold_id: str, stream: Stream, hidden: Callable[[object], bool]
    ) -> None:
        self._billing = billing
        self._deal = deal
        self._hold_id = hold_id
        self._stream = stream
        self._hidden = hidden
        self._settled = False
        self._events = self._read()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

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
        if not self._settled:
            self._settled = True
            self._billing.run(self._deal.end(self._hold_id, cut=cut, failed=failed))


async def shielded(billing: AsyncServiceClient, flow: Flow[None]) -> None:
    """Make calls that must be made although the task is being cancelled."""
    import anyio  # noqa: PLC0415 - comes with httpx

    with anyio.CancelScope(shield=True):
        await billing.run(flow)


class AsyncBilledStream:
    """As `BilledStream`, awaited."""

    def __init__(
        self, billing: AsyncServiceClient, deal: Deal, hold_id: str, stream: Stream, hidden: Callable[[object], bool]
    ) -> None:
        self._billing = billing
        self._deal = deal
        self._hold_id = hold_id
        self._stream = stream
        self._hidden = hidden
        self._settled = False
        self._events = self._read()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

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
        if not self._settled:
            self._settled = True
            await shielded(self._billing, self._deal.end(self._hold_id, cut=cut, failed=failed))
