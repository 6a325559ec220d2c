"""The calls of a signed-in user, with the user's own token: plan, usage, wallet, earnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

from aerostack_billing_client.asking import Flow, ask, ask_any, given, mapping, new_key, segment
from aerostack_billing_client.calling import Call
from aerostack_billing_client.money import Cents, written
from aerostack_billing_client.paper_answers import Forecast, Invoices, PaymentMethod, PlanPreview
from aerostack_billing_client.plan_answers import Account, Cancelled, Page, Plans, Prices, Resources, Usage
from aerostack_billing_client.reading import parsed, read
from aerostack_billing_client.refusals import NothingToResume
from aerostack_billing_client.wallet_answers import (
    AutoReload,
    Balance,
    Budget,
    Budgets,
    CreatorAccount,
    Spend,
    StatementPage,
    Tool,
    Tools,
    Transactions,
)

PaidTier = Literal["starter", "pro", "business"]
Interval = Literal["monthly", "yearly"]
TransactionType = Literal[
    "deposit",
    "reload",
    "charge",
    "hold",
    "capture",
    "release",
    "charge_refund",
    "refund",
    "dispute",
    "dispute_reversal",
    "debt_payment",
    "grant",
]


# For everyone


def plans() -> Flow[Plans]:
    """The catalog of plans: prices, limits, grace. Needs no token."""
    return ask(Plans, Call(method="GET", path="/api/billing/plans", public=True))


def prices() -> Flow[Prices]:
    """The price book: what tokens cost, by model. Needs no token."""
    return ask(Prices, Call(method="GET", path="/api/billing/prices", public=True))


def openapi() -> Flow[Mapping[str, object]]:
    """The service's own description. Needs no token."""
    return mapping((yield from ask_any(Call(method="GET", path="/api/billing/openapi.json", public=True))))


# Plan


def account() -> Flow[Account]:
    """The plan that the account is on."""
    return ask(Account, Call(method="GET", path="/api/billing"))


def checkout(
    tier: PaidTier,
    billing_interval: Interval,
    *,
    success_url: str,
    cancel_url: str,
    idempotency_key: str | None = None,
) -> Flow[Page]:
    """The page on which the plan is bought, or its change confirmed.

    Stripe appends `session_id` to `success_url`: hand it to `verify_session`. AlreadyOnPlan, InvalidRedirectUrl.
    """
    body = given(
        tier=tier,
        billing_interval=billing_interval,
        success_url=success_url,
        cancel_url=cancel_url,
        idempotency_key=idempotency_key or new_key(),
    )
    return ask(Page, Call(method="POST", path="/api/billing/checkout", body=body))


def verify_session(session_id: str) -> Flow[Account | Balance]:
    """What was bought takes effect at once: the account after a plan, the wallet after a deposit.

    SessionNotFound, SessionNotPaid.
    """
    call = Call(method="POST", path="/api/billing/verify-session", body={"session_id": session_id})
    found = mapping((yield from ask_any(call)))
    return read(Account, found) if "plan_tier" in found else read(Balance, found)


def cancel() -> Flow[Cancelled]:
    """End the subscription with its period; saying so again changes nothing. NoActiveSubscription."""
    return ask(Cancelled, Call(method="POST", path="/api/billing/cancel"))


def resume() -> Flow[Account]:
    """Take a pending cancellation, or a pending cheaper plan, back. NothingToResume."""
    try:
        return (yield from ask(Account, Call(method="POST", path="/api/billing/resume")))
    except NothingToResume as nothing:
        # A try whose answer was lost may have been the one that resumed: nothing is pending now.
        if not nothing.earlier_unknown:
            raise
        return (yield from account())


def portal(return_url: str | None = None) -> Flow[Page]:
    """Stripe's page for cards, invoices and the subscription. NoStripeCustomer, InvalidRedirectUrl."""
    return ask(Page, Call(method="POST", path="/api/billing/portal", body=given(return_url=return_url)))


