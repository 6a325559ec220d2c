"""The routes that say what a plan would cost, what was paid, and what pays."""

from __future__ import annotations

from aerostack_billing.accounts.models import PreviewRequest
from aerostack_billing.accounts.paperwork import DEFAULT_LIMIT, MAX_LIMIT
from aerostack_billing.values import errors
from local.openapi import paper_answers
from local.openapi.describing import Operation, Query

PAPERS = {
    "PreviewFunction": Operation(
        "Show what a change of plan would cost and take away",
        paper_answers.PlanPreview,
        body=PreviewRequest,
        refusals=(
            errors.AlreadyOnPlan,
            errors.InvoiceOpen,
            errors.CancelInstead,
            errors.ContactSales,
            errors.PlanAgreed,
            errors.CurrencyConflict,
        ),
        description="Stripe computes the amounts, and nothing is changed. What `POST /api/billing/checkout` refuses is "
        "refused here too. A higher tier takes effect now, and a lower one or a shorter interval at the end of the "
        "period. `limits_after` lists what would be above the plan's limits, by what is used now.",
    ),
    "GetInvoicesFunction": Operation(
        "List the account's invoices and receipts",
        paper_answers.Invoices,
        query=(
            Query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                "How many at most. A page may hold fewer and still have a next one.",
            ),
            Query("cursor", {"type": "string"}, "The `next_cursor` of the page before."),
        ),
        refusals=(errors.InvalidRequest,),
        description="Plans and deposits have invoices, automatic reloads receipts. Empty before the first purchase. "
        "Drafts are not listed.",
    ),
    "GetPaymentMethodFunction": Operation(
        "Show what the plan is charged to",
        paper_answers.PaymentMethod,
        description="Reloads are charged to the customer's default card, which is shown where no plan has one of its "
        "own.",
    ),
}
