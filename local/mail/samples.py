"""One event of each type that a person is told of by mail, with figures as they are in earnest."""

from __future__ import annotations

from typing import Final

_USED = {"plan_tier": "starter", "period": "2026-03", "limit": 500_000, "hard_limit": 575_000}
_BUDGET = {"label": "agent", "value": "research-bot", "window": "month", "held_cents": 0, "limit_cents": 5_000}
_RELOAD = {"attempt_id": "rl_1", "amount_cents": 2_000, "declines": 1}
_PAYOUT = {"payout_id": "po_1", "amount_cents": 4_215, "payable_cents": 0, "reason": None}
_PLAN = {
    "plan_tier": "starter",
    "status": "active",
    "billing_interval": "monthly",
    "cancel_at_period_end": False,
    "cancel_at": None,
    "pending_change": None,
}

SAMPLES: Final[dict[str, dict[str, object]]] = {
    "usage.forecast": {
        "plan_tier": "starter",
        "metric": "api_requests",
        "period": "2026-03",
        "used": 210_000,
        "limit": 500_000,
        "hard_limit": 575_000,
        "projected": 651_000,
        "limit_reached_at": "2026-03-24T19:00:00Z",
        "hard_limit_reached_at": "2026-03-28T09:00:00Z",
    },
    "usage.limit_near": {**_USED, "metric": "api_requests", "used": 400_000, "remaining": 175_000, "state": "ok"},
    "usage.grace_entered": {
        **_USED,
        "metric": "api_requests",
        "used": 500_001,
        "remaining": 74_999,
        "state": "grace",
    },
    "usage.blocked": {**_USED, "metric": "api_requests", "used": 575_000, "remaining": 0, "state": "blocked"},
    "balance.low": {
        "balance_cents": 399,
        "balance_micros": 3_990_000,
        "held_cents": 0,
        "debt_cents": 0,
        "threshold_cents": 500,
        "auto_reload_enabled": False,
        "transfer_id": "ch_1",
        "transfer_type": "charge",
    },
    "budget.alert": {
        **_BUDGET,
        "spent_cents": 4_012.5,
        "remaining_cents": 987.5,
        "resets_at": "2026-04-01T00:00:00Z",
        "percent": 80,
    },
    "budget.reached": {
        **_BUDGET,
        "spent_cents": 5_000,
        "remaining_cents": 0,
        "resets_at": "2026-04-01T00:00:00Z",
    },
    "reload.failed": {
        **_RELOAD,
        "state": "declined",
        "code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
        "next_attempt_at": "2026-03-10T13:00:00Z",
    },
    "reload.suspended": {
        **_RELOAD,
        "state": "suspended",
        "code": "stolen_card",
        "message": "Your card was declined.",
        "next_attempt_at": None,
    },
    "reload.action_required": {
        **_RELOAD,
        "state": "action_required",
        "code": "authentication_required",
        "message": "Your bank asks you to confirm the payment.",
        "next_attempt_at": None,
    },
    "spending.unusual": {"hour": "2026-03-10T12:00:00Z", "amount_cents": 8_400, "usual_cents": 310},
    "card.expiring": {"exp_month": 3, "exp_year": 2026, "ends_at": "2026-04-01T00:00:00Z", "expired": False},
    "payment.past_due": {
        "plan_tier": "starter",
        "billing_interval": "monthly",
        "reason": "past_due",
        "next_attempt_at": "2026-03-13T09:00:00Z",
        "plan_stays_until": "2026-03-17T09:00:00Z",
    },
    "plan.changed": {"changed": ["plan_tier"], "before": _PLAN, "after": {**_PLAN, "plan_tier": "pro"}},
    "payout.paid": _PAYOUT,
    "payout.failed": {**_PAYOUT, "payable_cents": 4_215, "reason": "account_restricted"},
    "payout.bank_refused": {"code": "account_closed"},
    "tool.changed": {
        "tool_id": "summarise-pdf",
        "change": "price_changed",
        "price_cents": 3,
        "previous_price_cents": 2,
        "version": 2,
    },
    "notification.test": {"message": "This is a test. Nothing happened to the account."},
}
