"""What a creator sees: earned, payable, paid."""

from __future__ import annotations

from aerostack_billing.creators.models import due
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.platform import clock
from aerostack_billing.values.money import cents

_PAYOUTS_SHOWN = 10


class CreatorStatement:
    """Shows creators their money."""

    def __init__(self, creators: CreatorStore) -> None:
        self._creators = creators

    def view(self, creator_id: str) -> dict[str, object]:
        """As `GET /api/creators/me` answers. What is due already counts as payable, swept or not."""
        (creator, days), today = self._creators.earnings(creator_id), clock.day()
        pending = {day: earned.cash for day, earned in days.items() if day > today}
        payable = creator.payable + due(creator, days, today)
        granted = creator.granted + sum(earned.granted for earned in days.values())
        return {
            "onboarding": creator.onboarding,
            "pending_cents": cents(sum(pending.values())),
            "pending_by_day": [
                {"day": day, "amount_cents": cents(amount)} for day, amount in pending.items() if amount
            ],
            "payable_cents": cents(max(0, payable)),
            "granted_cents": cents(granted),
            "claimed_cents": cents(creator.claimed),
            "owed_cents": cents(max(0, -payable)),
            "in_transit_cents": cents(creator.in_transit),
            "paid_cents": cents(creator.paid),
            "last_error": creator.last_error,
            "payouts_held_for": creator.held_for,
            "payouts": [payout.view() for payout in self._creators.payouts(creator_id, _PAYOUTS_SHOWN)],
        }
