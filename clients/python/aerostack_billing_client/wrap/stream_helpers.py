"""The `stream(…)` helpers of OpenAI and Anthropic: their own events and results, over a stream that is paid."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

from aerostack_billing_client.aio.service import AsyncServiceClient
from aerostack_billing_client.service import ServiceClient
from aerostack_billing_client.wrap.deal import Deal
from aerostack_billing_client.wrap.providers import Asked, NotBilled, Provider
from aerostack_billing_client.wrap.streams import AsyncBilledStream, BilledStream, shielded, taken, taken_later

B = TypeVar("B")
S = TypeVar("S")
_RAW = "_raw_stream"
"""From what both SDKs' helpers read: the events as the provider sent them."""


class _Helper(Generic[B, S]):
    """What is known of a helper that is paid, in either way of using it."""

    def __init__(
        self,
        billing: B,
        deal: Deal,
        provider: Provider,
        method: Callable[..., Any],
        path: str,
        asked: Asked,
    ) -> None:
        self._billing = billing
        self._deal = deal
        self._make = method
        self._sent, self._hidden = provider.prepared(path, asked)
        self._manager: Any = None
        self._paid: S | None = None


class BilledHelper(_Helper[ServiceClient, BilledStream]):
    """Holds money when its block is entered, and pays when the stream beneath ends or the block is left."""

    def __enter__(self) -> Any:  # noqa: ANN401 - the provider's own
        hold_id = taken(self._billing, self._deal)
        try:
            self._manager = self._make(**self._sent)
            helper = self._manager.__enter__()
        except BaseException:
            self._billing.run(self._deal.release(hold_id))
            raise
        try:
            raw = _raw_of(helper)
        except NotBilled:
            helper.close()
            self._billing.run(self._deal.release(hold_id))
            raise
        self._paid = BilledStream(self._billing, self._deal, hold_id, raw, self._hidden)
        setattr(helper, _RAW, self._paid)
        return helper

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._manager.__exit__(kind, error, trace)
        finally:
            if self._paid is not None:
                self._paid.close()


class AsyncBilledHelper(_Helper[AsyncServiceClient, AsyncBilledStream]):
    """As `BilledHelper`, awaited."""

    async def __aenter__(self) -> Any:  # noqa: ANN401 - the provider's own
        hold_id = await taken_later(self._billing, self._deal)
        try:
            self._manager = self._make(**self._sent)
            helper = await self._manager.__aenter__()
        except BaseException:
            await shielded(self._billing, self._deal.release(hold_id))
            raise
        try:
            raw = _raw_of(helper)
        except NotBilled:
            await helper.close()
            await shielded(self._billing, self._deal.release(hold_id))
            raise
        self._paid = AsyncBilledStream(self._billing, self._deal, hold_id, raw, self._hidden)
        setattr(helper, _RAW, self._paid)
        return helper

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._manager.__aexit__(kind, error, trace)
        finally:
            if self._paid is not None:
                await self._paid.close()


def _raw_of(helper: object) -> Any:  # noqa: ANN401 - the provider's own
    """The stream beneath a helper; NotBilled where a version of the SDK keeps it elsewhere, so that nothing is free."""
    raw = getattr(helper, _RAW, None)
    if raw is None:
        raise NotBilled(f"{type(helper).__name__} of this version is not billed: use create(stream=True)")
    return raw
