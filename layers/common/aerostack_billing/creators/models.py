"""A creator: what is payable, what is on its way, and the connected account it goes to. Amounts in micros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from aerostack_billing.payments.once import Intent
from aerostack_billing.platform import clock
from aerostack_billing.values.fields import RequestModel
from aerostack_billing.values.money import Micros, cents

Onboarding = Literal["none", "pending", "complete", "restricted"]
PayoutState = Literal["pending", "paid", "failed", "reversed"]


HoldReason = Literal["operator", "transfer_reversed"]
"""What stops a creator's payouts until an operator releases them."""
HeldFor = Literal[
    "operator",
    "transfer_reversed",
    "debt",
    "not_onboarded",
    "account_disconnected",
    "account_restricted",
]
"""Why a creator is not paid, whatever is payable."""


@dataclass(frozen=True)
class PayoutHold:
    """That no payout begins until an operator releases the hold."""

    reason: HoldReason
    since: int


@dataclass(frozen=True)
class Payout:
    """One payout, stored before Stripe is asked.

    `renewed` is the intent of its transfer where the first one, whose key is `payout_id`, was replaced or missed.
    """

    creator_id: str
    payout_id: str
    amount: Micros
    destination: str
    created_at: int
    state: PayoutState = "pending"
    transfer_id: str | None = None
    reversed: Micros = 0
    reason: str | None = None
    renewed: Intent | None = None

    @property
    def intent(self) -> Intent:
        """The intent of its transfer; its id is Stripe's idempotency key."""
        return self.renewed or Intent(self.payout_id, self.created_at)

    def view(self) -> dict[str, object]:
        """As `payouts` lists it."""
        return {
            "id": self.payout_id,
            "amount_cents": cents(self.amount),
            "state": self.state,
            "created_at": clock.iso(self.created_at),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Creator:
    """A creator as stored. `payable` below zero is owed: the next earnings pay it first.

    `visit_at` is when the payout sweep is to look next. Days up to `matured_through` are in `payable`. `owes`: the last
    sweep found a debt in the wallet of the same account.
    """

    creator_id: str
    version: int = 0
    seq: int = 0
    payable: Micros = 0
    in_transit: Micros = 0
    paid: Micros = 0
    matured_through: str = ""
    visit_at: int | None = None
    connected_account_id: str | None = None
    onboarding: Onboarding = "none"
    account_intent: Intent | None = None
    open_payout_id: str | None = None
    last_error: str | None = None
    hold: PayoutHold | None = None
    owes: bool = False

    @property
    def held_for(self) -> HeldFor | None:
        """Why no payout begins; None where only the amount and the day decide."""
        if self.hold is not None:
            return self.hold.reason
        if self.connected_account_id is None:
            return "not_onboarded"
        match self.onboarding:
            case "none":
                return "account_disconnected"
            case "pending":
                return "not_onboarded"
            case "restricted":
                return "account_restricted"
            case "complete":
                return "debt" if self.owes else None
            case unknown:
                assert_never(unknown)


class OnboardRequest(RequestModel):
    """Body of `POST /api/creators/onboard`."""

    return_url: str
    refresh_url: str


def pending_account(creator_id: str) -> str:
    """The ledger account of what is earned and still held."""
    return f"earning:{creator_id}"


def payable_account(creator_id: str) -> str:
    """The ledger account of what is payable."""
    return f"creator:{creator_id}"


def transit_account(creator_id: str) -> str:
    """The ledger account of what is being paid."""
    return f"payout:{creator_id}"
