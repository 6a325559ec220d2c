"""A creator: what is payable, what is on its way, and the connected account it goes to. Amounts in micros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    "review",
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
class OwedToday:
    """What refunds of one day made a creator owe, and up to how much an operator allowed it."""

    day: str = ""
    amount: Micros = 0
    allowed: Micros = 0


FRACTIONS = 10_000
"""So many fractions of the platform's fee are a micro."""


@dataclass(frozen=True)
class Earned:
    """What was earned: `granted` of it with granted money. `fee_fraction` as in the ledger's `Split`."""

    amount: Micros = 0
    granted: Micros = 0
    fee_fraction: int = 0

    @property
    def cash(self) -> Micros:
        """What is to be paid out of it, less the whole micros that fractions of the fee have come to."""
        return self.amount - self.granted - self.fee_fraction // FRACTIONS

    def __add__(self, other: Earned) -> Earned:
        """Both together."""
        fractions = self.fee_fraction + other.fee_fraction
        return Earned(self.amount + other.amount, self.granted + other.granted, fractions)

    def __neg__(self) -> Earned:
        """What takes it back."""
        return Earned(-self.amount, -self.granted, -self.fee_fraction)


@dataclass(frozen=True)
class Creator:
    """A creator as stored. `payable` below zero is owed: the next earnings pay it first.

    `visit_at` is when the payout sweep is to look next. Days up to `matured_through` are in `payable`. `waits_for`: why
    the last sweep began no payout that the amount allows. `since` is when the creator became known; None: long ago.
    """

    creator_id: str
    version: int = 0
    seq: int = 0
    payable: Micros = 0
    granted: Micros = 0
    """What matured of earnings that were paid with granted money: never paid out."""
    fee_fraction: int = 0
    """What the platform is still to get of the earnings that matured, in ten-thousandths of a micro: less than one."""
    claimed: Micros = 0
    """What was earned of deposits that are gone or contested: held, and owed where it was paid out."""
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
    waits_for: Literal["debt", "review"] | None = None
    since: int | None = None
    reviewed: bool = False
    owed: OwedToday = field(default_factory=OwedToday)

    @property
    def owed_today(self) -> OwedToday:
        """What refunds of the day that it is now made the creator owe."""
        return self.owed if self.owed.day == clock.day() else OwedToday(clock.day())

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
                return self.waits_for
            case unknown:
                assert_never(unknown)


class OnboardRequest(RequestModel):
    """Body of `POST /api/creators/onboard`."""

    return_url: str
    refresh_url: str


def pending_account(creator_id: str) -> str:
    """The ledger account of what is earned and still held."""
    return f"earning:{creator_id}"


def granted_account(creator_id: str) -> str:
    """The ledger account of what was earned of granted money, and is not paid out."""
    return f"earned_grant:{creator_id}"


def claimed_account(creator_id: str) -> str:
    """The ledger account of what was earned and nobody paid for."""
    return f"claimed:{creator_id}"


def payable_account(creator_id: str) -> str:
    """The ledger account of what is payable."""
    return f"creator:{creator_id}"


def transit_account(creator_id: str) -> str:
    """The ledger account of what is being paid."""
    return f"payout:{creator_id}"


def due(creator: Creator, days: Mapping[str, Earned], today: str) -> Micros:
    """What becomes payable of the days up to `today`: without what granted money paid, less the fee's fractions."""
    earned = sum((earned for day, earned in days.items() if day <= today), Earned(fee_fraction=creator.fee_fraction))
    return earned.cash
