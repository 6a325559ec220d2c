"""The calls of the platform's own services: count usage, take money.

Usage needs the scope `billing:meter`, money `billing:charge`. A POST that is given no idempotency key gets one before
its first try.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aerostack_billing_client.asking import Flow, ask, ask_any, cut, given, mapping, new_key, segment
from aerostack_billing_client.calling import Call
from aerostack_billing_client.errors import ApiError, BillingError, UnexpectedAnswer, error_in
from aerostack_billing_client.money import Cents, written
from aerostack_billing_client.paid_for import price_of
from aerostack_billing_client.plan_answers import Claimed, Consumed, Freed, Leased, Settled
from aerostack_billing_client.reading import read
from aerostack_billing_client.usage import TokenUsage
from aerostack_billing_client.wallet_answers import Captured, Charged, Held, Quoted, Refunded, Released

_log = logging.getLogger(__name__)
Kind = str
"""What is paid for: `bot_conversation`, `agent_execution`, `tool_call`, or a kind of your own service's catalog."""
BillingMode = Literal["wallet", "byok", "plan_quota"]
Labels = Mapping[str, str]
"""Up to eight names of your own for whom and what it is for, as `{"agent": "agt_7"}`: ids, no personal data."""
MOST_EVENTS = 100
"""What one batch takes; more are sent in several."""
MOST_BATCH_BYTES = 1_000_000
"""What the events of one batch may take as JSON: below what the service takes in a request, 1 MiB."""


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


class Holding:
    """A hold for the time of a piece of work: how it is taken, captured, and given back. Both drivers run it.

    Once a capture was tried it is not released: whether it succeeded may be unknown, and unpaid work is not to become
    free.
    """

    def __init__(self, account_id: str, idempotency_key: str, take: Flow[Held], *, of_a_tool: bool = False) -> None:
        self.account_id = account_id
        self._of_a_tool = of_a_tool
        self.idempotency_key = idempotency_key
        self.captured: Captured | None = None
        self._take = take
        self._held: Held | None = None
        self._capturing = False

    @property
    def held(self) -> Held:
        """The hold as it was taken; RuntimeError before that."""
        if self._held is None:
            raise RuntimeError("the hold is taken on entering its with block")
        return self._held

    def take(self) -> Flow[None]:
        """Set the money aside."""
        self._held = yield from self._take

    def capture(
        self,
        amount_cents: Cents | None,
        *,
        usage: TokenUsage | None,
        allow_partial: bool,
        labels: Labels | None,
    ) -> Flow[Captured]:
        """Take the price, once, however often it is repeated."""
        hold_id = self.held.hold_id
        if self._of_a_tool and amount_cents is None and usage is None:
            amount_cents = self.held.amount_cents
        # A price that cannot even be sent is no capture that was tried.
        price_of(amount_cents, usage, labels)
        self._capturing = True
        self.captured = yield from capture_hold(
            self.account_id,
            hold_id,
            amount_cents,
            usage=usage,
            allow_partial=allow_partial,
            labels=labels,
            idempotency_key=self.idempotency_key,
        )
        return self.captured

    def end(self) -> Flow[None]:
        """Give the hold back, unless a capture was tried. Never fails: a hold that nobody ends lapses by itself."""
        if self._capturing:
            return
        try:
            yield from release_hold(self.account_id, self.held.hold_id, idempotency_key=self.idempotency_key)
        except BillingError:
            # The work's own exception must come through.
            _log.warning("a hold could not be released; it lapses at %s", self.held.expires_at, exc_info=True)


# Usage


def consume(
    account_id: str,
    metric: str,
    quantity: int = 1,
    *,
    idempotency_key: str | None = None,
    dry_run: bool = False,
) -> Flow[Consumed]:
    """Count usage if the plan has room for it; with `dry_run`, only tell whether it has.

    PlanLimitExceeded with nothing counted; RateLimited; UnknownMetric. A negative quantity gives storage back.
    """
    key = idempotency_key if dry_run else idempotency_key or new_key()
    body = given(account_id=account_id, metric=metric, quantity=quantity, idempotency_key=key, dry_run=dry_run or None)
    return ask(Consumed, Call(method="POST", path="/api/billing/usage/consume", body=body))


