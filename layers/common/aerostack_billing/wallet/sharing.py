"""What the wallet asks of whoever knows creators: to share a price, in the transaction that takes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aerostack_billing.ledger.models import Split
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.money import Micros


@dataclass(frozen=True)
class TakenBack:
    """How a refund takes a creator's share back: the movement, while the share is pending, and the writes it needs."""

    split: Split | None = None
    writes: Sequence[Write] = ()


class Sharing(Protocol):
    """Shares prices with creators."""

    def register(self, creator_id: str) -> None:
        """Make sure, before the price is taken, that payouts will look for what the creator earns."""

    def share(self, creator_id: str, price: Micros, granted: Micros) -> Split:
        """The creator's part of a price, of which `granted` is granted money, due after the holding period."""

    def counting(self, splits: Iterable[Split]) -> list[Write]:
        """The writes that count parts as pending, in the transaction that takes the prices: one a creator and day."""

    def take_back(self, earned: Split, refund_id: str) -> TakenBack:
        """Take a share back, as it stands now. The writes fail as `Stale` if the creator changes meanwhile."""


def check_payee(account_id: str, creator_id: str | None) -> None:
    """Return unless an account would pay itself; InvalidRequest (422) if it would."""
    if creator_id == account_id:
        raise InvalidRequest("An account cannot pay itself as a creator.", {"creator_id": "is the payer"})
