"""What others are told of a creator's payouts."""

from __future__ import annotations

from typing_extensions import TypedDict

from aerostack_billing.creators.models import Creator
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.outbox.models import News
from aerostack_billing.values.money import cents


class PayoutEnded(TypedDict):
    """What became of a payout; `payable_cents` is what the creator is owed after it, below zero what they owe."""

    payout_id: str
    amount_cents: float
    payable_cents: float
    reason: str | None


class PayoutPaid(PayoutEnded):
    """Stripe has transferred the money to the creator's connected account."""


class PayoutFailed(PayoutEnded):
    """Stripe refused the transfer: the money is payable again."""


class PayoutReversed(PayoutEnded):
    """A transfer was reversed, all of it or `amount_cents` of it: that is payable again."""


class BankRefused(TypedDict):
    """The creator's bank refused a payout of their connected account, where the money stays."""

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
"""How a creator's `last_error` begins where it was the bank's."""


def creator_news(before: Creator, change: Change[Creator]) -> list[News]:
    """What is to be told of a change of a creator."""
    after, occasion = change.owner, str(before.version + 1)
    news = []
    for transfer in change.transfers:
        if transfer.type in _OF_TRANSFER:
            data: PayoutEnded = {
                "payout_id": transfer.transfer_id.partition(":")[0],
                "amount_cents": cents(transfer.amount),
                "payable_cents": cents(after.payable),
                "reason": after.last_error,
            }
            news.append(News(_OF_TRANSFER[transfer.type], before.creator_id, occasion, data))
    error = after.last_error
    if error is not None and error.startswith(BANK) and error != before.last_error:
        refused: BankRefused = {"code": error.removeprefix(BANK)}
        news.append(News("payout.bank_refused", before.creator_id, occasion, refused))
    return news
