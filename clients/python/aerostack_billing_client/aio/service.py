"""What the platform's own services may do, awaited: count usage, take money."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec

from aerostack_billing_client import allowance_calls, charge_batches, operator_calls
from aerostack_billing_client import service_calls as calls
from aerostack_billing_client.aio.allowance import AsyncAllowance
from aerostack_billing_client.aio.client import AsyncClient, AsyncEveryone, later
from aerostack_billing_client.aio.holds import AsyncHeldMoney
from aerostack_billing_client.aio.meter import AsyncLeasedMeter
from aerostack_billing_client.allowance_terms import AllowanceTerms
from aerostack_billing_client.blocks import LeaseTerms
from aerostack_billing_client.client import like
from aerostack_billing_client.money import Cents
from aerostack_billing_client.scope import Scope, scoped

P = ParamSpec("P")


def held(hold: Callable[P, calls.Holding]) -> Callable[Concatenate[AsyncClient, P], AsyncHeldMoney]:
    """The method that sets money aside around an `async with` block."""

    def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncHeldMoney:
        return AsyncHeldMoney(self, hold(*args, **kwargs))

    return like(hold, method)


class AsyncServiceClient(AsyncEveryone):
    """As `ServiceClient`, awaited."""

    # Usage
    consume = later(calls.consume)
    consume_batch = later(calls.consume_batch)
    lease = later(calls.lease)
    settle = later(calls.settle)
    claim_resource = later(calls.claim_resource)
    free_resource = later(calls.free_resource)

    # Money
    charge = later(calls.charge)
    charge_batch = later(charge_batches.charge_batch)
    quote = later(calls.quote)
    refund_charge = later(calls.refund_charge)
    hold = held(calls.hold)
    take_hold = later(calls.take_hold)
    capture_hold = later(calls.capture_hold)
    capture_items = later(allowance_calls.capture_items)
    extend_hold = later(allowance_calls.extend_hold)
    release_hold = later(calls.release_hold)

    # Operators
    timeline_page = later(operator_calls.timeline_page)

    def meter(self, terms: LeaseTerms | None = None) -> AsyncLeasedMeter:
        """Counts usage without a request for each, by leases taken ahead; an async context manager. For asyncio."""
        return AsyncLeasedMeter(self, terms or LeaseTerms(), self.retries)

    def allowance(
        self,
        account_id: str,
        cents: Cents,
        *,
        kind: calls.Kind = "agent_execution",
        labels: calls.Labels | None = None,
        ttl_seconds: int = 300,
        settle_seconds: float = 2.0,
    ) -> AsyncAllowance:
        """Takes charges without a request for each, out of money that is held ahead: `cents` at most. For asyncio.

        An async context manager. See `Allowance` for what a process that is killed loses.
        """
        terms = AllowanceTerms(cents=cents, ttl_seconds=ttl_seconds, settle_seconds=settle_seconds)
        return AsyncAllowance(self, account_id, terms, self.retries, kind=kind, labels=labels)

    def account(self, account_id: str, labels: calls.Labels | None = None) -> AsyncAccountScope:
        """The same calls for one account, which is named once, as are the labels of all that is charged to it."""
        return AsyncAccountScope(self, account_id, labels)


class AsyncAccountScope(Scope[AsyncServiceClient]):
    """As `AccountScope`, awaited."""

    consume = scoped(AsyncServiceClient.consume)
    timeline_page = scoped(AsyncServiceClient.timeline_page)
    lease = scoped(AsyncServiceClient.lease)
    settle = scoped(AsyncServiceClient.settle)
    claim_resource = scoped(AsyncServiceClient.claim_resource)
    free_resource = scoped(AsyncServiceClient.free_resource)

    allowance = scoped(AsyncServiceClient.allowance)
    charge = scoped(AsyncServiceClient.charge)
    quote = scoped(AsyncServiceClient.quote)
    refund_charge = scoped(AsyncServiceClient.refund_charge)
    hold = scoped(AsyncServiceClient.hold)
    take_hold = scoped(AsyncServiceClient.take_hold)
    capture_hold = scoped(AsyncServiceClient.capture_hold)
    capture_items = scoped(AsyncServiceClient.capture_items)
    extend_hold = scoped(AsyncServiceClient.extend_hold)
    release_hold = scoped(AsyncServiceClient.release_hold)
