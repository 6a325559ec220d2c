"""Charging without a request for each charge, from coroutines: `Allowance` with its requests on the event loop."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self, TypeVar, Unpack

from aerostack_billing_client.aio.holds import AsyncRuns
from aerostack_billing_client.aio.on_loop import OnLoop
from aerostack_billing_client.allowance import Allowance
from aerostack_billing_client.allowance_parts import Reserved
from aerostack_billing_client.allowance_terms import AllowanceStats, AllowanceTerms, ChargeTerms
from aerostack_billing_client.asking import Flow
from aerostack_billing_client.calling import Retries
from aerostack_billing_client.money import Cents
from aerostack_billing_client.service_calls import Kind, Labels

T = TypeVar("T")


class _Calls:
    """Makes a thread's calls by the client of coroutines."""

    def __init__(self, client: AsyncRuns, loop: OnLoop) -> None:
        self._client = client
        self._loop = loop

    def run(self, flow: Flow[T]) -> T:
        """Make them, and return what they return."""
        return self._loop.wait(self._client.run(flow))


class AsyncAllowance:
    """As `Allowance`, from the coroutines of one event loop of asyncio.

    What is in hand is handed out without waiting for anything. Only where too little is does `charge` wait: one
    coroutine asks for more, and the others wait for it. A charge whose task is cancelled while it waits takes nothing.

    Close it before the loop ends, or use it as an async context manager: else what was handed out and not captured yet
    is lost, as in a process that is killed.
    """

    def __init__(
        self,
        client: AsyncRuns,
        account_id: str,
        terms: AllowanceTerms,
        retries: Retries,
        *,
        kind: Kind = "agent_execution",
        labels: Labels | None = None,
    ) -> None:
        # One thread asks for more, and another closes.
        self._loop = OnLoop(retries, 2, "aerostack-allowance-ask")
        self.account_id = account_id
        self._allowance = Allowance(_Calls(client, self._loop), account_id, terms, kind=kind, labels=labels)
        self._asking = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Async{self._allowance!r}"

    async def charge(self, amount_cents: Cents | None = None, **more: Unpack[ChargeTerms]) -> None:
        """Take a price out of what is held; mostly without waiting. Errors as `Allowance.charge`."""
        self._loop.bind()
        if self._allowance.charge_at_hand(amount_cents, **more):
            return
        async with self._asking:
            while not self._allowance.charge_at_hand(amount_cents, **more):
                await self._ask_for(amount_cents, **more)

    async def reserve(self, amount_cents: Cents | None = None, **more: Unpack[ChargeTerms]) -> Reserved:
        """Set aside what work may cost, as `Allowance.reserve`; to charge or release it waits for nothing."""
        self._loop.bind()
        if (reserved := self._allowance.reserve_at_hand(amount_cents, **more)) is not None:
            return reserved
        async with self._asking:
            while (reserved := self._allowance.reserve_at_hand(amount_cents, **more)) is None:
                await self._ask_for(amount_cents, **more)
        return reserved

    async def _ask_for(self, amount_cents: Cents | None, **more: Unpack[ChargeTerms]) -> None:
        await self._loop.in_thread(lambda: self._allowance.ask_for(amount_cents, **more))

    async def settle(self) -> None:
        """Capture now what was handed out up to now; BillingError where that fails, and it is tried again later."""
        await self._loop.in_thread(self._allowance.settle)

    def stats(self) -> AllowanceStats:
        """What was done so far."""
        return self._allowance.stats()

    async def aclose(self) -> None:
        """Capture what was handed out, and give the rest of the hold back, also where the task is being cancelled."""
        import anyio  # noqa: PLC0415 - comes with httpx

        with anyio.CancelScope(shield=True):
            await self._loop.in_thread(self._allowance.close)
        self._loop.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
