"""What a refusal means for the account as it stands, and what tokens cost."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from mcp.server.mcpserver.exceptions import ToolError

from aerostack_billing_client import Account, Balance, Usage
from aerostack_billing_client.plan_answers import Prices
from aerostack_billing_mcp.shown import Json, shown

_MEANINGS = {
    "PLAN_LIMIT_EXCEEDED": (
        "The plan has no room for it.",
        "The owner can change the plan; monthly counters reset.",
    ),
    "INSUFFICIENT_BALANCE": ("The wallet is short.", "Anyone who may pay can deposit: ask_for_more."),
    "SPEND_CAP_REACHED": (
        "The account's own monthly cap is reached.",
        "The owner can raise the cap.",
    ),
    "BUDGET_REACHED": (
        "A budget that the owner set for one of the labels has no room for it.",
        "The owner can raise the budget, or it starts over at resets_at: see budgets_reached and my_budget.",
    ),
    "PRICE_CHANGED": ("The tool costs more than the most that was allowed.", "Ask for the price again, and decide."),
    "ROLE_FORBIDDEN": ("The person's role may read, and not change.", "An owner or an admin can do it."),
    "UNKNOWN_MODEL": ("The price book has no such model.", "Use a model that quote knows."),
    "NO_PAYMENT_METHOD": ("No card is saved.", "A deposit saves one: ask_for_more."),
    "INVOICE_OPEN": ("An invoice is unpaid.", "The owner can pay it on the billing page."),
    "RATE_LIMIT_EXCEEDED": ("Too many requests in this minute.", "Wait as long as Retry-After says."),
    "IDEMPOTENCY_KEY_REUSED": ("The key stands for another request.", "Use a new key for a new request."),
    "REQUEST_IN_PROGRESS": ("The same request is being answered at this moment.", "Repeat it with the same key."),
    "HOLD_ENDED": ("The hold was captured or released before.", "Take a new hold for new work."),
}
_UNKNOWN = ("The code is not one that this server explains.", "See the service's description of its errors.")
_MILLION = 1_000_000


def explained(code: str, account: Account, usage: Usage, wallet: Balance) -> Json:
    """The meaning of a code beside the figures that bear on it."""
    meaning, remedy = _MEANINGS.get(code.upper(), _UNKNOWN)
    return {
        "meaning": meaning,
        "what_helps": remedy,
        "plan": account.plan_tier,
        "blocked": sorted(name for name, metric in usage.usage.items() if metric.state == "blocked"),
        "balance_cents": str(Decimal(wallet.balance_micros) / 10_000),
        "held_cents": shown(wallet.held_cents),
        "debt_cents": shown(wallet.debt_cents),
        "spent_this_month_cents": shown(wallet.monthly_spent_cents),
        "monthly_cap_cents": shown(wallet.monthly_spend_cap_cents),
    }


def quoted(prices: Prices, model: str, input_tokens: int, output_tokens: int) -> Decimal:
    """Cents for tokens by the published book, rounded up to a micro as a charge is. ToolError for an unknown model."""
    if input_tokens < 0 or output_tokens < 0:
        raise ToolError("A number of tokens is 0 or more.")
    found = next((price for price in prices.models if model in {price.model, *price.aliases}), None)
    if found is None:
        raise ToolError(
            f"The price book has no such model. It has: {', '.join(price.model for price in prices.models)}."
        )
    dollars = (Decimal(found.input) * input_tokens + Decimal(found.output) * output_tokens) / _MILLION
    micros = dollars * _MILLION * (10_000 + prices.markup_bps) / 10_000
    return micros.to_integral_value(ROUND_CEILING) / 10_000