def preview(tier: PaidTier, billing_interval: Interval) -> Flow[PlanPreview]:
    """What a change of plan would cost and take away; nothing is changed. Refused as `checkout` is."""
    body = given(tier=tier, billing_interval=billing_interval)
    return ask(PlanPreview, Call(method="POST", path="/api/billing/preview", body=body))


def invoices_page(*, limit: int | None = None, cursor: str | None = None) -> Flow[Invoices]:
    """A page of invoices and receipts, newest first."""
    return ask(Invoices, Call(method="GET", path="/api/billing/invoices", query={"limit": limit, "cursor": cursor}))


def payment_method() -> Flow[PaymentMethod]:
    """What the plan is charged to, and whether it ends soon."""
    return ask(PaymentMethod, Call(method="GET", path="/api/billing/payment-method"))


# Usage


def usage(period: str | None = None, *, months: int | None = None) -> Flow[Usage]:
    """The counters of this month, or of an older one: `2026-03`. `history` has as many months up to it, at most 12."""
    return ask(Usage, Call(method="GET", path="/api/billing/usage", query={"period": period, "months": months}))


def forecast() -> Flow[Forecast]:
    """What the month's usage and spending come to if they go on as they went."""
    return ask(Forecast, Call(method="GET", path="/api/billing/usage/forecast"))


def resources() -> Flow[Resources]:
    """What exists, by kind, and what of it is read-only."""
    return ask(Resources, Call(method="GET", path="/api/billing/resources"))


# Wallet


def balance() -> Flow[Balance]:
    """The wallet."""
    return ask(Balance, Call(method="GET", path="/api/balance"))


def deposit(amount_cents: int, *, success_url: str, cancel_url: str, idempotency_key: str | None = None) -> Flow[Page]:
    """The page on which 500 to 50,000 whole cents are paid in; then `verify_session`. InvalidRedirectUrl."""
    body = given(
        amount_cents=amount_cents,
        success_url=success_url,
        cancel_url=cancel_url,
        idempotency_key=idempotency_key or new_key(),
    )
    return ask(Page, Call(method="POST", path="/api/balance/deposit", body=body))


