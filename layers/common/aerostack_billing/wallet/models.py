"""A wallet, its transfers, and what is on its way: plain values, all amounts in micros."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from aerostack_billing.platform import clock
from aerostack_billing.prices.models import Terms
from aerostack_billing.values.money import Micros, cents, whole_cents

ReloadState = Literal["off", "armed", "due", "claimed", "submitted", "action_required", "declined", "suspended"]
"""Where auto-reload stands. `claimed`: an attempt is stored, its outcome unknown. `submitted`: Stripe works on it."""
_UNDER_WAY: frozenset[ReloadState] = frozenset({"claimed", "submitted"})


@dataclass(frozen=True)
class ReloadError:
    """Why the last attempt did not bring money."""

    code: str
    message: str
    at: int


@dataclass(frozen=True)
class Attempt:
    """One try to reload: stored before Stripe is asked; `attempt_id` is Stripe's idempotency key.

    `missed_at` is when Stripe was first found to have no payment of it.
    """

    attempt_id: str
    amount: Micros
    customer_id: str
    payment_method_id: str
    fingerprint: str | None
    created_at: int
    payment_intent_id: str | None = None
    action_url: str | None = None
    missed_at: int | None = None


@dataclass(frozen=True)
class Reload:
    """Auto-reload: what the user set, and the state of it. Only the user turns it on.

    `declines` counts the declines in a row, `failures` the failures in a row that were not the card's. `stop` is why
    it is suspended as soon as the attempt under way has ended. `made_today` counts the reloads credited on `day`.
    """

    enabled: bool = False
    threshold: Micros | None = None
    amount: Micros | None = None
    monthly_cap: Micros | None = None
    state: ReloadState = "off"
    attempt: Attempt | None = None
    declines: int = 0
    failed_fingerprint: str | None = None
    last_error: ReloadError | None = None
    next_attempt_at: int | None = None
    failures: int = 0
    stop: ReloadError | None = None
    day: str = ""
    made_today: int = 0

    @property
    def under_way(self) -> bool:
        """Whether an attempt was made whose outcome is open: its money may come."""
        return self.state in _UNDER_WAY

    @property
    def most_a_month(self) -> Micros | None:
        """What reloads may bring in a calendar month: the user's cap, else ten times the amount."""
        if self.monthly_cap is not None or self.amount is None:
            return self.monthly_cap
        return _DEFAULT_CAP_AMOUNTS * self.amount

    @property
    def reloads_today(self) -> int:
        """How many reloads were credited on the day (UTC) that it is now."""
        return self.made_today if self.day == clock.day() else 0


_DEFAULT_CAP_AMOUNTS = 10


@dataclass(frozen=True)
class Month:
    """What the wallet spent and reloaded in one calendar month (UTC)."""

    period: str = ""
    spent: Micros = 0
    reloaded: Micros = 0


BudgetWindow = Literal["day", "month", "total"]


@dataclass(frozen=True)
class BudgetLimits:
    """What a budget allows. `epoch` is the version of the wallet from which on it counts."""

    limit: Micros
    window: BudgetWindow
    per_charge_max: Micros | None = None
    include_byok: bool = False
    alert_percent: tuple[int, ...] = (50, 80, 100)
    epoch: int = 0


@dataclass(frozen=True)
class Budget:
    """What is counted under one value of a label: by its own budget (`own`), or by that of each value of the label.

    `spent` and `held` are those of the run of the window that `epoch` and `start` name. `alerted` is the highest
    percentage that was announced, `reached` whether it was announced that no more passes.
    """

    account_id: str
    label: str
    value: str
    version: int = 0
    own: BudgetLimits | None = None
    epoch: int = 0
    start: str = ""
    spent: Micros = 0
    held: Micros = 0
    alerted: int = 0
    reached: bool = False


@dataclass(frozen=True)
class LabelBudgets:
    """The budgets of one label: how many values have their own, and the one of each other value."""

    own: int = 0
    each: BudgetLimits | None = None


@dataclass(frozen=True)
class Wallet:
    """A wallet as stored. `version` counts its writes, `seq` its transfers."""

    account_id: str
    version: int = 0
    seq: int = 0
    balance: Micros = 0
    granted: Micros = 0
    """What of the balance was granted, not paid for: it is spent first."""
    held: Micros = 0
    granted_held: Micros = 0
    debt: Micros = 0
    deposited: Micros = 0
    spent: Micros = 0
    spend_cap: Micros | None = None
    low: Micros | None = None
    """Below what its user wants to hear that it is low; None takes auto-reload's threshold, or the stack's."""
    head: str | None = None
    """The hash of the newest transfer; None before the first, or where the chain was not begun yet."""
    budgets: dict[str, LabelBudgets] = field(default_factory=dict)
    """By label: which budgets there are, so that a charge reads those alone that its labels can meet."""
    met: tuple[Budget, ...] = ()
    """The budgets that were read with the wallet, and are written with it where they change: items of their own."""
    month: Month = field(default_factory=Month)
    reload: Reload = field(default_factory=Reload)

    @property
    def deposited_left(self) -> Micros:
        """What there is of deposited money, held or not."""
        return self.balance - self.granted + self.held - self.granted_held

    @property
    def this_month(self) -> Month:
        """The sums of the month that it is now: zeros once a new one began."""
        current = clock.period()
        return self.month if self.month.period == current else Month(current)


