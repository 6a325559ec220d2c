"""The calls that draw a hold down piece by piece, and extend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aerostack_billing_client.asking import Flow, ask, given, new_key, segment
from aerostack_billing_client.calling import Call
from aerostack_billing_client.money import Cents, written
from aerostack_billing_client.paid_for import price_of
from aerostack_billing_client.service_calls import Kind, Labels
from aerostack_billing_client.usage import TokenUsage
from aerostack_billing_client.wallet_answers import Captured, Extended

MOST_ITEMS = 90
"""What one capture takes."""


@dataclass(frozen=True, slots=True)
class CaptureItem:
    """A piece of work for a hold to pay, with a line of its own in the statement."""

    amount_cents: Cents | None = None
    usage: TokenUsage | None = None
    kind: Kind | None = None
    reference: str | None = None
    labels: Labels | None = None
    creator_id: str | None = None
    tool_id: str | None = None
    max_price_cents: Cents | None = None

    def body(self) -> dict[str, object]:
        """As a request holds it; ValueError unless it has exactly one price."""
        return given(
            **price_of(self.amount_cents, self.usage, self.labels, self.tool_id),
            max_price_cents=None if self.max_price_cents is None else written(self.max_price_cents),
            kind=self.kind,
            reference=self.reference,
            creator_id=self.creator_id,
        )


def capture_items(
    account_id: str,
    hold_id: str,
    items: Sequence[CaptureItem],
    *,
    final: bool = True,
    idempotency_key: str | None = None,
) -> Flow[Captured]:
    """Take the prices of up to ninety pieces of work, all or none; not `final`, the rest stays held for later ones.

    What is not held comes from the balance: InsufficientBalance, with the hold kept. HoldNotFound, HoldEnded.
    """
    body = given(
        account_id=account_id,
        items=[item.body() for item in items],
        final=None if final else False,
        idempotency_key=idempotency_key or new_key(),
    )
    return ask(Captured, Call(method="POST", path=f"/api/balance/holds/{segment(hold_id)}/capture", body=body))


def extend_hold(
    account_id: str,
    hold_id: str,
    *,
    ttl_seconds: int,
    add_cents: Cents = 0,
    idempotency_key: str | None = None,
) -> Flow[Extended]:
    """Let a hold end so many seconds from now, if that is later, and hold more. It is checked as a new hold is.

    InsufficientBalance, SpendCapReached, BudgetReached, with the hold as it was. HoldNotFound, HoldEnded.
    """
    body = given(
        account_id=account_id,
        ttl_seconds=ttl_seconds,
        add_cents=written(add_cents),
        idempotency_key=idempotency_key or new_key(),
    )
    return ask(Extended, Call(method="POST", path=f"/api/balance/holds/{segment(hold_id)}/extend", body=body))
