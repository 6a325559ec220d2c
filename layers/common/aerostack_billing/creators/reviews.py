"""What an operator decides about a creator: to hold payouts, to release them, to lift ceilings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from aerostack_billing.creators.models import Creator, PayoutHold
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import OperatorRefused
from aerostack_billing.values.money import Micros

Decision = Callable[[Creator], Creator]
"""What an operator makes of a creator; OperatorRefused where there is nothing to decide."""


class PayoutReviews:
    """Carries out what operators decide."""

    def __init__(self, creators: CreatorStore) -> None:
        self._creators = creators

    def decide(self, creator_id: str, decision: Decision) -> Creator:
        """Store what the decision makes of the creator."""
        return self._creators.apply(creator_id, lambda creator: Change(decision(creator))).owner

    def preview(self, creator_id: str, decision: Decision) -> tuple[Creator, Creator]:
        """The creator before and after; nothing is written."""
        creator = self._creators.get(creator_id)
        return creator, decision(creator)


def hold(creator: Creator) -> Creator:
    """No payout begins until the hold is released; one that is under way goes on."""
    if creator.hold is not None:
        raise OperatorRefused("The payouts are held already.", {"held_for": creator.hold.reason})
    visit_at = clock.seconds() if creator.visit_at is None else creator.visit_at
    return replace(creator, hold=PayoutHold("operator", clock.seconds()), visit_at=visit_at)


def review(creator: Creator) -> Creator:
    """No ceiling holds any more for what the creator is paid."""
    if creator.reviewed:
        raise OperatorRefused("The creator is reviewed already.", {"reviewed": "already"})
    return replace(creator, reviewed=True, visit_at=clock.seconds())


def allowing(amount: Micros) -> Decision:
    """The decision that today's refunds may make the creator owe up to an amount."""

    def allowed(creator: Creator) -> Creator:
        return replace(creator, owed=replace(creator.owed_today, allowed=amount))

    return allowed


def release(creator: Creator) -> Creator:
    """What is payable is paid at the next sweep."""
    if creator.hold is None:
        raise OperatorRefused("The payouts are not held.", {"held_for": creator.held_for})
    return replace(creator, hold=None, visit_at=clock.seconds())
