"""What each route takes, answers and refuses. Method, path and who may call stand in the template alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel, TypeAdapter

from aerostack_billing.accounts.models import CheckoutRequest
from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.creators.onboarding import AlreadyOnboarded
from aerostack_billing.ledger.models import TransferType
from aerostack_billing.reload.settings import NoPaymentMethod
from aerostack_billing.usage.leases import LeaseNotFound
from aerostack_billing.usage.models import (
    BatchRequest,
    ClaimRequest,
    ConsumeRequest,
    LeaseName,
    LeaseRequest,
    PlaceName,
    SettleRequest,
)
from aerostack_billing.values import errors
from aerostack_billing.values.fields import AccountId
from aerostack_billing.wallet import requests
from aerostack_billing.wallet.holds import HoldEnded, HoldNotFound
from aerostack_billing.wallet.refunds import AlreadyRefunded, ChargeNotFound
from aerostack_billing.wallet.requests import ChargeName, RefundRequest
from aerostack_billing.wallet.rules import InsufficientBalance, SpendCapReached
from aerostack_billing.wallet.statement import DEFAULT_LIMIT, MAX_LIMIT
from local.openapi import answers

Refusal = type[errors.BillingError]
Schema = dict[str, object]


@dataclass(frozen=True)
class Query:
    """A parameter of the query."""

    name: str
    schema: Schema
    description: str
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """One route. Several answers are alternatives; `refusals` are its own, those of every such route are added.

    `replays`: the answer may be the first one to the caller's key, given again. `throttled`: it is under the burst
    limit, and its answers tell what is left of it.
    """

    summary: str
    answer: type[BaseModel] | tuple[type[BaseModel], ...]
    body: type[BaseModel] | None = None
    path: type[BaseModel] | None = None
    query: tuple[Query, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    status: int = 200
    replays: bool = False
    throttled: bool = False
    description: str = ""

    @property
    def answers(self) -> tuple[type[BaseModel], ...]:
        """The models of what it answers."""
        return self.answer if isinstance(self.answer, tuple) else (self.answer,)

    @property
    def takes_key_header(self) -> bool:
        """Whether a key may be given, in the header too: where one must be, the body names it."""
        key = self.body.model_fields.get("idempotency_key") if self.body else None
        return key is not None and not key.is_required()


_REDIRECTS = errors.InvalidRedirectUrl
_REUSED = errors.IdempotencyKeyReused
_WORKED_ON = errors.RequestInProgress
_SHORT = (InsufficientBalance, SpendCapReached)

_PLANS = {
    "GetBillingFunction": Operation("The account's plan", answers.Account),
    "GetPlansFunction": Operation("The plan catalog", answers.Plans),
    "CheckoutFunction": Operation(
        "A page to pay for a plan, or to confirm a change of it",
        answers.Page,
        body=CheckoutRequest,
        refusals=(
            errors.AlreadyOnPlan,
            errors.CancelInstead,
            errors.ContactSales,
            errors.PlanAgreed,
            _REDIRECTS,
            _REUSED,
            _WORKED_ON,
        ),
        replays=True,
        description="An account that pays already is led to the page that confirms the change of its subscription. "
        "A cheaper plan that waits for the period's end is taken back by opening that page, confirmed or not.",
    ),
    "VerifySessionFunction": Operation(
        "Back from Stripe: bring the account or the wallet up to date",
        (answers.Account, answers.Balance),
        query=(Query("session_id", {"type": "string"}, "Stripe's id of the checkout session.", required=True),),
        refusals=(errors.SessionNotFound, errors.SessionNotPaid),
        description="The account after a plan was bought; the balance after a deposit.",
    ),
    "CancelFunction": Operation(
        "End the subscription with its period",
        answers.Cancelled,
        refusals=(errors.NoActiveSubscription, _WORKED_ON),
    ),
    "ResumeFunction": Operation(
        "Take back a pending cancellation or cheaper plan",
        answers.Account,
        refusals=(errors.NothingToResume, _WORKED_ON),
    ),
    "PortalFunction": Operation(
        "Stripe's pages for cards and invoices",
        answers.Page,
        query=(Query("return_url", {"type": "string"}, "Where the portal leads back to; the dashboard by default."),),
        refusals=(errors.NoStripeCustomer, _REDIRECTS),
    ),
}

_USAGE = {
    "GetUsageFunction": Operation(
        "What the account used in a month",
        answers.Usage,
        query=(
            Query("period", TypeAdapter(answers.Month).json_schema(), "A month that has begun; this one by default."),
        ),
        refusals=(errors.InvalidRequest,),
    ),
    "GetResourcesFunction": Operation("What exists, by kind", answers.Resources),
    "ConsumeFunction": Operation(
        "Count usage, if the plan allows it",
        answers.Consumed,
        body=ConsumeRequest,
        refusals=(
            errors.PlanLimitExceeded,
            errors.RateLimitExceeded,
            errors.UnknownMetric,
            errors.GaugeBelowZero,
            _REUSED,
        ),
        replays=True,
        throttled=True,
        description=(
            "Refused usage is not counted. `storage_bytes` is a gauge: a negative quantity gives back. Calls for "
            "`api_requests` are under the plan's burst limit (429), by the clock minute; dry runs, answers given "
            "again, batches and leases are not."
        ),
    ),
    "ConsumeBatchFunction": Operation(
        "Count up to a hundred events at once",
        answers.BatchResults,
        body=BatchRequest,
        description="Each event is answered as it would have been alone, in order; one refused refuses no other.",
    ),
    "TakeLeaseFunction": Operation(
        "Take a block of quota, to use without asking",
        answers.Leased,
        body=LeaseRequest,
        refusals=(errors.PlanLimitExceeded, errors.UnknownMetric),
        status=201,
        description="It counts as used at once. Settled in time, what was not used is given back; else it stays used.",
    ),
    "SettleLeaseFunction": Operation(
        "Give back what of a lease was not used",
        answers.Settled,
        body=SettleRequest,
        path=LeaseName,
        refusals=(LeaseNotFound,),
        description="Safe to repeat: a lease gives back once.",
    ),
    "ClaimResourceFunction": Operation(
        "Claim a place for a resource",
        answers.Claimed,
        body=ClaimRequest,
        path=PlaceName,
        refusals=(errors.PlanLimitExceeded, errors.UnknownResourceKind),
        description="Safe to repeat.",
    ),
    "FreeResourceFunction": Operation(
        "Free the place of a resource",
        answers.Freed,
        path=PlaceName,
        query=(Query("account_id", TypeAdapter(AccountId).json_schema(), "Whose it is.", required=True),),
        refusals=(errors.UnknownResourceKind, errors.InvalidRequest),
        description="Safe to repeat.",
    ),
}

_WALLET = {
    "GetBalanceFunction": Operation("The wallet", answers.Balance),
    "DepositFunction": Operation(
        "A page to pay a deposit",
        answers.Page,
        body=requests.DepositRequest,
        refusals=(_REDIRECTS, _REUSED, _WORKED_ON),
        replays=True,
        description="The paid card is kept for auto-reload, with the payer's consent.",
    ),
    "GetTransactionsFunction": Operation(
        "What explains the balance, newest first",
        answers.Transactions,
        query=(
            Query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                "How many at most.",
            ),
            Query("cursor", {"type": "string"}, "The `next_cursor` of the page before."),
            Query("type", {"type": "string", "enum": list(get_args(TransferType))}, "Only those of a type."),
        ),
        refusals=(errors.InvalidRequest,),
    ),
    "SetAutoReloadFunction": Operation(
        "When to reload, how much, and how much at most",
        answers.AutoReload,
        body=requests.AutoReloadRequest,
        refusals=(NoPaymentMethod, _WORKED_ON),
        description="Saving ends a suspension.",
    ),
    "SetSpendCapFunction": Operation(
        "How much may be spent in a month; null for no cap", answers.Balance, body=requests.SpendCapRequest
    ),
    "ChargeFunction": Operation(
        "Take a price from a wallet, once",
        answers.Charged,
        body=requests.ChargeRequest,
        refusals=(*_SHORT, _REUSED),
        status=201,
        replays=True,
        description="`byok` charges nothing and is recorded at zero. A `tool_call` pays its creator a share.",
    ),
    "RefundChargeFunction": Operation(
        "Give a charge's whole price back, once",
        answers.Refunded,
        body=RefundRequest,
        path=ChargeName,
        refusals=(ChargeNotFound, AlreadyRefunded, _REUSED),
        replays=True,
    ),
    "TakeHoldFunction": Operation(
        "Set money aside for work that is priced when it ends",
        answers.Held,
        body=requests.HoldRequest,
        refusals=(*_SHORT, _REUSED),
        status=201,
        replays=True,
    ),
    "CaptureHoldFunction": Operation(
        "Charge the work's price and free the rest",
        answers.Captured,
        body=requests.CaptureRequest,
        path=requests.HoldName,
        refusals=(*_SHORT, HoldNotFound, HoldEnded, _REUSED),
        replays=True,
    ),
    "ReleaseHoldFunction": Operation(
        "Give a whole hold back",
        answers.Released,
        body=requests.ReleaseRequest,
        path=requests.HoldName,
        refusals=(HoldNotFound, HoldEnded, _REUSED),
        replays=True,
    ),
}

_CREATORS = {
    "OnboardCreatorFunction": Operation(
        "A page to complete a connected account",
        answers.Page,
        body=OnboardRequest,
        refusals=(AlreadyOnboarded, _REDIRECTS, _WORKED_ON),
    ),
    "GetCreatorFunction": Operation("What a creator earned, can be paid, and was paid", answers.CreatorAccount),
}

_ABOUT = {"GetOpenapiFunction": Operation("This document", answers.Document)}

BY_TAG: dict[str, dict[str, Operation]] = {
    "Plans": _PLANS,
    "Usage": _USAGE,
    "Wallet": _WALLET,
    "Creators": _CREATORS,
    "About": _ABOUT,
}
