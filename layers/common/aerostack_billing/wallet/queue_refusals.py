"""What a refusal means for a charge of the queue, code by code: whose matter it is, and whether staff are paged for it.

One table, of every code that a charge can be refused with. What is not in it is not understood, so it is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from aerostack_billing.prices.book import UnknownModel
from aerostack_billing.values import errors
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.rules import InsufficientBalance, SpendCapReached
from aerostack_billing.wallet.tools import PriceChanged, ToolNotFound

Fate = Literal["unpaid", "stopped", "fault"]
"""`unpaid`: the customer's limits, or the tool's price, forbid it. `stopped`: an operator stopped the sender.

Both go to the queue of refused charges, with an event, and page nobody. `fault`: somebody has to mend something, so it
is a dead letter, which pages.
"""

FATES: Final[Mapping[str, Fate]] = {
    InsufficientBalance.code: "unpaid",
    BudgetReached.code: "unpaid",
    SpendCapReached.code: "unpaid",
    errors.PlanLimitExceeded.code: "unpaid",
    # A creator raised the price, or sells the tool no more: the sender asks again, or does not.
    PriceChanged.code: "unpaid",
    ToolNotFound.code: "unpaid",
    errors.CallerBlocked.code: "stopped",
    # A service sends what is no charge, charges too much at once, or makes its keys badly: its work is never paid.
    errors.InvalidJson.code: "fault",
    errors.InvalidRequest.code: "fault",
    errors.PayloadTooLarge.code: "fault",
    errors.IdempotencyKeyReused.code: "fault",
    # The price book lacks a model.
    UnknownModel.code: "fault",
    # No token comes by the queue.
    errors.TokenRestricted.code: "fault",
}


def fate_of(code: str) -> Fate:
    """What becomes of a charge that is refused with this code; one that nobody foresaw is a fault."""
    return FATES.get(code, "fault")
