"""The routes that callers were promised, and who may call them."""

from __future__ import annotations

from typing import NamedTuple


class Promise(NamedTuple):
    method: str
    path: str
    access: str  # user, none, or the scope a service's token must carry


METER = "billing:meter"
CHARGE = "billing:charge"
OPERATE = "billing:operate"
SCOPES = {METER, CHARGE, OPERATE}

ROUTES = {
    "GetBillingFunction": Promise("GET", "/api/billing", "user"),
    "GetPlansFunction": Promise("GET", "/api/billing/plans", "none"),
    "GetPricesFunction": Promise("GET", "/api/billing/prices", "none"),
    "GetOpenapiFunction": Promise("GET", "/api/billing/openapi.json", "none"),
    "GetUsageFunction": Promise("GET", "/api/billing/usage", "user"),
    "GetResourcesFunction": Promise("GET", "/api/billing/resources", "user"),
    "CheckoutFunction": Promise("POST", "/api/billing/checkout", "user"),
    "VerifySessionFunction": Promise("GET", "/api/billing/verify-session", "user"),
    "CancelFunction": Promise("POST", "/api/billing/cancel", "user"),
    "ResumeFunction": Promise("POST", "/api/billing/resume", "user"),
    "PortalFunction": Promise("GET", "/api/billing/portal", "user"),
    "GetNotificationsFunction": Promise("GET", "/api/billing/notifications", "user"),
    "PutNotificationsFunction": Promise("PUT", "/api/billing/notifications", "user"),
    "RotateWebhookSecretFunction": Promise("POST", "/api/billing/notifications/webhook/secret", "user"),
    "GetForecastFunction": Promise("GET", "/api/billing/usage/forecast", "user"),
    "PreviewFunction": Promise("POST", "/api/billing/preview", "user"),
    "GetInvoicesFunction": Promise("GET", "/api/billing/invoices", "user"),
    "GetPaymentMethodFunction": Promise("GET", "/api/billing/payment-method", "user"),
    "TestNotificationsFunction": Promise("POST", "/api/billing/notifications/test", "user"),
    "ListDeliveriesFunction": Promise("GET", "/api/billing/notifications/deliveries", "user"),
    "ResendDeliveryFunction": Promise("POST", "/api/billing/notifications/deliveries/{delivery_id}/resend", "user"),
    "ConsumeFunction": Promise("POST", "/api/billing/usage/consume", METER),
    "ConsumeBatchFunction": Promise("POST", "/api/billing/usage/batch", METER),
    "TakeLeaseFunction": Promise("POST", "/api/billing/usage/leases", METER),
    "SettleLeaseFunction": Promise("POST", "/api/billing/usage/leases/{lease_id}/settle", METER),
    "ClaimResourceFunction": Promise("PUT", "/api/billing/resources/{kind}/{id}", METER),
    "FreeResourceFunction": Promise("DELETE", "/api/billing/resources/{kind}/{id}", METER),
    "GetBalanceFunction": Promise("GET", "/api/balance", "user"),
    "DepositFunction": Promise("POST", "/api/balance/deposit", "user"),
    "GetTransactionsFunction": Promise("GET", "/api/balance/transactions", "user"),
    "SetAutoReloadFunction": Promise("PUT", "/api/balance/auto-reload", "user"),
    "SetSpendCapFunction": Promise("PUT", "/api/balance/spend-cap", "user"),
    "GetStatementFunction": Promise("GET", "/api/balance/statement", "user"),
    "GetSpendFunction": Promise("GET", "/api/balance/spend", "user"),
    "ListBudgetsFunction": Promise("GET", "/api/balance/budgets", "user"),
    "GetBudgetFunction": Promise("GET", "/api/balance/budgets/{label}/{value}", "user"),
    "PutBudgetFunction": Promise("PUT", "/api/balance/budgets/{label}/{value}", "user"),
    "DeleteBudgetFunction": Promise("DELETE", "/api/balance/budgets/{label}/{value}", "user"),
    "ChargeFunction": Promise("POST", "/api/balance/charges", CHARGE),
    "ChargeBatchFunction": Promise("POST", "/api/balance/charges/batch", CHARGE),
    "RefundChargeFunction": Promise("POST", "/api/balance/charges/{charge_id}/refund", CHARGE),
    "TakeHoldFunction": Promise("POST", "/api/balance/holds", CHARGE),
    "CaptureHoldFunction": Promise("POST", "/api/balance/holds/{hold_id}/capture", CHARGE),
    "ExtendHoldFunction": Promise("POST", "/api/balance/holds/{hold_id}/extend", CHARGE),
    "ReleaseHoldFunction": Promise("POST", "/api/balance/holds/{hold_id}/release", CHARGE),
    "OnboardCreatorFunction": Promise("POST", "/api/creators/onboard", "user"),
    "GetCreatorFunction": Promise("GET", "/api/creators/me", "user"),
    "PutToolFunction": Promise("PUT", "/api/creators/tools/{tool_id}", "user"),
    "DeleteToolFunction": Promise("DELETE", "/api/creators/tools/{tool_id}", "user"),
    "ListToolsFunction": Promise("GET", "/api/creators/tools", "user"),
    "GetToolFunction": Promise("GET", "/api/tools/{tool_id}", "user"),
    "GetTimelineFunction": Promise("GET", "/api/operators/accounts/{account_id}/timeline", OPERATE),
}

BY_POST_TOO = {
    "VerifySessionFunction": Promise("POST", "/api/billing/verify-session", "user"),
    "PortalFunction": Promise("POST", "/api/billing/portal", "user"),
}
"""A second route of the functions whose GET changes something."""

SCHEDULES = {
    "AutoReloadFunction": "rate(1 minute)",
    "ExpireHoldsFunction": "rate(1 minute)",
    "FoldSpendingFunction": "rate(1 minute)",
    "PayoutFunction": "rate(1 hour)",
    "ReconcileFunction": "rate(15 minutes)",
    "PublishEventsFunction": "rate(1 minute)",
    "DispatchNoticesFunction": "rate(1 minute)",
    "LookAheadFunction": "rate(1 hour)",
    "AuditFunction": "rate(15 minutes)",
}

WEBHOOK = "StripeWebhookFunction"

TAKING_IN = "StripeEventsFunction"
"""Takes in what the webhook put on the queue, where there is one, as in the stage prod."""

INGEST = "IngestFunction"

CHARGE_QUEUE = "ChargeQueueFunction"

QUEUED = {
    INGEST,
    CHARGE_QUEUE,
    TAKING_IN,
    "MakeNoticesFunction",
    "SendMailFunction",
    "SendWebhookFunction",
}
"""What queues feed."""

STRIPE_FUNCTIONS = {
    "CheckoutFunction",
    "VerifySessionFunction",
    "CancelFunction",
    "ResumeFunction",
    "PortalFunction",
    "PreviewFunction",
    "GetInvoicesFunction",
    "GetPaymentMethodFunction",
    "DepositFunction",
    "SetAutoReloadFunction",
    "AutoReloadFunction",
    "OnboardCreatorFunction",
    "PayoutFunction",
    "ReconcileFunction",
    "LookAheadFunction",
    TAKING_IN,
}
"""Those of the stage prod that know its key: its webhook knows the signing secrets alone."""


def kebab(logical_id: str) -> str:
    """GetBillingFunction -> get-billing"""
    name = logical_id.removesuffix("Function")
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
