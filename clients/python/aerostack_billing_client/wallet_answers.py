"""What the service answers about wallets and creators.

Money is `Decimal` cents, times are aware `datetime`s, unlimited is None. What names a state, a tier or a kind is
text: the service may know more of them than this client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from aerostack_billing_client.usage import TokenUsage

# Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadFailure:
    """Why the last reload failed."""

    code: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReload:
    """How the wallet is kept filled, and how that stands."""

    enabled: bool
    threshold_cents: Decimal | None
    amount_cents: Decimal | None
    monthly_cap_cents: Decimal | None
    state: str
    last_error: ReloadFailure | None
    next_attempt_at: datetime | None
    action_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A wallet. `balance_cents` is rounded down; `balance_micros` is exact, 10,000 to the cent."""

    balance_cents: int
    balance_micros: int
    granted_cents: Decimal
    held_cents: Decimal
    debt_cents: Decimal
    currency: str
    auto_reload: AutoReload
    monthly_spend_cap_cents: Decimal | None
    monthly_spent_cents: Decimal
    lifetime_deposited_cents: Decimal
    lifetime_spent_cents: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A line of the statement; the amount is negative where the wallet has less after it.

    `kind` is what was paid for, where something was.
    """

    id: str
    type: str
    kind: str | None
    amount_cents: Decimal
    granted_cents: Decimal
    balance_after_cents: Decimal
    debt_after_cents: Decimal
    created_at: datetime
    description: str
    reference: str | None
    labels: Mapping[str, str]
    usage: TokenUsage | None
    price_version: date | None
    tool_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transactions:
    """A page of the statement, newest first; `next_cursor` leads to the next one."""

    transactions: tuple[Transaction, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent under a value of a label, and what was. That of each value (`*`) counts nothing itself."""

    label: str
    value: str
    window: str
    limit_cents: Decimal
    spent_cents: Decimal | None
    held_cents: Decimal | None
    remaining_cents: Decimal | None
    resets_at: datetime | None
    per_charge_max_cents: Decimal | None
    include_byok: bool
    alert_percent: tuple[int, ...]
    inherited: bool
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """A page of budgets; `next_cursor` leads to the next one."""

    budgets: tuple[Budget, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendGroup:
    """What was spent for one value; None: for none. `rest`: the sum of the values that are not told apart."""

    value: str | None
    rest: bool
    amount_cents: Decimal
    charges: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendOfTime:
    """What was spent in a day, a month, or all the time that was asked for."""

    start: date
    groups: tuple[SpendGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What was spent. A time in which nothing was is left out."""

    from_: date
    to: date
    bucket: str
    by: str
    total_cents: Decimal
    buckets: tuple[SpendOfTime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """Lines of the ledger as they were hashed; `next_cursor` leads to those after them."""

    lines: tuple[Mapping[str, object], ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A charge, and the wallet after it. `estimated_cents` is what it would have cost where the wallet did not pay."""

    charge_id: str
    account_id: str
    kind: str
    amount_cents: Decimal
    estimated_cents: Decimal | None
    billing_mode: str
    usage: TokenUsage | None
    price_version: date | None
    tool_id: str | None = None
    balance_cents: int
    balance_micros: int
    created_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why something would be refused."""

    code: str
    message: str
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """What a charge would take at this moment; `refusal` says why it would not be taken, if it would not."""

    dry_run: bool
    account_id: str
    kind: str
    amount_cents: Decimal
    estimated_cents: Decimal | None
    billing_mode: str
    usage: TokenUsage | None
    price_version: date | None
    tool_id: str | None = None
    balance_cents: int
    balance_micros: int
    refusal: Refusal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """A charge was given back."""

    charge_id: str
    refund_id: str
    refunded_cents: Decimal
    balance_cents: int
    balance_micros: int
    created_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Money is set aside."""

    hold_id: str
    amount_cents: Decimal
    expires_at: datetime
    usage: TokenUsage | None
    price_version: date | None
    tool_id: str | None = None
    balance_cents: int
    balance_micros: int
    held_cents: Decimal
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedItem:
    """A piece of work that a hold paid for."""

    charge_id: str
    amount_cents: Decimal
    usage: TokenUsage | None
    price_version: date | None
    tool_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Work was paid from a hold; `short_cents` is what was not there, `remaining_cents` what the hold still holds."""

    hold_id: str
    charge_id: str
    captured_cents: Decimal
    short_cents: Decimal
    usage: TokenUsage | None
    price_version: date | None
    tool_id: str | None = None
    remaining_cents: Decimal = Decimal(0)
    items: tuple[CapturedItem, ...] | None = None
    balance_cents: int
    balance_micros: int
    held_cents: Decimal
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """A hold ends later, or holds more: `amount_cents` is what it holds now."""

    hold_id: str
    amount_cents: Decimal
    added_cents: Decimal
    expires_at: datetime
    balance_cents: int
    balance_micros: int
    held_cents: Decimal
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A hold was given back."""

    hold_id: str
    released_cents: Decimal
    balance_cents: int
    balance_micros: int
    held_cents: Decimal
    replayed: bool = False


# Creators


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDay:
    """What becomes payable on a day."""

    day: date
    amount_cents: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutView:
    """A payout; `reason` says why it failed."""

    id: str
    amount_cents: Decimal
    state: str
    created_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A creator's tool with its price; `version` counts its changes."""

    tool_id: str
    creator_id: str
    name: str
    price_cents: Decimal
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The tools of a creator, by id."""

    tools: tuple[Tool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatorAccount:
    """What a creator earned, and how it is paid."""

    onboarding: str
    pending_cents: Decimal
    pending_by_day: tuple[PendingDay, ...]
    payable_cents: Decimal
    granted_cents: Decimal
    claimed_cents: Decimal
    owed_cents: Decimal
    in_transit_cents: Decimal
    paid_cents: Decimal
    last_error: str | None
    payouts_held_for: str | None
    payouts: tuple[PayoutView, ...]
