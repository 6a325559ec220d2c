"""What the platform's own services may do, with a token that has the scope: count usage, take money."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec

from aerostack_billing_client import allowance_calls, charge_batches, operator_calls
from aerostack_billing_client import service_calls as calls
from aerostack_billing_client.allowance import Allowance
from aerostack_billing_client.allowance_terms import AllowanceTerms
from aerostack_billing_client.blocks import LeaseTerms
from aerostack_billing_client.client import Client, Everyone, like, now
from aerostack_billing_client.holds import HeldMoney
from aerostack_billing_client.meter import LeasedMeter
from aerostack_billing_client.money import Cents
from aerostack_billing_client.scope import Scope, scoped

P = ParamSpec("P")


def held(hold: Callable[P, calls.Holding]) -> Callable[Concatenate[Client, P], HeldMoney]:
    """The method that sets money aside around a `with` block."""

    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> HeldMoney:
        return HeldMoney(self, hold(*args, **kwargs))

    return like(hold, method)


class ServiceClient(Everyone):
    """Calls for any account, which each names. Usage needs the scope `billing:meter`, money `billing:charge`,
    an account's timeline `billing:operate`.

    A POST that is given no idempotency key gets one before its first try. Give your own, such as the id of what you
    serve, where a call must also survive the end of your process.
    """

    # Usage
    consume = now(calls.consume)
    consume_batch = now(calls.consume_batch)
    lease = now(calls.lease)
    settle = now(calls.settle)
    claim_resource = now(calls.claim_resource)
    free_resource = now(calls.free_resource)

    # Money
    charge = now(calls.charge)
    charge_batch = now(charge_batches.charge_batch)
    quote = now(calls.quote)
    refund_charge = now(calls.refund_charge)
    hold = held(calls.hold)
    take_hold = now(calls.take_hold)
    capture_hold = now(calls.capture_hold)
    capture_items = now(allowance_calls.capture_items)
    extend_hold = now(allowance_calls.extend_hold)
    release_hold = now(calls.release_hold)

    # Operators
    timeline_page = now(operator_calls.timeline_page)

    def meter(self, terms: LeaseTerms | None = None) -> LeasedMeter:
        """Counts usage without a request for each, by leases taken ahead. Close it, or use it as a context manager."""
        return LeasedMeter(self, terms or LeaseTerms(), self.retries)

    def allowance(
        self,
        account_id: str,
        cents: Cents,
        *,
        kind: calls.Kind = "agent_execution",
        labels: calls.Labels | None = None,
        ttl_seconds: int = 300,
        settle_seconds: float = 2.0,
    ) -> Allowance:
        """Takes charges without a request for each, out of money that is held ahead: `cents` at most.

        Close it, or use it as a context manager. See `Allowance` for what a process that is killed loses. For threads;
        `AsyncServiceClient` has one for asyncio.
        """
        terms = AllowanceTerms(cents=cents, ttl_seconds=ttl_seconds, settle_seconds=settle_seconds)
        return Allowance(self, account_id, terms, kind=kind, labels=labels)

    def account(self, account_id: str, labels: calls.Labels | None = None) -> AccountScope:
        """The same calls for one account, which is named once, as are the labels of all that is charged to it."""
        return AccountScope(self, account_id, labels)


class AccountScope(Scope[ServiceClient]):
    """The calls of a service for one account: `billing.account("acct_1").charge("agent_execution", 12)`."""

    consume = scoped(ServiceClient.consume)
    timeline_page = scoped(ServiceClient.timeline_page)
    lease = scoped(ServiceClient.lease)
    settle = scoped(ServiceClient.settle)
    claim_resource = scoped(ServiceClient.claim_resource)
    free_resource = scoped(ServiceClient.free_resource)

    allowance = scoped(ServiceClient.allowance)
    charge = scoped(ServiceClient.charge)
    quote = scoped(ServiceClient.quote)
    refund_charge = scoped(ServiceClient.refund_charge)
    hold = scoped(ServiceClient.hold)
    take_hold = scoped(ServiceClient.take_hold)
    capture_hold = scoped(ServiceClient.capture_hold)
    capture_items = scoped(ServiceClient.capture_items)
    extend_hold = scoped(ServiceClient.extend_hold)
    release_hold = scoped(ServiceClient.release_hold)
