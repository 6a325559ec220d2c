"""The domain events of a creator's payouts."""

from __future__ import annotations

from typing_extensions import TypedDict

from aerostack_billing.creators.models import Creator
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.values.money import cents


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


TYPES = {
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
