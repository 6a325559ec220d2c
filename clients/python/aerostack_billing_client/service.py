"""What the platform's own services may do, with a token that has the scope: count usage, take money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from aerostack_billing_client.blocks import LeaseTerms
from aerostack_billing_client.calling import Call
from aerostack_billing_client.client import Client, given, new_key, segment
from aerostack_billing_client.errors import ApiError, UnexpectedAnswer, error_in
from aerostack_billing_client.holds import HeldMoney
from aerostack_billing_client.meter import LeasedMeter
from aerostack_billing_client.money import Cents, written
from aerostack_billing_client.plan_answers import Claimed, Consumed, Freed, Leased, Settled
from aerostack_billing_client.reading import read
from aerostack_billing_client.wallet_answers import Captured, Charged, Held, Refunded, Released

Kind = Literal["bot_conversation", "agent_execution", "tool_call"]
BillingMode = Literal["wallet", "byok"]
MOST_EVENTS = 100
"""What one batch takes; more are sent in several."""


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """Something to count. It has a key from the start: handed in twice, it is counted once."""

    account_id: str
    metric: str
    quantity: int = 1
    idempotency_key: str = field(default_factory=new_key)

    def body(self) -> dict[str, object]:
        """As a request holds it."""
        return {
            "account_id": self.account_id,
            "metric": self.metric,
            "quantity": self.quantity,
            "idempotency_key": self.idempotency_key,
        }


@dataclass(frozen=True, slots=True)
class EventResult:
    """What became of an event: it was counted, or why it was not."""

    event: UsageEvent
    consumed: Consumed | None
    error: ApiError | None


class ServiceClient(Client):
    """Calls for any account, which each names. Usage needs the scope `billing:meter`, money `billing:charge`.

    A POST that is given no idempotency key gets one before its first try. Give your own, such as the id of what you
    serve, where a call must also survive the end of your process.
    """

    # Usage

    def consume(
        self,
        account_id: str,
        metric: str,
        quantity: int = 1,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Consumed:
        """Count usage if the plan has room for it; with `dry_run`, only tell whether it has.

        PlanLimitExceeded with nothing counted; RateLimited; UnknownMetric. A negative quantity gives storage back.
        """
        key = idempotency_key if dry_run else idempotency_key or new_key()
        body = given(
            account_id=account_id, metric=metric, quantity=quantity, idempotency_key=key, dry_run=dry_run or None
        )
        return self._ask(Consumed, "POST", "/api/billing/usage/consume", body)

    def consume_batch(self, events: Sequence[UsageEvent]) -> tuple[EventResult, ...]:
        """Count many events, a hundred in a request; the result of each, in order. One refused refuses no other.

        After an error, hand the same events in again: those that were counted are not counted twice.
        """
        results: list[EventResult] = []
        for start in range(0, len(events), MOST_EVENTS):
            results += self._batch(events[start : start + MOST_EVENTS])
        return tuple(results)

    def lease(
        self, account_id: str, metric: str, quantity: int, *, ttl_seconds: int, allow_partial: bool = False
    ) -> Leased:
        """A block of quota to use without asking, counted as used until it is settled; see also `meter`.

        A lease has no idempotency key. So it is not asked for again where the first answer was lost, which may have
        cost its quantity: the error says so by `outcome_unknown`. PlanLimitExceeded.
        """
        body = given(
            account_id=account_id,
            metric=metric,
            quantity=quantity,
            ttl_seconds=ttl_seconds,
            allow_partial=allow_partial or None,
        )
        return self._ask(Leased, "POST", "/api/billing/usage/leases", body, repeatable=False)

    def settle(self, account_id: str, lease_id: str, used: int) -> Settled:
        """Give back what of a lease was not used, once. After it expired nothing goes back. LeaseNotFound."""
        path = f"/api/billing/usage/leases/{segment(lease_id)}/settle"
        return self._ask(Settled, "POST", path, {"account_id": account_id, "used": used})

    def meter(self, terms: LeaseTerms | None = None) -> LeasedMeter:
        """Counts usage without a request for each, by leases taken ahead. Close it, or use it as a context manager."""
        return LeasedMeter(self, terms or LeaseTerms(), self.retries)

    def claim_resource(self, account_id: str, kind: str, resource_id: str) -> Claimed:
        """Take a place of the plan for a thing; again: the same. PlanLimitExceeded, UnknownResourceKind."""
        return self._ask(Claimed, "PUT", _place(kind, resource_id), {"account_id": account_id})

    def free_resource(self, account_id: str, kind: str, resource_id: str) -> Freed:
        """Give the place of a thing back. UnknownResourceKind."""
        return self._ask(Freed, "DELETE", _place(kind, resource_id), query={"account_id": account_id})

    # Money

    def charge(
        self,
        account_id: str,
        kind: Kind,
        amount_cents: Cents,
        *,
        billing_mode: BillingMode = "wallet",
        reference: str | None = None,
        creator_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Charged:
        """Take a price from the wallet, once for the key, for ever. InsufficientBalance, SpendCapReached."""
        body = given(
            account_id=account_id,
            kind=kind,
            amount_cents=written(amount_cents),
            billing_mode=billing_mode,
            reference=reference,
            creator_id=creator_id,
            idempotency_key=idempotency_key or new_key(),
        )
        return self._ask(Charged, "POST", "/api/balance/charges", body)

    def refund_charge(
        self, account_id: str, charge_id: str, *, reason: str | None = None, idempotency_key: str | None = None
    ) -> Refunded:
        """Give the whole price of a charge back, once. ChargeNotFound, AlreadyRefunded."""
        body = given(account_id=account_id, reason=reason, idempotency_key=idempotency_key or new_key())
        return self._ask(Refunded, "POST", f"/api/balance/charges/{segment(charge_id)}/refund", body)

    def hold(
        self,
        account_id: str,
        kind: Kind,
        amount_cents: Cents,
        *,
        ttl_seconds: int | None = None,
        creator_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> HeldMoney:
        """Money to set aside for work that is priced when it ends: a context manager around that work.

        It is taken on entering: InsufficientBalance, SpendCapReached. `capture` it inside; else it is released.
        """
        key = idempotency_key or new_key()

        def take() -> Held:
            return self.take_hold(
                account_id, kind, amount_cents, ttl_seconds=ttl_seconds, creator_id=creator_id, idempotency_key=key
            )

        return HeldMoney(self, account_id, key, take)

    def take_hold(
        self,
        account_id: str,
        kind: Kind,
        amount_cents: Cents,
        *,
        ttl_seconds: int | None = None,
        creator_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Held:
        """Set money aside until it is captured, released, or its time is over. InsufficientBalance, SpendCapReached."""
        body = given(
            account_id=account_id,
            kind=kind,
            amount_cents=written(amount_cents),
            ttl_seconds=ttl_seconds,
            creator_id=creator_id,
            idempotency_key=idempotency_key or new_key(),
        )
        return self._ask(Held, "POST", "/api/balance/holds", body)

    def capture_hold(
        self,
        account_id: str,
        hold_id: str,
        amount_cents: Cents,
        *,
        allow_partial: bool = False,
        idempotency_key: str | None = None,
    ) -> Captured:
        """Take the price of the work; what is held beyond it goes back, what is missing comes from the balance.

        InsufficientBalance, with the hold kept, unless `allow_partial` takes what there is. HoldNotFound, HoldEnded.
        """
        body = given(
            account_id=account_id,
            amount_cents=written(amount_cents),
            allow_partial=allow_partial or None,
            idempotency_key=idempotency_key or new_key(),
        )
        return self._ask(Captured, "POST", f"/api/balance/holds/{segment(hold_id)}/capture", body)

    def release_hold(self, account_id: str, hold_id: str, *, idempotency_key: str | None = None) -> Released:
        """Give the whole hold back. HoldNotFound, HoldEnded."""
        body = given(account_id=account_id, idempotency_key=idempotency_key or new_key())
        return self._ask(Released, "POST", f"/api/balance/holds/{segment(hold_id)}/release", body)

    def _batch(self, events: Sequence[UsageEvent]) -> list[EventResult]:
        body = {"events": [event.body() for event in events]}
        told = self._tell(Call(method="POST", path="/api/billing/usage/batch", body=body))
        results = told.get("results") if isinstance(told, dict) else None
        if not isinstance(results, list) or len(results) != len(events):
            raise UnexpectedAnswer("The answer has not one result for each event.")
        return [_result(event, result) for event, result in zip(events, results, strict=True)]


def _place(kind: str, resource_id: str) -> str:
    return f"/api/billing/resources/{segment(kind)}/{segment(resource_id)}"


def _result(event: UsageEvent, result: object) -> EventResult:
    status = result.get("status") if isinstance(result, dict) else None
    if not isinstance(status, int):
        raise UnexpectedAnswer("An event's result has no status.")
    if status == 200:
        return EventResult(event, read(Consumed, result), None)
    error = error_in(status, result)
    error.idempotency_key, error.attempts = event.idempotency_key, 1
    return EventResult(event, None, error)
