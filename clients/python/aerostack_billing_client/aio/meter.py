"""Counting without a request for each count, from coroutines: `LeasedMeter` with its requests on the event loop."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Protocol, Self

from aerostack_billing_client.aio.on_loop import OnLoop
from aerostack_billing_client.blocks import LeaseTerms
from aerostack_billing_client.calling import Retries
from aerostack_billing_client.meter import LeasedMeter, MeterStats
from aerostack_billing_client.plan_answers import Leased, Settled

_THREADS = 8
"""How many accounts' leases are waited for at once."""


class AsyncLeases(Protocol):
    """What leases and settles."""

    async def lease(
        self, account_id: str, metric: str, quantity: int, *, ttl_seconds: int, allow_partial: bool
    ) -> Leased:
        """A block of quota."""

    async def settle(self, account_id: str, lease_id: str, used: int) -> Settled:
        """Give back what was not used."""


class _Leases:
    """Leases asked for by threads and made on the event loop."""

    def __init__(self, leases: AsyncLeases, loop: OnLoop) -> None:
        self._leases = leases
        self._loop = loop

    def lease(self, account_id: str, metric: str, quantity: int, *, ttl_seconds: int, allow_partial: bool) -> Leased:
        """A block of quota."""
        return self._loop.wait(
            self._leases.lease(account_id, metric, quantity, ttl_seconds=ttl_seconds, allow_partial=allow_partial)
        )

    def settle(self, account_id: str, lease_id: str, used: int) -> Settled:
        """Give back what was not used."""
        return self._loop.wait(self._leases.settle(account_id, lease_id, used))


class AsyncLeasedMeter:
    """Counts usage of any number of accounts and metrics, from the coroutines of one event loop of asyncio.

    What is in hand is used without waiting for anything. Only where nothing is does `consume` wait: one coroutine of
    an account asks for the next block, and the others wait for it. Close it before the loop ends, or use it as an
    async context manager: else what was leased and not used lapses, counted as used.
    """

    def __init__(self, leases: AsyncLeases, terms: LeaseTerms, retries: Retries) -> None:
        self._loop = OnLoop(retries, _THREADS, "aerostack-meter-ask")
        self._meter = LeasedMeter(_Leases(leases, self._loop), terms, retries)
        self._asking: dict[tuple[str, str], asyncio.Lock] = {}

    async def consume(self, account_id: str, metric: str, quantity: int = 1) -> None:
        """Count `quantity` units, one at least; PlanLimitExceeded exactly when the service refuses."""
        self._loop.bind()
        if self._meter.consume_at_hand(account_id, metric, quantity):
            return
        asking = self._asking.setdefault((account_id, metric), asyncio.Lock())
        try:
            async with asking:
                if not self._meter.consume_at_hand(account_id, metric, quantity):
                    await self._loop.in_thread(self._meter.consume, account_id, metric, quantity)
        finally:
            if not asking.locked():
                self._asking.pop((account_id, metric), None)

    def stats(self) -> MeterStats:
        """What it did so far."""
        return self._meter.stats()

    async def aclose(self) -> None:
        """Settle everything in hand."""
        await self._loop.in_thread(self._meter.close)
        self._loop.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
