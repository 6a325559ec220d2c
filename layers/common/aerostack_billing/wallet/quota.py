"""What the wallet asks of whoever counts the plan's usage: to take tokens from it, in the transaction of the charge."""

from __future__ import annotations

from typing import Protocol

from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import PlanLimitExceeded


class Quota(Protocol):
    """The tokens that a plan has in a month."""

    def taking(self, account_id: str, tokens: int) -> Write:
        """The write that takes tokens, if this month's counter is there and has room for them."""

    def refusal(self, account_id: str, tokens: int) -> PlanLimitExceeded | None:
        """Why `taking` did not hold: the refusal if the room does not suffice.

        None where taking them again may do: the counter was not there and is now, or it has room by now.
        """

    def tell(self, account_id: str) -> None:
        """Tell of the thresholds that the counter passed. Never fails: what is taken is taken."""

    def returning(self, account_id: str, tokens: int, period: str) -> Write | None:
        """The write that gives tokens of a month back, if they are still counted; None where the month is over."""
