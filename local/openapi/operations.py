"""What each route takes, answers and refuses. The template alone holds method, path and who may call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from pydantic import BaseModel, TypeAdapter

from aerostack_billing.accounts.models import CheckoutRequest
from aerostack_billing.creators.earnings import RefundNeedsReview
from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.creators.onboarding import AlreadyOnboarded
from aerostack_billing.creators.tools import ToolName, ToolRequest, TooManyTools
from aerostack_billing.ledger.models import TransferType
from aerostack_billing.prices.book import UnknownModel
from aerostack_billing.reload.settings import NoPaymentMethod
from aerostack_billing.usage.leases import LeaseNotFound, LeaseTooLarge
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
from aerostack_billing.wallet.budget_settings import BudgetNotFound, TooManyBudgets
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.hold_work import HoldEnded, HoldNotFound
from aerostack_billing.wallet.refunds import AlreadyRefunded, ChargeNotFound
from aerostack_billing.wallet.requests import ChargeName, RefundRequest
from aerostack_billing.wallet.rules import InsufficientBalance, SpendCapReached
from aerostack_billing.wallet.spending_view import SpendingBehind
from aerostack_billing.wallet.statement import DEFAULT_LIMIT, MAX_LIMIT
from aerostack_billing.wallet.tools import PriceChanged, ToolNotFound
from local.openapi import answers, wallet_answers

Refusal = type[errors.BillingError]
Schema = dict[str, object]


@dataclass(frozen=True)
class Query:
    """A query parameter."""

    name: str
    schema: Schema
    description: str
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """One route. Several answers are alternatives. `refusals` are its own; the document adds those that routes share.

    `replays`: the answer may be the first one to the caller's key. `throttled`: the route is under the burst limit, and
    its answers carry what is left of it.
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
    texts: Mapping[str, str] = field(default_factory=dict)
    """The media types of an answer that is text and no JSON object, each with what it is."""
    rehearsal: type[BaseModel] | None = None
    """What it answers with 200 to `?dry_run=true`, which changes nothing."""
    description: str = ""

    @property
    def answers(self) -> tuple[type[BaseModel], ...]:
        """The models of its answers."""
        own = self.answer if isinstance(self.answer, tuple) else (self.answer,)
        return own if self.rehearsal is None else (*own, self.rehearsal)

    @property
    def takes_key_header(self) -> bool:
        """Whether a key is optional, so that the header may carry it; a required key is a field of the body."""
        key = self.body.model_fields.get("idempotency_key") if self.body else None
        return key is not None and not key.is_required()


_REDIRECTS = errors.InvalidRedirectUrl
_REUSED = errors.IdempotencyKeyReused
_WORKED_ON = errors.RequestInProgress
_SHORT = (InsufficientBalance, SpendCapReached, BudgetReached)

_PLANS = {
    "GetBillingFunction": Operation(
        "Show the account's plan",
        answers.Account,
        description="An account that never bought anything is on Free.",
    ),
    "GetPlansFunction": Operation(
        "Show the plan catalog",
        answers.Plans,
        description="Prices, limits and grace of each tier, and the terms of the wallet. Cacheable.",
    ),
    "GetPricesFunction": Operation(
        "Show what tokens cost, by model",
        answers.Prices,
        description="Dollars a million tokens. A version is the day on which its newest price starts; a charge, and a "
        "hold for its captures, is priced by the version of its moment. Tokens are priced exactly, and the sum with "
        "the markup is rounded up to a micro (10,000 to the cent) once a charge.",
    ),
    "CheckoutFunction": Operation(
        "Create a page on which the user pays for a plan or confirms a change",
        answers.Page,
        body=CheckoutRequest,
        refusals=(
            errors.AlreadyOnPlan,
            errors.InvoiceOpen,
            errors.CancelInstead,
            errors.ContactSales,
            errors.PlanAgreed,
            errors.CurrencyConflict,
            _REDIRECTS,
            _REUSED,
            _WORKED_ON,
        ),
        replays=True,
        description="If the account already pays, the page confirms a change of its subscription. Creating that page "
        "takes back a cheaper plan that waits for the end of the period, whether the user confirms the change or not. "
        "A higher tier begins a new period at once, at full price less the unused part of the old one. A lower tier "
        "waits for the end of the period, whatever the interval; at a longer interval it is agreed by this call. "
        "The page shows it, and `resume` takes it back.",
    ),
    "VerifySessionFunction": Operation(
        "Apply a payment when the user returns from Stripe",
        (answers.Account, wallet_answers.Balance),
        query=(
            Query(
                "session_id",
                {"type": "string"},
                "Stripe's id of the checkout session, as appended to `success_url`.",
                required=True,
            ),
        ),
        refusals=(errors.RoleForbidden, errors.SessionNotFound, errors.SessionNotPaid),
        description="Answers with the account for a plan, and with the balance for a deposit. The webhook applies the "
        "payment if the user does not return.",
    ),
    "CancelFunction": Operation(
        "Cancel the subscription at the end of its period",
        answers.Cancelled,
        refusals=(errors.NoActiveSubscription, _WORKED_ON),
        description="The plan stays until then. Repeating the call changes nothing.",
    ),
    "ResumeFunction": Operation(
        "Take back a pending cancellation or a pending cheaper plan",
        answers.Account,
        refusals=(errors.NothingToResume, _WORKED_ON),
        description="The subscription continues as before.",
    ),
    "PortalFunction": Operation(
        "Create a session of Stripe's portal for cards and invoices",
        answers.Page,
        query=(Query("return_url", {"type": "string"}, "Where the portal leads back to. Default: the dashboard."),),
        refusals=(errors.RoleForbidden, errors.NoStripeCustomer, _REDIRECTS),
        description="An account that never bought anything has no portal.",
    ),
}