def transactions_page(
    type: TransactionType | None = None,  # noqa: A002 - the API's own word
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> Flow[Transactions]:
    """One page of the statement: up to 100 lines, from `next_cursor` of the page before."""
    query = {"limit": limit, "cursor": cursor, "type": type}
    return ask(Transactions, Call(method="GET", path="/api/balance/transactions", query=query))


def set_auto_reload(
    *,
    enabled: bool,
    threshold_cents: int | None = None,
    amount_cents: int | None = None,
    monthly_cap_cents: int | None = None,
) -> Flow[AutoReload]:
    """Keep the wallet filled by the saved card: below the threshold, bring the amount. NoPaymentMethod."""
    settings = given(
        enabled=enabled,
        threshold_cents=threshold_cents,
        amount_cents=amount_cents,
        monthly_cap_cents=monthly_cap_cents,
    )
    return ask(AutoReload, Call(method="PUT", path="/api/balance/auto-reload", body=settings))


def set_spend_cap(monthly_cap_cents: int | None) -> Flow[Balance]:
    """Spend at most so much in a calendar month; None takes the cap away."""
    return ask(
        Balance, Call(method="PUT", path="/api/balance/spend-cap", body={"monthly_cap_cents": monthly_cap_cents})
    )


def statement_page(
    start: date | None = None, end: date | None = None, *, cursor: str | None = None
) -> Flow[StatementPage]:
    """Up to 2,000 lines of the ledger with their hashes, oldest first, of the days from `start` to `end`.

    The lines are as the service hashed them: check them with the rules of its document on checking a bill.
    """
    query = {
        "from": None if start is None else start.isoformat(),
        "to": None if end is None else end.isoformat(),
        "cursor": cursor,
    }
    answer = yield Call(method="GET", path="/api/balance/statement", query=query)
    lines = tuple(mapping(parsed(line)) for line in answer.body.splitlines() if line)
    return StatementPage(lines=lines, next_cursor=answer.headers.get("x-next-cursor"))


def spend(
    start: date | None = None,
    end: date | None = None,
    *,
    bucket: Literal["day", "month", "total"] | None = None,
    by: str | None = None,
) -> Flow[Spend]:
    """What was spent on the days from `start` to `end`, this month by default.

    `by` is `kind`, `model`, `billing_mode`, or the name of a label. SpendingBehind where it is not added up yet.
    """
    query = {
        "from": None if start is None else start.isoformat(),
        "to": None if end is None else end.isoformat(),
        "bucket": bucket,
        "by": by,
    }
    return ask(Spend, Call(method="GET", path="/api/balance/spend", query=query))


def budgets_page(label: str | None = None, *, cursor: str | None = None) -> Flow[Budgets]:
    """One page of the budgets, those of one label if it is named, from `next_cursor` of the page before."""
    return ask(Budgets, Call(method="GET", path="/api/balance/budgets", query={"label": label, "cursor": cursor}))


def budget(label: str, value: str) -> Flow[Budget]:
    """What one budget stands at; the value `*` is the budget of each value. BudgetNotFound."""
    return ask(Budget, Call(method="GET", path=_budget(label, value)))


def set_budget(
    label: str,
    value: str,
    limit_cents: Cents,
    window: Literal["day", "month", "total"],
    *,
    per_charge_max_cents: Cents | None = None,
    include_byok: bool | None = None,
    alert_percent: Sequence[int] | None = None,
) -> Flow[Budget]:
    """Let so much be spent under a value of a label, or with `*` under each value that has no budget of its own.

    Charges that do not fit are refused with BudgetReached. TooManyBudgets.
    """
    body = given(
        limit_cents=written(limit_cents),
        window=window,
        per_charge_max_cents=None if per_charge_max_cents is None else written(per_charge_max_cents),
        include_byok=include_byok,
        alert_percent=None if alert_percent is None else list(alert_percent),
    )
    return ask(Budget, Call(method="PUT", path=_budget(label, value), body=body))


def delete_budget(label: str, value: str) -> Flow[Budget]:
    """Take a budget away; what it was. BudgetNotFound."""
    return ask(Budget, Call(method="DELETE", path=_budget(label, value)))


def _budget(label: str, value: str) -> str:
    return f"/api/balance/budgets/{segment(label)}/{segment(value)}"


# Creators


def onboard_creator(*, return_url: str, refresh_url: str) -> Flow[Page]:
    """The page on which a creator connects to Stripe, to be paid. AlreadyOnboarded."""
    body = given(return_url=return_url, refresh_url=refresh_url)
    return ask(Page, Call(method="POST", path="/api/creators/onboard", body=body))


def tools() -> Flow[Tools]:
    """The creator's own tools with their prices."""
    return ask(Tools, Call(method="GET", path="/api/creators/tools"))


def publish_tool(tool_id: str, name: str, price_cents: Cents) -> Flow[Tool]:
    """Publish a tool with its price, or change it. ToolNotFound where the id is another creator's; TooManyTools."""
    body = given(name=name, price_cents=written(price_cents))
    return ask(Tool, Call(method="PUT", path=f"/api/creators/tools/{segment(tool_id)}", body=body))


def delete_tool(tool_id: str) -> Flow[Tool]:
    """Sell a tool no more; what it was. ToolNotFound."""
    return ask(Tool, Call(method="DELETE", path=f"/api/creators/tools/{segment(tool_id)}"))


def tool(tool_id: str) -> Flow[Tool]:
    """What a tool costs, whoever's it is. ToolNotFound."""
    return ask(Tool, Call(method="GET", path=f"/api/tools/{segment(tool_id)}"))


def creator() -> Flow[CreatorAccount]:
    """What the account earned as a creator."""
    return ask(CreatorAccount, Call(method="GET", path="/api/creators/me"))
