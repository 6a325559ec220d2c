"""Money set aside around a piece of work that is awaited."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self, TypeVar

from aerostack_billing_client.asking import Flow
from aerostack_billing_client.holds import HoldOf
from aerostack_billing_client.money import Cents
from aerostack_billing_client.service_calls import Holding, Labels
from aerostack_billing_client.usage import TokenUsage
from aerostack_billing_client.wallet_answers import Captured

T = TypeVar("T")
_RELEASE_SECONDS = 5.0
"""How long a task that is cancelled is kept for giving a hold back; it lapses by itself."""


class AsyncRuns(Protocol):
    """What makes calls."""

    async def run(self, flow: Flow[T]) -> T:
        """Make them, and return what they return."""


class AsyncHeldMoney(HoldOf):
    """A hold for the time of an `async with` block, as `HeldMoney` is for a `with` block.

    Where the task is cancelled inside, the money goes back all the same.
    """

    def __init__(self, client: AsyncRuns, holding: Holding) -> None:
        super().__init__(holding)
        self._client = client

    async def capture(
        self,
        amount_cents: Cents | None = None,
        *,
        usage: TokenUsage | None = None,
        allow_partial: bool = False,
        labels: Labels | None = None,
    ) -> Captured:
        """Take the price; the rest goes back. Repeat it with the same price as often as needed: it is taken once.

        An amount, or usage by the price book of when the hold was taken; neither of them where a tool's price is held.

        InsufficientBalance, with the hold kept, where the price is above the hold and the wallet is short;
        `allow_partial` takes what there is.
        """
        return await self._client.run(
            self._holding.capture(amount_cents, usage=usage, allow_partial=allow_partial, labels=labels)
        )

    async def __aenter__(self) -> Self:
        await self._client.run(self._holding.take())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import anyio  # noqa: PLC0415 - comes with httpx

        with anyio.move_on_after(_RELEASE_SECONDS, shield=True):
            await self._client.run(self._holding.end())
