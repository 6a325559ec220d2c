"""The ledger's values: a transfer, immutable, and the second movement that it may carry. All amounts in micros."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from aerostack_billing.values.money import Micros, cents

TransferType = Literal[
    "deposit",
    "reload",
    "charge",
    "hold",
    "capture",
    "release",
    "charge_refund",
    "refund",
    "dispute",
    "dispute_reversal",
    "debt_payment",
    "grant",
]

CreatorTransferType = Literal[
    "earning",
    "earning_claim",
    "earning_fee",
    "earning_granted",
    "earning_reversal",
    "payout",
    "payout_paid",
    "payout_failed",
    "payout_reversal",
]


@dataclass(frozen=True)
class Split:
    """A second movement that one transfer carries: a tool's creator and the platform share what the caller paid.

    It moves `amount` on from one ledger account to another, as a transfer of its own would; `due_day` is when the
    creator's earning becomes payable. `granted` of the amount was paid with granted money. `fee_fraction` is what the
    platform's fee, a whole micro, falls short of its exact share, in ten-thousandths of a micro.
    """

    debit: str
    credit: str
    amount: Micros
    creator_id: str
    due_day: str
    granted: Micros = 0
    fee_fraction: int = 0


@dataclass(frozen=True)
class Transfer:
    """One immutable line of the ledger: `amount` moves from the account `debit` to the account `credit`.

    `effect` is what it does to the spendable balance, so that each `balance_after` is the one before plus the effect.
    """

    account_id: str
    transfer_id: str
    seq: int
    type: TransferType | CreatorTransferType
    debit: str
    credit: str
    amount: Micros
    effect: Micros
    balance_after: Micros
    held_after: Micros
    debt_after: Micros
    created_at: str
    description: str
    reference: str | None = None
    fingerprint: str | None = None
    details: dict[str, object] = field(default_factory=dict)
    split: Split | None = None
    correlation_id: str | None = None
    """Of the request or run that made it: no part of what is asked or answered, but of how it is looked into."""
    labels: dict[str, str] = field(default_factory=dict)
    """The caller's own names for whom and what it was for. No personal data."""
    caller: str | None = None
    """Which service asked: its token's client id or subject."""
    granted: Micros | None = None
    """How much of the amount is granted money; None is none, also on lines from before it was told apart."""
    previous_hash: str | None = None
    hash: str | None = None
    """Of the line in its canonical form, `previous_hash` included: see `ledger.chain`."""

    @property
    def left_to_spend(self) -> Micros:
        """What could be spent after it: out of `balance_after` the next transfer pays the debt that there is."""
        return max(0, self.balance_after - self.debt_after)

    def view(self) -> dict[str, object]:
        """As `GET /api/balance/transactions` lists it."""
        return {
            "id": self.transfer_id,
            "type": self.type,
            "kind": self.details.get("kind"),
            "amount_cents": cents(self.effect),
            "granted_cents": cents(self.granted or 0),
            "balance_after_cents": cents(self.balance_after),
            "debt_after_cents": cents(self.debt_after),
            "created_at": self.created_at,
            "description": self.description,
            "reference": self.reference,
            "labels": self.labels,
            "usage": self.details.get("usage"),
            "price_version": self.details.get("price_version"),
            "tool_id": self.details.get("tool_id"),
        }
