"""The answers of the wallet's routes, as models: see `answers`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from aerostack_billing.ledger.models import TransferType
from aerostack_billing.wallet.models import BudgetWindow
from aerostack_billing.wallet.requests import BillingMode, ChargeKind, SpendBucket
from local.openapi.answers import Cents, Count, Day, ErrorFields, Micros, Time, Url, WholeCents


class ReloadFailure(BaseModel):
    """Why the last reload failed."""

    code: str
    message: str
    at: Time


class AutoReload(BaseModel):
    """The user's settings, and the current state."""

    enabled: bool
    threshold_cents: Cents | None
    amount_cents: Cents | None
    monthly_cap_cents: Cents | None
    state: Literal["off", "armed", "due", "pending", "retrying", "suspended", "action_required"]
    last_error: ReloadFailure | None
    next_attempt_at: Time | None
    action_url: Annotated[
        Url | None, Field(description="The page on which the user confirms the payment (3-D Secure).")
    ]


class Balance(BaseModel):
    """A wallet."""

    balance_cents: WholeCents
    balance_micros: Micros
    granted_cents: Annotated[
        Cents,
        Field(
            description="What of the balance was granted, not paid for. It is spent first; a refund gives granted and "
            "deposited money back to where it came from, and a refunded deposit takes deposited money first."
        ),
    ]
    held_cents: Cents
    debt_cents: Cents
    currency: Literal["usd"]
    auto_reload: AutoReload
    monthly_spend_cap_cents: Cents | None
    monthly_spent_cents: Cents
    lifetime_deposited_cents: Cents
    lifetime_spent_cents: Cents


class Transaction(BaseModel):
    """One line of the ledger, as the account's owner sees it."""

    id: str
    type: TransferType
    kind: Annotated[ChargeKind | None, Field(description="What the transaction paid for, if anything.")]
    amount_cents: Annotated[Cents, Field(description="Signed: the change of the balance.")]
    granted_cents: Annotated[Cents, Field(description="How much of what was moved is granted money.")]
    balance_after_cents: Cents
    debt_after_cents: Cents
    created_at: Time
    description: str
    reference: str | None
    labels: dict[str, str]
    usage: TokenUsage | None
    price_version: Day | None
    tool_id: str | None


class Transactions(BaseModel):
    """A page of transactions, newest first."""

    transactions: list[Transaction]
    next_cursor: Annotated[str | None, Field(description="The cursor of the next page; null on the last page.")]


class TokenUsage(BaseModel):
    """Tokens that were priced. No token is in two counts: `input_tokens` came from no cache."""

    model: Annotated[str, Field(description="By the price book's name for it.")]
    input_tokens: Count
    output_tokens: Count
    cache_read_tokens: Count
    cache_write_tokens: Count


class _ByUsage(BaseModel):
    usage: Annotated[TokenUsage | None, Field(description="What was priced; null where an amount was named.")]
    price_version: Annotated[Day | None, Field(description="The version of the price book that prices it.")]
    tool_id: Annotated[str | None, Field(description="The tool whose price it is; null where none was named.")]


Estimated = Annotated[
    Cents | None, Field(description="What it would have cost the wallet, where that did not pay; null where it did.")
]


class SpendGroup(BaseModel):
    """What was spent for one value. A refund takes money off, but no charges or tokens: the work was done."""

    value: Annotated[str | None, Field(description="Null: of charges that have none.")]
    rest: Annotated[bool, Field(description="Whether it is the sum of the values that are not told apart.")]
    amount_cents: Annotated[Cents, Field(description="Below zero where more was refunded than spent.")]
    charges: Count
    input_tokens: Count
    output_tokens: Count
    cache_read_tokens: Count
    cache_write_tokens: Count


class SpendOfTime(BaseModel):
    """What was spent in a day, a month, or all the time that was asked for."""

    start: Day
    groups: list[SpendGroup]


class Spend(BaseModel):
    """What was spent. A time in which nothing was is left out."""

    from_: Annotated[Day, Field(alias="from")]
    to: Day
    bucket: SpendBucket
    by: str
    total_cents: Cents
    buckets: list[SpendOfTime]