def consume_batch(events: Sequence[UsageEvent]) -> Flow[tuple[EventResult, ...]]:
    """Count many events, a hundred in a request or as many as fit; the result of each, in order.

    One that is refused refuses no other.

    After an error, hand the same events in again: those that were counted are not counted twice.
    """
    results: list[EventResult] = []
    for start, end in cut([event.body() for event in events], MOST_EVENTS, MOST_BATCH_BYTES):
        results += yield from _batch(events[start:end])
    return tuple(results)


def lease(
    account_id: str,
    metric: str,
    quantity: int,
    *,
    ttl_seconds: int,
    allow_partial: bool = False,
    idempotency_key: str | None = None,
) -> Flow[Leased]:
    """A block of quota to use without asking, counted as used until it is settled; see also `meter`.

    Under a key of yours it is repeated as every call is. Without one it is not asked for again where the first answer
    was lost, which may have cost its quantity: the error says so by `outcome_unknown`. PlanLimitExceeded.
    """
    body = given(
        account_id=account_id,
        metric=metric,
        quantity=quantity,
        ttl_seconds=ttl_seconds,
        allow_partial=allow_partial or None,
        idempotency_key=idempotency_key,
    )
    repeatable = idempotency_key is not None
    return ask(Leased, Call(method="POST", path="/api/billing/usage/leases", body=body, repeatable=repeatable))


def settle(account_id: str, lease_id: str, used: int) -> Flow[Settled]:
    """Give back what of a lease was not used, once. After it expired nothing goes back. LeaseNotFound."""
    path = f"/api/billing/usage/leases/{segment(lease_id)}/settle"
    return ask(Settled, Call(method="POST", path=path, body={"account_id": account_id, "used": used}))


def claim_resource(account_id: str, kind: str, resource_id: str) -> Flow[Claimed]:
    """Take a place of the plan for a thing; again: the same. PlanLimitExceeded, UnknownResourceKind."""
    return ask(Claimed, Call(method="PUT", path=_place(kind, resource_id), body={"account_id": account_id}))


def free_resource(account_id: str, kind: str, resource_id: str) -> Flow[Freed]:
    """Give the place of a thing back. UnknownResourceKind."""
    return ask(Freed, Call(method="DELETE", path=_place(kind, resource_id), query={"account_id": account_id}))


# Money


def charge(
    account_id: str,
    kind: Kind,
    amount_cents: Cents | None = None,
    *,
    usage: TokenUsage | None = None,
    billing_mode: BillingMode = "wallet",
    fallback: Literal["wallet"] | None = None,
    reference: str | None = None,
    creator_id: str | None = None,
    tool_id: str | None = None,
    max_price_cents: Cents | None = None,
    labels: Labels | None = None,
    idempotency_key: str | None = None,
) -> Flow[Charged]:
    """Take a price from the wallet, once for the key, for ever: an amount, or usage that the price book prices.

    A `tool_call` may name a tool instead, whose price and creator are taken; PriceChanged above `max_price_cents`.

    InsufficientBalance, SpendCapReached; with `plan_quota`, which takes tokens from the plan in place of money,
    PlanLimitExceeded, unless the wallet is the fallback.
    """
    body = given(
        account_id=account_id,
        kind=kind,
        **price_of(amount_cents, usage, labels, tool_id),
        max_price_cents=None if max_price_cents is None else written(max_price_cents),
        billing_mode=billing_mode,
        fallback=fallback,
        reference=reference,
        creator_id=creator_id,
        idempotency_key=idempotency_key or new_key(),
    )
    return ask(Charged, Call(method="POST", path="/api/balance/charges", body=body))


def quote(
    account_id: str,
    kind: Kind,
    amount_cents: Cents | None = None,
    *,
    usage: TokenUsage | None = None,
    billing_mode: BillingMode = "wallet",
    creator_id: str | None = None,
    tool_id: str | None = None,
    max_price_cents: Cents | None = None,
    labels: Labels | None = None,
) -> Flow[Quoted]:
    """What such a charge would take at this moment, and why it would be refused. Nothing is taken."""
    body = given(
        account_id=account_id,
        kind=kind,
        **price_of(amount_cents, usage, labels, tool_id),
        max_price_cents=None if max_price_cents is None else written(max_price_cents),
        billing_mode=billing_mode,
        creator_id=creator_id,
        idempotency_key="quote",
    )
    return ask(Quoted, Call(method="POST", path="/api/balance/charges", query={"dry_run": "true"}, body=body))


