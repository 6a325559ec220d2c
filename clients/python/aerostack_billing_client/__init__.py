"""The client of Aerostack billing: `UserClient` for a signed-in user, `ServiceClient` for the platform's services."""

from importlib import import_module
from typing import TYPE_CHECKING

from aerostack_billing_client.blocks import LeaseTerms
from aerostack_billing_client.calling import Retries
from aerostack_billing_client.errors import ApiError, BillingError, NoToken, Unanswered, UnexpectedAnswer
from aerostack_billing_client.holds import HeldMoney
from aerostack_billing_client.meter import LeasedMeter, MeterStats
from aerostack_billing_client.money import Cents
from aerostack_billing_client.plan_answers import (
    Account,
    Cancelled,
    Claimed,
    Consumed,
    Freed,
    Leased,
    MetricUsage,
    Page,
    Plan,
    Plans,
    Resource,
    Resources,
    Settled,
    Usage,
)
from aerostack_billing_client.refusals import (
    AlreadyOnboarded,
    AlreadyOnPlan,
    AlreadyRefunded,
    BadRequest,
    CancelInstead,
    ChargeNotFound,
    Conflict,
    ContactSales,
    Forbidden,
    GatewayTimeout,
    HoldEnded,
    HoldNotFound,
    IdempotencyKeyReused,
    InsufficientBalance,
    InvalidRedirectUrl,
    InvalidRequest,
    LeaseNotFound,
    NoActiveSubscription,
    NoPaymentMethod,
    NoStripeCustomer,
    NotFound,
    NothingToResume,
    PayloadTooLarge,
    PaymentProviderError,
    PaymentProviderRefused,
    PaymentProviderUnavailable,
    PaymentRequired,
    PlanAgreed,
    PlanLimitExceeded,
    QuantityExceedsUsed,
    RateLimited,
    RequestInProgress,
    ServerError,
    SessionNotFound,
    SessionNotPaid,
    SpendCapReached,
    StoreUnavailable,
    Unauthorized,
    Unavailable,
    UnknownMetric,
    UnknownPrice,
    UnknownResourceKind,
)
from aerostack_billing_client.service import AccountScope, ServiceClient
from aerostack_billing_client.service_calls import EventResult, UsageEvent
from aerostack_billing_client.user import UserClient
from aerostack_billing_client.wallet_answers import (
    AutoReload,
    Balance,
    Captured,
    Charged,
    CreatorAccount,
    Held,
    Refunded,
    Released,
    Transaction,
    Transactions,
)

if TYPE_CHECKING:
    from aerostack_billing_client.aio.holds import AsyncHeldMoney
    from aerostack_billing_client.aio.meter import AsyncLeasedMeter
    from aerostack_billing_client.aio.service import AsyncAccountScope, AsyncServiceClient
    from aerostack_billing_client.aio.user import AsyncUserClient

_ASYNC = {
    "AsyncAccountScope": "service",
    "AsyncHeldMoney": "holds",
    "AsyncLeasedMeter": "meter",
    "AsyncServiceClient": "service",
    "AsyncUserClient": "user",
}
"""What is imported when it is first asked for, and from which module: who does not await need not load it."""


def __getattr__(name: str) -> object:
    if name not in _ASYNC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.aio.{_ASYNC[name]}"), name)


__all__ = [
    "Account",
    "AccountScope",
    "AlreadyOnPlan",
    "AlreadyOnboarded",
    "AlreadyRefunded",
    "ApiError",
    "AsyncAccountScope",
    "AsyncHeldMoney",
    "AsyncLeasedMeter",
    "AsyncServiceClient",
    "AsyncUserClient",
    "AutoReload",
    "BadRequest",
    "Balance",
    "BillingError",
    "CancelInstead",
    "Cancelled",
    "Captured",
    "Cents",
    "ChargeNotFound",
    "Charged",
    "Claimed",
    "Conflict",
    "Consumed",
    "ContactSales",
    "CreatorAccount",
    "EventResult",
    "Forbidden",
    "Freed",
    "GatewayTimeout",
    "Held",
    "HeldMoney",
    "HoldEnded",
    "HoldNotFound",
    "IdempotencyKeyReused",
    "InsufficientBalance",
    "InvalidRedirectUrl",
    "InvalidRequest",
    "LeaseNotFound",
    "LeaseTerms",
    "Leased",
    "LeasedMeter",
    "MeterStats",
    "MetricUsage",
    "NoActiveSubscription",
    "NoPaymentMethod",
    "NoStripeCustomer",
    "NoToken",
    "NotFound",
    "NothingToResume",
    "Page",
    "PayloadTooLarge",
    "PaymentProviderError",
    "PaymentProviderRefused",
    "PaymentProviderUnavailable",
    "PaymentRequired",
    "Plan",
    "PlanAgreed",
    "PlanLimitExceeded",
    "Plans",
    "QuantityExceedsUsed",
    "RateLimited",
    "Refunded",
    "Released",
    "RequestInProgress",
    "Resource",
    "Resources",
    "Retries",
    "ServerError",
    "ServiceClient",
    "SessionNotFound",
    "SessionNotPaid",
    "Settled",
    "SpendCapReached",
    "StoreUnavailable",
    "Transaction",
    "Transactions",
    "Unanswered",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "UnknownMetric",
    "UnknownPrice",
    "UnknownResourceKind",
    "Usage",
    "UsageEvent",
    "UserClient",
]
