"""What each route takes, answers and refuses. The template alone holds method, path and who may call."""

from __future__ import annotations

from pydantic import TypeAdapter

from aerostack_billing.accounts.models import CheckoutRequest, PortalRequest, SessionRequest
from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.creators.onboarding import AlreadyOnboarded
from aerostack_billing.creators.tools import ToolName, ToolRequest, TooManyTools
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
from aerostack_billing.usage.overview import MOST_MONTHS
from aerostack_billing.values import errors
from aerostack_billing.values.fields import AccountId
from aerostack_billing.wallet.tools import ToolNotFound
from local.openapi import answers, paper_answers, wallet_answers
from local.openapi.describing import REDIRECTS, REUSED, WORKED_ON, Operation, Query
from local.openapi.notification_operations import NOTIFICATIONS
from local.openapi.operator_operations import OPERATORS
from local.openapi.paper_operations import PAPERS
from local.openapi.wallet_operations import WALLET

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
            REDIRECTS,
            REUSED,
            WORKED_ON,
        ),
        replays=True,
        description="If the account already pays, the page confirms a change of its subscription. Creating that page "
        "takes back a cheaper plan that waits for the end of the period, whether the user confirms the change or not. "
        "A higher tier begins a new period at once, at full price less the unused part of the old one. A lower tier "
        "waits for the end of the period, whatever the interval; at a longer interval it is agreed by this call. "
        "The page shows it, and `resume` takes it back.",
    ),
    "VerifySessionFunction POST": Operation(
        "Apply a payment when the user returns from Stripe",
        (answers.Account, wallet_answers.Balance),
        name="applySession",
        body=SessionRequest,
        refusals=(errors.SessionNotFound, errors.SessionNotPaid),
        description="Answers with the account for a plan, and with the balance for a deposit. The webhook applies the "
        "payment if the user does not return. Safe to repeat.",
    ),
    "VerifySessionFunction GET": Operation(
        "Apply a payment when the user returns from Stripe, by GET",
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
        description="As the POST, which says by its method that it changes something: prefer that one.",
    ),
    "CancelFunction": Operation(
        "Cancel the subscription at the end of its period",
        answers.Cancelled,
        refusals=(errors.NoActiveSubscription, WORKED_ON),
        description="The plan stays until then. Repeating the call changes nothing.",
    ),
    "ResumeFunction": Operation(
        "Take back a pending cancellation or a pending cheaper plan",
        answers.Account,
        refusals=(errors.NothingToResume, WORKED_ON),
        description="The subscription continues as before.",
    ),
    "PortalFunction POST": Operation(
        "Create a session of Stripe's portal for cards and invoices",
        answers.Page,
        name="openPortal",
        body=PortalRequest,
        refusals=(errors.NoStripeCustomer, REDIRECTS),
        description="`return_url` is where the portal leads back to, the dashboard by default. An account that never "
        "bought anything has no portal.",
    ),
    "PortalFunction GET": Operation(
        "Create a session of Stripe's portal, by GET",
        answers.Page,
        query=(Query("return_url", {"type": "string"}, "Where the portal leads back to. Default: the dashboard."),),
        refusals=(errors.RoleForbidden, errors.NoStripeCustomer, REDIRECTS),
        description="As the POST, which says by its method that it changes something: prefer that one.",
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
            Query(
                "months",
                {"type": "integer", "minimum": 1, "maximum": MOST_MONTHS},
                "How many months up to that one `history` shows. Default: none.",
            ),
        ),
        refusals=(errors.InvalidRequest,),
        description="Each counter beside its limit, and the number of resources of each kind. Quotas are of the "
        "calendar month in UTC. A plan has one month's quota for each month that is paid for: what was used of a paid "
        "period in the calendar month in which it began counts in the one in which it ends too, as `used`, until the "
        "next period begins. Where a period is changed for another before its end, what was used beyond the part of "
        "its price that is not credited counts in the new one. Free and tiers that an operator gave go by the calendar "
        "alone.",
    ),
    "GetForecastFunction": Operation(
        "Forecast the month's usage and spending",
        paper_answers.Forecast,
        description="By pace: what was used since the month began, over the time that is over, for the time that is "
        "left. Nothing else is guessed: no weekdays, no trend. Before 24 hours of the month are over, and for what is "
        "not reached this month, the forecasts are null. What was carried into the month from a paid period that began "
        "before counts as used, and not for the pace. `storage_bytes` and resources have no month and no forecast.",
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
            REUSED,
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
        refusals=(errors.PlanLimitExceeded, errors.UnknownMetric, LeaseTooLarge, REUSED),
        status=201,
        replays=True,
        description="The block counts as used at once. A settlement before it expires gives back what was not used. "
        "Without one, all of it stays used. One lease takes a share of the limit at most, 10 % at first, and "
        "half of what is left; with `allow_partial` a larger one is granted that much.",
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

_CREATORS = {
    "OnboardCreatorFunction": Operation(
        "Create a page on which a creator connects to Stripe",
        answers.Page,
        body=OnboardRequest,
        refusals=(AlreadyOnboarded, REDIRECTS, WORKED_ON),
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
    "Plans": {**_PLANS, **PAPERS},
    "Usage": _USAGE,
    "Wallet": WALLET,
    "Notifications": NOTIFICATIONS,
    "Creators": _CREATORS,
    "Operators": OPERATORS,
    "About": _ABOUT,
}