_USAGE = {
    "GetUsageFunction": Operation(
        "Show what the account used in a month",
        answers.Usage,
        query=(
            Query(
                "period",
                TypeAdapter(answers.Month).json_schema(),
                "A month that has begun. Default: the current month.",
            ),
        ),
        refusals=(errors.InvalidRequest,),
        description="Each counter beside its limit, and the number of resources of each kind. Quotas are of the "
        "calendar month in UTC. A plan that is paid by the month has one month's quota for each payment: what was used "
        "of a paid period before the 1st counts in the new month too, as `used`, until the next period begins. Free, "
        "yearly plans and tiers that an operator gave go by the calendar alone.",
    ),
    "GetResourcesFunction": Operation(
        "List the account's resources by kind",
        answers.Resources,
        description="Resources over the limit since a downgrade are read-only, newest first.",
    ),
    "ConsumeFunction": Operation(
        "Count usage if the plan allows it",
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
            "Refused usage is not counted. `storage_bytes` is a gauge: a negative quantity gives storage back. Calls "
            "for `api_requests` are under the plan's burst limit per clock minute (429). Dry runs, replayed answers, "
            "batches and leases are not."
        ),
    ),
    "ConsumeBatchFunction": Operation(
        "Count up to 100 events at once",
        answers.BatchResults,
        body=BatchRequest,
        description="The results are in the order of the events. Each is what `consume` would answer for that event. "
        "A refused event does not affect the others.",
    ),
    "TakeLeaseFunction": Operation(
        "Lease a block of quota to use without further requests",
        answers.Leased,
        body=LeaseRequest,
        refusals=(errors.PlanLimitExceeded, errors.UnknownMetric, LeaseTooLarge, _REUSED),
        status=201,
        replays=True,
        description="The block counts as used at once. A settlement before it expires gives back what was not used. "
        "Without one, all of it stays used. One lease takes a share of the limit at most, 10 % at first; with "
        "`allow_partial` a larger one is granted that share.",
    ),
    "SettleLeaseFunction": Operation(
        "Settle a lease: give back what was not used",
        answers.Settled,
        body=SettleRequest,
        path=LeaseName,
        refusals=(LeaseNotFound,),
        description="Safe to repeat: a lease gives back quota once.",
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
        query=(
            Query(
                "account_id", TypeAdapter(AccountId).json_schema(), "The account that owns the resource.", required=True
            ),
        ),
        refusals=(errors.UnknownResourceKind, errors.InvalidRequest),
        description="Safe to repeat.",
    ),
}

