"""The domain events of a creator's payouts and tools."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from aerostack_billing.creators.models import Creator
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.values.money import cents
from aerostack_billing.wallet.tools import Tool


class PayoutEnded(TypedDict):
    """The outcome of a payout. `payable_cents` is what the creator is owed afterwards; below zero it is a debt."""

    payout_id: str
    amount_cents: float
    payable_cents: float
    reason: str | None


class PayoutPaid(PayoutEnded):
    """Stripe transferred the money to the creator's connected account."""


class PayoutFailed(PayoutEnded):
    """Stripe refused the transfer. The money is payable again."""


class PayoutReversed(PayoutEnded):
    """A transfer was reversed, in full or by `amount_cents`. That amount is payable again."""


class BankRefused(TypedDict):
    """The creator's bank refused a payout. The money stays on the creator's connected account."""

    code: str


class ToolChanged(TypedDict):
    """What a creator's tool costs changed: it is sold for the first time or again, at another price, or no more.

    `previous_price_cents` is null where it was not sold before. A new name alone is not told.
    """

    tool_id: str
    change: Literal["published", "price_changed", "removed"]
    price_cents: float
    previous_price_cents: float | None
    version: int


TYPES = {
    "tool.changed": ToolChanged,
    "payout.paid": PayoutPaid,
    "payout.failed": PayoutFailed,
    "payout.reversed": PayoutReversed,
    "payout.bank_refused": BankRefused,
}

_OF_TRANSFER = {
    "payout_paid": "payout.paid",
    "payout_failed": "payout.failed",
    "payout_reversal": "payout.reversed",
}
BANK = "bank: "
"""The prefix of a creator's `last_error` if the bank refused the payout."""


def creator_events(before: Creator, change: Change[Creator]) -> list[DomainEvent]:
    """The events that a change of a creator produces."""
    after, occasion = change.owner, str(before.version + 1)
    events = []
    for transfer in change.transfers:
        if transfer.type in _OF_TRANSFER:
            data: PayoutEnded = {
                "payout_id": transfer.transfer_id.partition(":")[0],
                "amount_cents": cents(transfer.amount),
                "payable_cents": cents(after.payable),
                "reason": after.last_error,
            }
            events.append(DomainEvent(_OF_TRANSFER[transfer.type], before.creator_id, occasion, data))
    error = after.last_error
    if error is not None and error.startswith(BANK) and error != before.last_error:
        refused: BankRefused = {"code": error.removeprefix(BANK)}
        events.append(DomainEvent("payout.bank_refused", before.creator_id, occasion, refused))
    return events


def tool_events(before: Tool, after: Tool) -> list[DomainEvent]:
    """The event that a change of a tool produces; none where neither its price changed nor whether it is sold."""
    if (before.price, before.deleted) == (after.price, after.deleted):
        return []
    data: ToolChanged = {
        "tool_id": after.tool_id,
        "change": "removed" if after.deleted else "published" if before.deleted else "price_changed",
        "price_cents": cents(after.price),
        "previous_price_cents": None if before.deleted else cents(before.price),
        "version": after.version,
    }
    return [DomainEvent("tool.changed", after.creator_id, f"{after.tool_id}:{after.version}", data)]