@dataclass(frozen=True)
class Hold:
    """Money set aside for work that is under way. It exists while it is open."""

    account_id: str
    hold_id: str
    amount: Micros
    kind: str
    expires_at: int
    creator_id: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    """By label: the run of its budget's window in which the hold takes room."""
    terms: Terms | None = None
    """By what its captures are priced: the price book's version and the markup of when it was taken."""
    granted: Micros = 0
    """How much of the amount is granted money."""
    tool_id: str | None = None
    """The creator's tool whose price is held, if it is one's."""
    version: int = 0
    """How often it was drawn down or extended."""
    taken_at: int = 0
    """When it was taken; 0 where that was not kept."""

    @property
    def lapsed(self) -> bool:
        """Whether its time is over, swept or not."""
        return self.expires_at <= clock.seconds()


@dataclass(frozen=True)
class Deposit:
    """A payment that was credited, and how much of it Stripe has taken back since; `tax` was paid on top of `amount`.

    `warned`: its bank reported it as possible fraud. `inquired`: its bank asks about it, and a dispute may follow.
    `seq` is the number of the line that credited it, 0 where that was not kept; `older` is what there was of deposited
    money then, held or not. `cleared`: an operator let what it pays for be paid out, whatever its bank asks.
    """

    account_id: str
    payment_intent_id: str
    amount: Micros
    refunded: Micros = 0
    disputed: Micros = 0
    version: int = 1
    warned: bool = False
    inquired: bool = False
    seq: int = 0
    older: Micros = 0
    cleared: bool = False
    tax: Micros = 0

    def part_refunded(self, paid: Micros) -> Micros:
        """What a refund of so much of the payment, all of its refunds together, takes back of the deposit.

        In proportion, rounded down to a micro. Those of a dispute are rounded up: together they come to the deposit
        when all of the payment is gone, and never to more.
        """
        return min(paid * self.amount // (self.amount + self.tax), self.amount) if self.amount else 0

    def part_disputed(self, paid: Micros) -> Micros:
        """Likewise of disputes, rounded up to a micro."""
        return min(-(-paid * self.amount // (self.amount + self.tax)), self.amount) if self.amount else 0

    @property
    def is_contested(self) -> bool:
        """Whether its bank may take it back, and no operator cleared it."""
        return (self.warned or self.inquired) and not self.cleared

    @property
    def is_gone(self) -> bool:
        """Whether it was taken back, in part or whole, or may be."""
        return self.is_contested or self.refunded + self.disputed > 0


_SHOWN: dict[ReloadState, str] = {"claimed": "pending", "submitted": "pending", "declined": "retrying"}


def view_reload(reload: Reload) -> dict[str, object]:
    """The `auto_reload` object of the answers."""
    error, attempt = reload.last_error, reload.attempt
    return {
        "enabled": reload.enabled,
        "threshold_cents": None if reload.threshold is None else cents(reload.threshold),
        "amount_cents": None if reload.amount is None else cents(reload.amount),
        "monthly_cap_cents": None if reload.monthly_cap is None else cents(reload.monthly_cap),
        "state": _SHOWN.get(reload.state, reload.state),
        "last_error": error and {"code": error.code, "message": error.message, "at": clock.iso(error.at)},
        "next_attempt_at": clock.iso(reload.next_attempt_at),
        "action_url": attempt.action_url if attempt else None,
    }


def view_wallet(wallet: Wallet) -> dict[str, object]:
    """The answer of `GET /api/balance`."""
    return {
        "balance_cents": whole_cents(wallet.balance),
        "balance_micros": wallet.balance,
        "granted_cents": cents(wallet.granted),
        "held_cents": cents(wallet.held),
        "debt_cents": cents(wallet.debt),
        "currency": "usd",
        "auto_reload": view_reload(wallet.reload),
        "monthly_spend_cap_cents": None if wallet.spend_cap is None else cents(wallet.spend_cap),
        "monthly_spent_cents": cents(wallet.this_month.spent),
        "lifetime_deposited_cents": cents(wallet.deposited),
        "lifetime_spent_cents": cents(wallet.spent),
    }