_WALLET = {
    "GetBalanceFunction": Operation(
        "Show the wallet",
        wallet_answers.Balance,
        description="`balance_cents` is what can be spent: without held money, and never below 0.",
    ),
    "DepositFunction": Operation(
        "Create a page on which the user pays a deposit",
        answers.Page,
        body=requests.DepositRequest,
        refusals=(errors.CurrencyConflict, _REDIRECTS, _REUSED, _WORKED_ON),
        replays=True,
        description="The card that pays is kept for auto-reload, with the payer's consent.",
    ),
    "GetTransactionsFunction": Operation(
        "List the transactions that make up the balance, newest first",
        wallet_answers.Transactions,
        query=(
            Query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                "The most transactions to return.",
            ),
            Query("cursor", {"type": "string"}, "The `next_cursor` of the previous page."),
            Query("type", {"type": "string", "enum": list(get_args(TransferType))}, "Only transactions of this type."),
        ),
        refusals=(errors.InvalidRequest,),
        description="Each line shows its effect on the balance, and the balance after it.",
    ),
    "SetAutoReloadFunction": Operation(
        "Set when auto-reload charges the card, how much, and the monthly cap",
        wallet_answers.AutoReload,
        body=requests.AutoReloadRequest,
        refusals=(NoPaymentMethod, _WORKED_ON),
        description="Saving ends a suspension. Without a `monthly_cap_cents`, reloads bring at most ten times "
        "`amount_cents` in a calendar month. At most five (a parameter of the stack) are made on one day. Past either, "
        "and when a payment into the wallet is disputed, reported by its bank or refunded, auto-reload is `suspended`, "
        "with the reason in `last_error`.",
    ),
    "SetSpendCapFunction": Operation(
        "Set how much may be spent per month; null removes the cap",
        wallet_answers.Balance,
        body=requests.SpendCapRequest,
        description="Spent and held money counts towards the cap. Money that is already spent stays spent.",
    ),
    "GetStatementFunction": Operation(
        "List the ledger's lines with their hashes, oldest first, to check the bill",
        (),
        query=(
            Query("from", {"type": "string", "format": "date"}, "The first day; the very first line by default."),
            Query("to", {"type": "string", "format": "date"}, "The last day, included."),
            Query("cursor", {"type": "string"}, "The header `X-Next-Cursor` of the answer before."),
        ),
        refusals=(errors.InvalidRequest,),
        texts={
            "application/x-ndjson": "A JSON object a line: docs/check-my-bill.md says how its hash is made.",
            "text/csv": "The same for a spreadsheet; a text that it would take for a formula begins with `'`.",
        },
        description="Each line carries `hash`, and `previous_hash` of the line before: whoever has the lines can check "
        "that none was changed, left out or put in. Up to 2,000 lines an answer.",
    ),
    "GetSpendFunction": Operation(
        "Show what was spent, by day and by what it was for",
        wallet_answers.Spend,
        query=(
            Query("from", {"type": "string", "format": "date"}, "The first day; the first of that month by default."),
            Query("to", {"type": "string", "format": "date"}, "The last day, included; today by default."),
            Query(
                "bucket",
                {"type": "string", "enum": list(get_args(requests.SpendBucket)), "default": "day"},
                "Of which time each sum is.",
            ),
            Query(
                "by",
                {"type": "string", "default": "kind"},
                "`kind`, `model`, `billing_mode`, or the name of a label; `label:kind` is the label of that name.",
            ),
        ),
        refusals=(errors.InvalidRequest, SpendingBehind),
        texts={"text/csv": "The groups, a line each; a text that would be taken for a formula begins with `'`."},
        description="It equals the ledger. Refunds are taken off the day they were made. At most 1,000 values are told "
        "apart, the dearest; the others are one group, `rest`. What has no value is the group whose value is null.",
    ),
    "ListBudgetsFunction": Operation(
        "List the budgets and what is spent of them",
        wallet_answers.Budgets,
        query=(
            Query("label", {"type": "string"}, "Only those of a label."),
            Query("cursor", {"type": "string"}, "The `next_cursor` of the page before."),
        ),
        refusals=(errors.InvalidRequest,),
        description="One page; `next_cursor` leads to the next one.",
    ),
    "GetBudgetFunction": Operation(
        "Show what one budget stands at",
        wallet_answers.Budget,
        path=requests.BudgetName,
        refusals=(BudgetNotFound,),
        description="Its limit, and what is spent and held in the current window.",
    ),
    "PutBudgetFunction": Operation(
        "Set what may be spent under a label",
        wallet_answers.Budget,
        body=requests.BudgetRequest,
        path=requests.BudgetName,
        refusals=(TooManyBudgets,),
        description="Charges and holds that carry the label must fit it, at any concurrency. The value `*` is the "
        "budget of each value that has none of its own. It counts what is charged from now on; a change that keeps "
        "the window keeps what is counted. A limit below what is spent blocks, and takes nothing back.",
    ),
    "DeleteBudgetFunction": Operation(
        "Remove a budget",
        wallet_answers.Budget,
        path=requests.BudgetName,
        refusals=(BudgetNotFound,),
        description="Charges no longer have to fit it. Money that is already spent stays spent.",
    ),
    "ChargeFunction": Operation(
        "Charge a wallet once",
        wallet_answers.Charged,
        body=requests.ChargeRequest,
        query=(Query("dry_run", {"type": "boolean", "default": False}, "Quote the price, and take nothing."),),
        refusals=(*_SHORT, _REUSED, UnknownModel, ToolNotFound, PriceChanged, errors.PlanLimitExceeded),
        status=201,
        replays=True,
        rehearsal=wallet_answers.Quoted,
        description="The price is an amount, or `usage` by the price book. `byok` charges nothing and is recorded at "
        "zero, with what it would have cost. `plan_quota` takes the tokens from the plan's `ai_tokens` in place of "
        "money, or with `fallback` the whole from the wallet where they do not suffice. A `tool_call` pays its creator "
        "a share; with `tool_id` price and creator are those that the creator published.",
    ),
    "ChargeBatchFunction": Operation(
        "Take up to 100 charges at once",
        wallet_answers.ChargeResults,
        body=requests.ChargesRequest,
        description="The results are in the order of the charges. Each is what `charge` would answer for that charge, "
        "under its own key. A refused charge does not affect the others. Those of one account are taken in their "
        "order, by as few transactions as fit.",
    ),
    "RefundChargeFunction": Operation(
        "Refund a charge in full, once",
        wallet_answers.Refunded,
        body=RefundRequest,
        path=ChargeName,
        refusals=(ChargeNotFound, AlreadyRefunded, RefundNeedsReview, _REUSED),
        replays=True,
        description="The creator's share is taken back too.",
    ),
    "TakeHoldFunction": Operation(
        "Hold money for work that is priced when it ends",
        wallet_answers.Held,
        body=requests.HoldRequest,
        refusals=(*_SHORT, _REUSED, UnknownModel, ToolNotFound, PriceChanged),
        status=201,
        replays=True,
        description="Money that is neither captured nor released returns after `ttl_seconds`.",
    ),
    "CaptureHoldFunction": Operation(
        "Capture a hold: charge the price and free the rest",
        wallet_answers.Captured,
        body=requests.CaptureRequest,
        path=requests.HoldName,
        refusals=(*_SHORT, HoldNotFound, HoldEnded, _REUSED, UnknownModel),
        replays=True,
        description="Held money beyond the price returns. Missing money comes from the balance; if the balance is "
        "too low, the call is refused and the hold stays. `allow_partial` takes what there is. What is held is "
        "guaranteed, also where the deposit it came from is refunded or disputed meanwhile: it stays held, "
        "`debt_cents` says what is owed, and the capture is covered.",
    ),
    "ExtendHoldFunction": Operation(
        "Extend a hold: let it end later, and hold more",
        wallet_answers.Extended,
        body=requests.ExtendRequest,
        path=requests.HoldName,
        refusals=(*_SHORT, HoldNotFound, HoldEnded, _REUSED),
        replays=True,
        description="What is added passes the checks of a hold. The hold takes room anew in the budgets that its "
        "labels meet. A hold that is over is not extended.",
    ),
    "ReleaseHoldFunction": Operation(
        "Release a hold in full",
        wallet_answers.Released,
        body=requests.ReleaseRequest,
        path=requests.HoldName,
        refusals=(HoldNotFound, HoldEnded, _REUSED),
        replays=True,
        description="For work that failed, or cost nothing.",
    ),
}

