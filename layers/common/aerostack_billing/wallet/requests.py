"""What callers ask of a wallet, as it must be."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from aerostack_billing.prices.models import UsageRequest
from aerostack_billing.values.fields import AccountId, IdempotencyKey, RequestModel, ResourceId, WrongField
from aerostack_billing.values.money import Cents
from aerostack_billing.values.text import PRINTABLE

ChargeKind = Literal["bot_conversation", "agent_execution", "tool_call"]
BillingMode = Literal["wallet", "byok", "plan_quota"]
SpendBucket = Literal["day", "month", "total"]
Reference = Annotated[str, Field(min_length=1, max_length=255, pattern=PRINTABLE)]

MIN_DEPOSIT_CENTS = 500
MAX_DEPOSIT_CENTS = 50_000
DepositCents = Annotated[int, Field(ge=MIN_DEPOSIT_CENTS, le=MAX_DEPOSIT_CENTS)]
CapCents = Annotated[int, Field(ge=1, le=100_000_000)]
HOLD_SECONDS = 900
MAX_HOLD_SECONDS = 7 * 86_400
MOST_HELD_SECONDS = 31 * 86_400
"""How long a hold may live with all of its extensions: its captures are priced by the book of when it was taken."""
MAX_ITEMS = 90


LabelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
MAX_LABELS = 8


def _in_order(labels: dict[str, str]) -> dict[str, str]:
    return dict(sorted(labels.items()))


LabelValue = Annotated[str, Field(min_length=1, max_length=128, pattern=PRINTABLE)]
Labels = Annotated[
    dict[LabelName, LabelValue],
    Field(
        max_length=MAX_LABELS,
        description="Whom and what it is for, by names of your own: shown in the statement, and what budgets and "
        "spending are kept by. Ids, no personal data: they are kept for ever.",
        examples=[{"agent": "agt_7", "key": "k_1"}],
    ),
    AfterValidator(_in_order),
]


def _without_null(schema: dict[str, Any]) -> None:
    """Describe a field that is left out where it does not apply, and is never given as null."""
    schema["anyOf"] = [one for one in schema["anyOf"] if one != {"type": "null"}]
    schema.pop("default", None)


class _Amount(RequestModel):
    """What is to be paid: an amount, or the usage that the price book prices."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["amount_cents"]}, {"required": ["usage"]}]})

    amount_cents: Cents | None = Field(default=None, json_schema_extra=_without_null)
    usage: UsageRequest | None = Field(default=None, json_schema_extra=_without_null)
    labels: Labels = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if self.amount_cents is None and self.usage is None:
            raise WrongField("amount_cents", "is required unless usage is given")
        if self.amount_cents is not None and self.usage is not None:
            raise WrongField("usage", "replaces amount_cents: give only one of them")
        return self


