"""What a fake service shows an account's user: plan, usage, resources, wallet, statement."""

from __future__ import annotations

from aerostack_billing_client.testing.asked import Asked
from aerostack_billing_client.testing.state import Counter, Json, Line, Refused, shown

_MOST_LINES = 100


def account(asked: Asked) -> Json:
    """The plan: its tier as the test set it, without a subscription."""
    return {
        "plan_tier": asked.account.tier,
        "status": "active",
        "billing_interval": "monthly",
        "stripe_customer_id": None,
        "stripe_subscription_id": None,
        "current_period_start": None,
        "current_period_end": None,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "trial_ends_at": None,
        "pending_change": None,
        "payment_issue": None,
    }


def usage(asked: Asked) -> Json:
    """What was counted, and how many places are taken. The fake keeps no month but this one."""
    owner = asked.account
    kinds = {kind for kind, _ in owner.places}
    metrics = {name: counter for name, counter in owner.counters.items() if name not in kinds}
    counted = {name: counter.figures(name, asked.period) for name, counter in metrics.items()}
    fields = ("used", "limit", "hard_limit", "remaining", "state")
    return {
        "tier": owner.tier,
        "period": asked.period,
        "usage": {name: {field: figures[field] for field in fields} for name, figures in counted.items()},
        "resource_counts": {kind: _places(asked, kind) for kind in sorted(kinds)},
        "history": [],
    }


def resources(asked: Asked) -> Json:
    """Each place that is taken."""
    owner = asked.account
    kinds = sorted({kind for kind, _ in owner.places})
    items = {
        kind: [
            {"kind": kind, "id": name, "created_at": at, "read_only": False}
            for (of, name), at in owner.places.items()
            if of == kind
        ]
        for kind in kinds
    }
    return {"tier": owner.tier, "resources": {kind: {**_places(asked, kind), "items": items[kind]} for kind in kinds}}


def _places(asked: Asked, kind: str) -> Json:
    used = sum(1 for of, _ in asked.account.places if of == kind)
    return {"used": used, "limit": asked.account.counters.get(kind, Counter()).limit}


def balance(asked: Asked) -> Json:
    """The wallet, without auto-reload and without a debt."""
    owner = asked.account
    spent = -sum(line.micros for line in owner.lines if line.type in {"charge", "capture", "charge_refund"})
    deposited = sum(line.micros for line in owner.lines if line.type == "deposit")
    reload = {"enabled": False, "threshold_cents": None, "amount_cents": None, "monthly_cap_cents": None}
    state = {"state": "off", "last_error": None, "next_attempt_at": None, "action_url": None}
    month = -sum(
        line.micros
        for line in owner.lines
        if line.type in {"charge", "capture", "charge_refund"} and line.created_at.startswith(asked.period)
    )
    return {
        **owner.balances(),
        "granted_cents": 0,
        "debt_cents": 0,
        "currency": "usd",
        "auto_reload": {**reload, **state},
        "monthly_spend_cap_cents": None,
        "monthly_spent_cents": shown(month),
        "lifetime_deposited_cents": shown(deposited),
        "lifetime_spent_cents": shown(spent),
    }


def transactions(asked: Asked) -> Json:
    """A page of the statement, newest first, from a cursor, which is how many lines came before."""
    wanted, cursor = asked.body.get("type"), str(asked.body.get("cursor", "0"))
    limit = str(asked.body.get("limit", "25"))
    if not cursor.isdigit() or not limit.isdigit() or not 1 <= int(limit) <= _MOST_LINES:
        raise Refused(422, "INVALID_REQUEST", "A field is wrong.", cursor="not one that was answered")
    found = [line for line in reversed(asked.account.lines) if wanted in {None, line.type}]
    first, after = int(cursor), int(cursor) + int(limit)
    return {
        "transactions": [_line(line) for line in found[first:after]],
        "next_cursor": str(after) if after < len(found) else None,
    }


def _line(line: Line) -> Json:
    return {
        "id": line.id,
        "type": line.type,
        "kind": line.kind,
        "amount_cents": shown(line.micros),
        "granted_cents": 0,
        "balance_after_cents": shown(line.balance_after),
        "debt_after_cents": 0,
        "created_at": line.created_at,
        "description": line.type.replace("_", " ").capitalize(),
        "reference": line.reference,
        "labels": dict(line.labels),
        "usage": None,
        "price_version": None,
        "tool_id": None,
    }