class Budget(BaseModel):
    """What may be spent under a value of a label, and what was. That of each value (`*`) counts nothing itself.

    What is charged under the label `*` counts by itself, as under any other value, and is not listed.
    """

    label: str
    value: str
    window: BudgetWindow
    limit_cents: Cents
    spent_cents: Annotated[Cents | None, Field(description="Since the window began, or the budget was set in it.")]
    held_cents: Annotated[Cents | None, Field(description="What open holds have taken room for.")]
    remaining_cents: Annotated[Cents | None, Field(description="What there is still room for.")]
    resets_at: Annotated[Time | None, Field(description="When the window ends; null for `total`.")]
    per_charge_max_cents: Cents | None
    include_byok: bool
    alert_percent: list[int]
    inherited: Annotated[bool, Field(description="Whether it is that of each value of the label (`*`).")]
    state: Literal["ok", "alert", "reached"]


class Budgets(BaseModel):
    """A page of budgets; under one of each value also the values that were counted in this window."""

    budgets: list[Budget]
    next_cursor: Annotated[str | None, Field(description="The cursor of the next page; null on the last page.")]


class Charged(_ByUsage):
    """A charge. `billing_mode` says who paid: `wallet` too where the plan's tokens did not suffice."""

    charge_id: str
    account_id: str
    kind: ChargeKind
    amount_cents: Cents
    estimated_cents: Estimated
    billing_mode: BillingMode
    balance_cents: WholeCents
    balance_micros: Micros
    created_at: Time


class ChargedInBatch(Charged):
    """A charge of a batch: the answer that it would get alone."""

    status: Literal[201]


class ChargeErrorFields(ErrorFields):
    """Why nothing was taken for a charge of a batch."""

    code: Literal[
        "BUDGET_REACHED",
        "IDEMPOTENCY_KEY_REUSED",
        "INSUFFICIENT_BALANCE",
        "INVALID_REQUEST",
        "PLAN_LIMIT_EXCEEDED",
        "SPEND_CAP_REACHED",
        "STORE_UNAVAILABLE",
        "TOKEN_RESTRICTED",
        "UNKNOWN_MODEL",
    ]


class RefusedCharge(BaseModel):
    """A refused charge of a batch, with the status that it would get alone."""

    error: ChargeErrorFields
    status: Annotated[int, Field(ge=400, le=599)]


class ChargeResults(BaseModel):
    """The result of each charge, in the order of the request."""

    results: list[ChargedInBatch | RefusedCharge]


class Refusal(BaseModel):
    """Why a charge would be refused."""

    code: str
    message: str
    details: dict[str, object]


class Quoted(_ByUsage):
    """What a charge would take at this moment, and why it would be refused, if it would."""

    dry_run: Literal[True]
    account_id: str
    kind: ChargeKind
    amount_cents: Cents
    estimated_cents: Estimated
    billing_mode: BillingMode
    balance_cents: WholeCents
    balance_micros: Micros
    refusal: Refusal | None


class Refunded(BaseModel):
    """A refunded charge."""

    charge_id: str
    refund_id: str
    refunded_cents: Cents
    balance_cents: WholeCents
    balance_micros: Micros
    created_at: Time


class _Balances(BaseModel):
    balance_cents: WholeCents
    balance_micros: Micros
    held_cents: Cents


class Held(_Balances, _ByUsage):
    """A hold: money that is set aside."""

    hold_id: str
    amount_cents: Cents
    expires_at: Time


class CapturedItem(_ByUsage):
    """A piece of work that a hold paid for."""

    charge_id: str
    amount_cents: Cents


class Captured(_Balances, _ByUsage):
    """What the capture charged; `short_cents` is how much of the asked price it could not charge."""

    hold_id: str
    charge_id: Annotated[str, Field(description="Of a capture of items: the first one's.")]
    captured_cents: Cents
    short_cents: Cents
    remaining_cents: Annotated[Cents, Field(description="What the hold still holds, where the capture did not end it.")]
    items: Annotated[
        list[CapturedItem] | None, Field(description="In the order of the request; null where none were named.")
    ]


class Extended(_Balances):
    """An extended hold."""

    hold_id: str
    amount_cents: Annotated[Cents, Field(description="What it holds now.")]
    added_cents: Cents
    expires_at: Time


class Released(_Balances):
    """A released hold."""

    hold_id: str
    released_cents: Cents
