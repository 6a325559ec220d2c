"""What callers ask of a wallet, as it must be."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aerostack_billing.values.fields import AccountId, IdempotencyKey, RequestModel
from aerostack_billing.values.money import Cents

ChargeKind = Literal["bot_conversation", "agent_execution", "tool_call"]
BillingMode = Literal["wallet", "byok"]
Reference = Annotated[str, Field(min_length=1, max_length=255)]

MIN_DEPOSIT_CENTS = 500
MAX_DEPOSIT_CENTS = 50_000
DepositCents = Annotated[int, Field(ge=MIN_DEPOSIT_CENTS, le=MAX_DEPOSIT_CENTS)]
CapCents = Annotated[int, Field(ge=1, le=100_000_000)]
HOLD_SECONDS = 900
MAX_HOLD_SECONDS = 7 * 86_400


class _Priced(RequestModel):
    """What has a kind, and a creator if and only if it is a tool call."""

    account_id: AccountId
    kind: ChargeKind
    creator_id: AccountId | None = None

    @model_validator(mode="after")
    def _creator_of_a_tool_call(self) -> Self:
        if (self.kind == "tool_call") != (self.creator_id is not None):
            raise ValueError("creator_id is needed for a tool_call, and for nothing else")
        return self


class ChargeRequest(_Priced):
    """Body of `POST /api/balance/charges`."""

    amount_cents: Cents
    billing_mode: BillingMode
    idempotency_key: IdempotencyKey
    reference: Reference | None = None

    @model_validator(mode="after")
    def _own_key_not_for_tools(self) -> Self:
        if self.billing_mode == "byok" and self.kind == "tool_call":
            raise ValueError("a tool_call is paid whoever's key is used: its billing_mode is wallet")
        return self


class HoldRequest(_Priced):
    """Body of `POST /api/balance/holds`."""

    amount_cents: Cents
    ttl_seconds: Annotated[int, Field(ge=1, le=MAX_HOLD_SECONDS)] = HOLD_SECONDS
    idempotency_key: IdempotencyKey


class CaptureRequest(RequestModel):
    """Body of `POST /api/balance/holds/{hold_id}/capture`."""

    account_id: AccountId
    amount_cents: Cents
    allow_partial: bool = False
    idempotency_key: IdempotencyKey


class ReleaseRequest(RequestModel):
    """Body of `POST /api/balance/holds/{hold_id}/release`."""

    account_id: AccountId
    idempotency_key: IdempotencyKey


class HoldName(RequestModel):
    """Which hold a path names."""

    hold_id: Annotated[str, Field(min_length=1, max_length=128)]


class DepositRequest(RequestModel):
    """Body of `POST /api/balance/deposit`."""

    amount_cents: DepositCents
    success_url: str
    cancel_url: str
    idempotency_key: IdempotencyKey | None = None


class SpendCapRequest(RequestModel):
    """Body of `PUT /api/balance/spend-cap`; null takes the cap away."""

    monthly_cap_cents: CapCents | None


class AutoReloadRequest(RequestModel):
    """Body of `PUT /api/balance/auto-reload`."""

    enabled: bool
    threshold_cents: Annotated[int, Field(ge=1, le=MAX_DEPOSIT_CENTS)] | None = None
    amount_cents: DepositCents | None = None
    monthly_cap_cents: CapCents | None = None

    @model_validator(mode="after")
    def _can_ever_fire(self) -> Self:
        if self.enabled and (self.threshold_cents is None or self.amount_cents is None):
            raise ValueError("threshold_cents and amount_cents are needed to turn auto-reload on")
        if self.monthly_cap_cents is not None and self.monthly_cap_cents < (self.amount_cents or 0):
            raise ValueError("monthly_cap_cents is below amount_cents: no reload could ever be made")
        return self


class RefundRequest(RequestModel):
    """Body of `POST /api/balance/charges/{charge_id}/refund`."""

    account_id: AccountId
    idempotency_key: IdempotencyKey
    reason: Annotated[str, Field(min_length=1, max_length=255)] | None = None


class ChargeName(RequestModel):
    """Which charge a path names."""

    charge_id: Annotated[str, Field(min_length=1, max_length=128)]
