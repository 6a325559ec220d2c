"""What an allowance is given and tells: its terms, a charge's terms, what it did."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypedDict

from aerostack_billing_client.money import Cents, written
from aerostack_billing_client.service_calls import Kind, Labels
from aerostack_billing_client.usage import TokenUsage

_MICROS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceTerms:
    """How an allowance works: what it holds at most, for how long, and how often it captures.

    A hold lives for `ttl_seconds`, and is extended at half of them for as long as the process lives.
    """

    cents: Cents
    ttl_seconds: int = 300
    settle_seconds: float = 2.0

    def __post_init__(self) -> None:
        if micros(self.cents) <= 0 or self.ttl_seconds < 10 or self.settle_seconds <= 0:
            raise ValueError("an allowance needs cents, at least ten seconds to live, and a time to settle")


class ChargeTerms(TypedDict, total=False):
    """What a charge may say beside an amount: its price by usage or by a tool in place of one, and what it is for."""

    usage: TokenUsage | None
    tool_id: str | None
    max_price_cents: Cents | None
    kind: Kind | None
    reference: str | None
    labels: Labels | None
    creator_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceStats:
    """What an allowance did so far, in cents. `lost` was handed out and could not be captured."""

    handed_out: Decimal
    captured: Decimal
    lost: Decimal
    waiting: int
    """Charges that were handed out and are not captured yet."""


def micros(amount: Cents) -> int:
    """Millionths of a dollar; ValueError or TypeError for what is no amount."""
    return int(Decimal(written(amount)) * _MICROS)


def cents(amount: int) -> Cents:
    """Micros as cents: whole, or exact."""
    return Decimal(amount) / _MICROS if amount % _MICROS else amount // _MICROS