_CREATORS = {
    "OnboardCreatorFunction": Operation(
        "Create a page on which a creator connects to Stripe",
        answers.Page,
        body=OnboardRequest,
        refusals=(AlreadyOnboarded, _REDIRECTS, _WORKED_ON),
        description="Earnings are kept until the account is complete, and paid after that.",
    ),
    "PutToolFunction": Operation(
        "Publish a tool with its price, or change it",
        answers.Tool,
        body=ToolRequest,
        path=ToolName,
        refusals=(ToolNotFound, TooManyTools),
        description="A charge of a `tool_call` names the tool, and pays its creator the price. A tool's id belongs to "
        "the creator who published it first, for ever. Safe to repeat.",
    ),
    "DeleteToolFunction": Operation(
        "Sell a tool no more",
        answers.Tool,
        path=ToolName,
        refusals=(ToolNotFound,),
        description="It can no longer be charged. Its id stays with its creator.",
    ),
    "ListToolsFunction": Operation(
        "List the creator's tools with their prices", answers.Tools, description="By id; a creator has 200 at most."
    ),
    "GetToolFunction": Operation(
        "Show what a tool costs",
        answers.Tool,
        path=ToolName,
        refusals=(ToolNotFound,),
        description="Any signed-in user may ask.",
    ),
    "GetCreatorFunction": Operation(
        "Show what a creator earned, is owed and was paid",
        answers.CreatorAccount,
        description="Earnings become payable after a holding period, and are paid above a minimum; a new creator is "
        "paid up to a ceiling until reviewed. What callers paid with granted money is not paid out. What a deposit "
        "paid for that is refunded or disputed since is held, and owed where it was paid out. A refunded charge takes "
        "its share back, from the next earnings where it was paid out.",
    ),
}

_ABOUT = {
    "GetOpenapiFunction": Operation(
        "Show this document",
        answers.Document,
        description="OpenAPI 3.1, for generators and tools.",
    )
}

BY_TAG: dict[str, dict[str, Operation]] = {
    "Plans": _PLANS,
    "Usage": _USAGE,
    "Wallet": _WALLET,
    "Creators": _CREATORS,
    "About": _ABOUT,
}