class Payable(_Amount):
    """What is to be paid, and whom it pays a share: by a creator's name, or by a tool that is one's."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("amount_cents", "usage", "tool_id")]}
    )

    creator_id: AccountId | None = None
    tool_id: Annotated[
        ResourceId | None, Field(description="In place of `creator_id` and a price: both are the tool's.")
    ] = Field(default=None, json_schema_extra=_without_null)
    max_price_cents: Annotated[
        Cents | None, Field(description="With `tool_id`: the most that may be taken; else 409 `PRICE_CHANGED`.")
    ] = None

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        """Also a tool is one."""
        if self.tool_id is not None:
            for name in ("amount_cents", "usage", "creator_id"):
                if getattr(self, name) is not None:
                    raise WrongField(name, "is the tool's: leave it out beside tool_id")
        elif self.max_price_cents is not None:
            raise WrongField("max_price_cents", "is allowed with tool_id only")
        elif self.amount_cents is None and self.usage is None:
            raise WrongField("amount_cents", "is required unless usage or tool_id is given")
        elif self.amount_cents is not None and self.usage is not None:
            raise WrongField("usage", "replaces amount_cents: give only one of them")
        return self


class PricedRequest(Payable):
    """What has a kind, and a creator or a tool of one if and only if it is a tool call."""

    account_id: AccountId
    kind: ChargeKind

    @model_validator(mode="after")
    def _creator_of_a_tool_call(self) -> Self:
        if self.tool_id is not None:
            if self.kind != "tool_call":
                raise WrongField("tool_id", "is allowed for a tool_call only")
            return self
        if (self.kind == "tool_call") != (self.creator_id is not None):
            raise WrongField("creator_id", "is required for a tool_call and allowed for nothing else")
        return self


class ChargeRequest(PricedRequest):
    """Body of `POST /api/balance/charges`."""

    billing_mode: BillingMode
    fallback: Annotated[
        Literal["wallet"] | None,
        Field(description="With `plan_quota`: who pays the whole where the plan has not tokens enough."),
    ] = None
    idempotency_key: IdempotencyKey
    reference: Reference | None = None

    @model_validator(mode="after")
    def _mode_fits(self) -> Self:
        if self.billing_mode != "wallet" and self.kind == "tool_call":
            raise WrongField(
                "billing_mode", "must be wallet for a tool_call, because its creator is paid in every case"
            )
        if self.billing_mode == "plan_quota" and self.usage is None:
            raise WrongField("usage", "is required for plan_quota, because its tokens count against the plan")
        if self.fallback is not None and self.billing_mode != "plan_quota":
            raise WrongField("fallback", "is allowed for the billing_mode plan_quota only")
        return self


class ChargesRequest(RequestModel):
    """Body of `POST /api/balance/charges/batch`; each charge is checked on its own."""

    most_bytes: ClassVar[int] = 3 * 1024 * 1024
    """A hundred charges with as many labels, and as long ones, as there may be, escaped as JSON allows."""

    charges: Annotated[list[dict[str, object]], Field(min_length=1, max_length=100)]


class HoldRequest(PricedRequest):
    """Body of `POST /api/balance/holds`."""

    ttl_seconds: Annotated[int, Field(ge=1, le=MAX_HOLD_SECONDS)] = HOLD_SECONDS
    idempotency_key: IdempotencyKey
    reference: Reference | None = None


class CaptureItem(Payable):
    """A piece of work that a hold pays for, with a line of its own in the statement.

    Its kind, and the creator of a `tool_call`, are those of the hold where none are named; with `tool_id` it is a
    `tool_call`.
    """

    kind: Annotated[ChargeKind | None, Field(json_schema_extra=_without_null)] = None
    reference: Reference | None = None

    @model_validator(mode="after")
    def _of_a_tool_call(self) -> Self:
        if self.tool_id is not None and self.kind not in (None, "tool_call"):
            raise WrongField("tool_id", "is allowed for a tool_call only")
        return self


class CaptureRequest(_Amount):
    """Body of `POST /api/balance/holds/{hold_id}/capture`. Its labels stand beside those of the hold."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("amount_cents", "usage", "items")]}
    )

    account_id: AccountId
    allow_partial: bool = False
    items: Annotated[
        list[CaptureItem] | None,
        Field(
            min_length=1,
            max_length=MAX_ITEMS,
            description="Several pieces of work: all are taken, each by a line of its own, or none.",
            json_schema_extra=_without_null,
        ),
    ] = None
    final: Annotated[
        bool, Field(description="With `items`: whether the hold ends. If not, the rest stays held for later captures.")
    ] = True
    idempotency_key: IdempotencyKey

    @property
    def names_no_tool(self) -> bool:
        """Whether no price in it is a tool's."""
        return all(item.tool_id is None for item in self.items or ())

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        given = [name for name in ("amount_cents", "usage", "items") if getattr(self, name) is not None]
        if not given:
            raise WrongField("amount_cents", "is required unless usage or items are given")
        if len(given) > 1:
            raise WrongField(given[-1], f"replaces {given[0]}: give only one of them")
        if self.items is None and not self.final:
            raise WrongField("final", "is allowed with items only")
        if self.items is not None and (self.allow_partial or self.labels):
            raise WrongField("labels" if self.labels else "allow_partial", "is not allowed with items")
        return self


class ExtendRequest(RequestModel):
    """Body of `POST /api/balance/holds/{hold_id}/extend`."""

    account_id: AccountId
    ttl_seconds: Annotated[
        int, Field(ge=1, le=MAX_HOLD_SECONDS, description="From now; an end that is later already stays.")
    ]
    add_cents: Annotated[Cents, Field(description="What is held beside what there is.")] = 0
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


class BudgetName(RequestModel):
    """Which budget a path names: of a value of a label, or with `*` of each value that has none of its own."""

    label: LabelName
    value: LabelValue


class BudgetRequest(RequestModel):
    """Body of `PUT /api/balance/budgets/{label}/{value}`."""

    limit_cents: Annotated[Cents, Field(gt=0)]
    window: Literal["day", "month", "total"]
    per_charge_max_cents: Annotated[Cents, Field(gt=0)] | None = None
    include_byok: Annotated[
        bool, Field(description="Count what `byok` charges would have cost, and refuse those too.")
    ] = False
    alert_percent: Annotated[
        list[Annotated[int, Field(ge=1, le=100)]],
        Field(max_length=10, description="The percentages of the limit at which a domain event is sent."),
    ] = Field(default=[50, 80, 100])

    @model_validator(mode="after")
    def _alerts_in_order(self) -> Self:
        if sorted(set(self.alert_percent)) != self.alert_percent:
            raise WrongField("alert_percent", "must rise, each percentage once")
        return self


class AutoReloadRequest(RequestModel):
    """Body of `PUT /api/balance/auto-reload`."""

    enabled: bool
    threshold_cents: Annotated[int, Field(ge=1, le=MAX_DEPOSIT_CENTS)] | None = None
    amount_cents: DepositCents | None = None
    monthly_cap_cents: CapCents | None = None

    @model_validator(mode="after")
    def _can_ever_fire(self) -> Self:
        if self.enabled and (self.threshold_cents is None or self.amount_cents is None):
            raise ValueError("threshold_cents and amount_cents are required to turn auto-reload on")
        if self.monthly_cap_cents is not None and self.monthly_cap_cents < (self.amount_cents or 0):
            raise ValueError("monthly_cap_cents must be at least amount_cents")
        return self


class RefundRequest(RequestModel):
    """Body of `POST /api/balance/charges/{charge_id}/refund`."""

    account_id: AccountId
    idempotency_key: IdempotencyKey
    reason: Reference | None = None


class ChargeName(RequestModel):
    """Which charge a path names."""

    charge_id: Annotated[str, Field(min_length=1, max_length=128)]