def refund_charge(
    account_id: str, charge_id: str, *, reason: str | None = None, idempotency_key: str | None = None
) -> Flow[Refunded]:
    """Give the whole price of a charge back, once. ChargeNotFound, AlreadyRefunded."""
    body = given(account_id=account_id, reason=reason, idempotency_key=idempotency_key or new_key())
    return ask(Refunded, Call(method="POST", path=f"/api/balance/charges/{segment(charge_id)}/refund", body=body))


def hold(
    account_id: str,
    kind: Kind,
    amount_cents: Cents | None = None,
    *,
    usage: TokenUsage | None = None,
    ttl_seconds: int | None = None,
    creator_id: str | None = None,
    tool_id: str | None = None,
    max_price_cents: Cents | None = None,
    reference: str | None = None,
    labels: Labels | None = None,
    idempotency_key: str | None = None,
) -> Holding:
    """Money to set aside for work that is priced when it ends: a context manager around that work.

    It is taken on entering: InsufficientBalance, SpendCapReached. `capture` it inside; else it is released. Of a tool
    its price is set aside, PriceChanged above `max_price_cents`; `capture()` takes that price.
    """
    key = idempotency_key or new_key()
    take = take_hold(
        account_id,
        kind,
        amount_cents,
        usage=usage,
        ttl_seconds=ttl_seconds,
        creator_id=creator_id,
        tool_id=tool_id,
        max_price_cents=max_price_cents,
        reference=reference,
        labels=labels,
        idempotency_key=key,
    )
    return Holding(account_id, key, take, of_a_tool=tool_id is not None)


def take_hold(
    account_id: str,
    kind: Kind,
    amount_cents: Cents | None = None,
    *,
    usage: TokenUsage | None = None,
    ttl_seconds: int | None = None,
    creator_id: str | None = None,
    tool_id: str | None = None,
    max_price_cents: Cents | None = None,
    reference: str | None = None,
    labels: Labels | None = None,
    idempotency_key: str | None = None,
) -> Flow[Held]:
    """Set money aside until it is captured, released, or its time is over. InsufficientBalance, SpendCapReached.

    Of a tool its price is set aside; PriceChanged above `max_price_cents`.
    """
    body = given(
        account_id=account_id,
        kind=kind,
        **price_of(amount_cents, usage, labels, tool_id),
        max_price_cents=None if max_price_cents is None else written(max_price_cents),
        ttl_seconds=ttl_seconds,
        creator_id=creator_id,
        reference=reference,
        idempotency_key=idempotency_key or new_key(),
    )
    return ask(Held, Call(method="POST", path="/api/balance/holds", body=body))


def capture_hold(
    account_id: str,
    hold_id: str,
    amount_cents: Cents | None = None,
    *,
    usage: TokenUsage | None = None,
    allow_partial: bool = False,
    labels: Labels | None = None,
    idempotency_key: str | None = None,
) -> Flow[Captured]:
    """Take the price of the work; what is held beyond it goes back, what is missing comes from the balance.

    Usage is priced by the book of when the hold was taken. The labels stand beside those of the hold.

    InsufficientBalance, with the hold kept, unless `allow_partial` takes what there is. HoldNotFound, HoldEnded.
    """
    body = given(
        account_id=account_id,
        **price_of(amount_cents, usage, labels),
        allow_partial=allow_partial or None,
        idempotency_key=idempotency_key or new_key(),
    )
    return ask(Captured, Call(method="POST", path=f"/api/balance/holds/{segment(hold_id)}/capture", body=body))


def release_hold(account_id: str, hold_id: str, *, idempotency_key: str | None = None) -> Flow[Released]:
    """Give the whole hold back. HoldNotFound, HoldEnded."""
    body = given(account_id=account_id, idempotency_key=idempotency_key or new_key())
    return ask(Released, Call(method="POST", path=f"/api/balance/holds/{segment(hold_id)}/release", body=body))


def _batch(events: Sequence[UsageEvent]) -> Flow[list[EventResult]]:
    call = Call(method="POST", path="/api/billing/usage/batch", body={"events": [event.body() for event in events]})
    results = mapping((yield from ask_any(call))).get("results")
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
