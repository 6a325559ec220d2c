"""Many charges at once, each answered as it would have been alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from aerostack_billing_client.asking import Flow, ask_any, cut, given, mapping, new_key
from aerostack_billing_client.calling import Call
from aerostack_billing_client.errors import ApiError, UnexpectedAnswer, error_in
from aerostack_billing_client.money import Cents, written
from aerostack_billing_client.paid_for import price_of
from aerostack_billing_client.reading import read
from aerostack_billing_client.service_calls import MOST_BATCH_BYTES, BillingMode, Kind, Labels
from aerostack_billing_client.usage import TokenUsage
from aerostack_billing_client.wallet_answers import Charged

MOST_CHARGES = 100
"""What one batch takes; more are sent in several."""


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """A charge to take with others, as `charge` takes it. It has a key from the start: handed in twice, it is one."""

    account_id: str
    kind: Kind
    amount_cents: Cents | None = None
    usage: TokenUsage | None = None
    billing_mode: BillingMode = "wallet"
    fallback: Literal["wallet"] | None = None
    reference: str | None = None
    creator_id: str | None = None
    tool_id: str | None = None
    max_price_cents: Cents | None = None
    labels: Labels | None = None
    idempotency_key: str = field(default_factory=new_key)

    def body(self) -> dict[str, object]:
        """As a request holds it; ValueError unless it has exactly one price."""
        return given(
            account_id=self.account_id,
            kind=self.kind,
            **price_of(self.amount_cents, self.usage, self.labels, self.tool_id),
            max_price_cents=None if self.max_price_cents is None else written(self.max_price_cents),
            billing_mode=self.billing_mode,
            fallback=self.fallback,
            reference=self.reference,
            creator_id=self.creator_id,
            idempotency_key=self.idempotency_key,
        )


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What became of a charge of a batch: it was taken, or why it was not."""

    request: ChargeRequest
    charged: Charged | None
    error: ApiError | None


def charge_batch(charges: Sequence[ChargeRequest]) -> Flow[tuple[ChargeResult, ...]]:
    """Take many charges, a hundred in a request or as many as fit; the result of each, in order.

    One that is refused refuses no other.

    After an error, hand the same charges in again: those that were taken are not taken twice.
    """
    results: list[ChargeResult] = []
    for start, end in cut([charge.body() for charge in charges], MOST_CHARGES, MOST_BATCH_BYTES):
        results += yield from _batch(charges[start:end])
    return tuple(results)


def _batch(charges: Sequence[ChargeRequest]) -> Flow[list[ChargeResult]]:
    asked = [charge.body() for charge in charges]
    call = Call(method="POST", path="/api/balance/charges/batch", body={"charges": asked})
    results = mapping((yield from ask_any(call))).get("results")
    if not isinstance(results, list) or len(results) != len(charges):
        raise UnexpectedAnswer("The answer has not one result for each charge.")
    return [_result(charge, result) for charge, result in zip(charges, results, strict=True)]


def _result(charge: ChargeRequest, result: object) -> ChargeResult:
    status = result.get("status") if isinstance(result, dict) else None
    if not isinstance(status, int):
        raise UnexpectedAnswer("A charge's result has no status.")
    if status == 201:
        return ChargeResult(charge, read(Charged, result), None)
    error = error_in(status, result)
    error.idempotency_key, error.attempts = charge.idempotency_key, 1
    return ChargeResult(charge, None, error)
