"""The figures of an event as a person reads them: what the files in templates/ may name, by the type of the event."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

Data = Mapping[str, object]
_MOST_SIGNS: Final = 200
_ACRONYMS = {"api": "API", "apis": "APIs", "ai": "AI", "mcp": "MCP"}
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_WINDOWS = {"day": "today", "month": "this month", "total": "in all"}
_REASONS = {
    "past_due": "The payment was declined.",
    "unpaid": "The invoice was not paid.",
    "action_required": "Your bank wants the payment to be confirmed.",
    "collection_paused": "Collection of the payment is paused.",
}
_CHANGES = {"published": "was published", "price_changed": "has a new price", "removed": "was removed"}
_STATUSES = {"active": "active", "trialing": "on trial", "past_due": "past due", "canceled": "cancelled"}


def figures(event_type: str, data: Data) -> dict[str, str]:
    """What a template may name. KeyError, TypeError, ValueError or ArithmeticError for data that are not the type's."""
    family = event_type.partition(".")[0]
    return _FIGURES[event_type if event_type in _FIGURES else family](data)


def _usage(data: Data) -> dict[str, str]:
    metric, period = _text(data["metric"]), str(data["period"])
    is_month = _MONTH.fullmatch(period) is not None
    amount = _bytes if metric.endswith("_bytes") else _count
    until = f"until {_next_month(period)}" if is_month else "until something is deleted"
    return {
        "metric": _name(metric.removesuffix("_bytes")),
        "used": amount(data["used"]),
        "limit": amount(data["limit"]),
        "hard_limit": amount(data["hard_limit"]),
        "remaining": amount(data["remaining"]),
        "plan": _name(_text(data["plan_tier"])),
        "when": f"in {_month(period)}" if is_month else "now",
        "until": until,
        "share": _share(data),
        "stands": _stands(data, amount, until),
    }


def _share(data: Data) -> str:
    """How much of the limit is used; a change of plan may have passed it at once."""
    used, limit = _number(data["used"]), data["limit"]
    if limit is None or used >= _number(limit):
        return "all"
    return f"{int(used * 100 / _number(limit))} %"


def _stands(data: Data, amount: Callable[[object], str], until: str) -> str:
    """What happens to the next request."""
    used, hard_limit = _number(data["used"]), data["hard_limit"]
    if hard_limit is not None and used >= _number(hard_limit):
        return f"The grace is used up, too: requests are refused {until}."
    if data["limit"] is not None and used >= _number(data["limit"]):
        return f"Requests still pass up to {amount(hard_limit)}, then they are refused."
    return "Nothing stops yet."


def _balance(data: Data) -> dict[str, str]:
    reloads = data["auto_reload_enabled"] is True
    return {
        "balance": _dollars(data["balance_cents"]),
        "threshold": _dollars(data["threshold_cents"]),
        "reload": "Auto-reload is on and tops it up." if reloads else "Auto-reload is off.",
        "todo": (
            "You need to do nothing, and you hear of it if a reload fails."
            if reloads
            else "Charges are refused when the balance does not suffice. Add money to keep your work running."
        ),
    }


def _budget(data: Data) -> dict[str, str]:
    resets_at, percent = data["resets_at"], data.get("percent")
    return {
        "budget": f"{_text(data['label'])} {_text(data['value'])}",
        "spent": _dollars(data["spent_cents"]),
        "limit": _dollars(data["limit_cents"]),
        "remaining": _dollars(data["remaining_cents"]),
        "window": _WINDOWS[str(data["window"])],
        "percent": "" if percent is None else f"{_count(percent)} %",
        "until": "until the limit is raised" if resets_at is None else f"until {_moment(resets_at)}",
    }


def _reload(data: Data) -> dict[str, str]:
    amount, again = data["amount_cents"], data["next_attempt_at"]
    return {
        "amount": "the amount due" if amount is None else _dollars(amount),
        "message": _text(data["message"]),
        "next": "It is not tried again by itself." if again is None else f"It is tried again on {_moment(again)}.",
    }


def _past_due(data: Data) -> dict[str, str]:
    again, until = data["next_attempt_at"], data["plan_stays_until"]
    return {
        "plan": _name(_text(data["plan_tier"])),
        "reason": _REASONS.get(str(data["reason"]), "The payment failed."),
        "next": "It is not tried again by itself." if again is None else f"It is tried again on {_moment(again)}.",
        "stays": "" if until is None else f"Your limits stay as they are until {_day(until)}.",
    }


def _plan(data: Data) -> dict[str, str]:
    before, after, changed = data["before"], data["after"], data["changed"]
    if not (isinstance(before, Mapping) and isinstance(after, Mapping) and isinstance(changed, list)):
        raise TypeError("no change of a plan")
    plan = _name(_text(after["plan_tier"]))
    told: list[str] = []
    if "plan_tier" in changed:
        told.append(f"The plan was {_name(_text(before['plan_tier']))} and is {plan} now.")
    if "billing_interval" in changed:
        told.append(f"It is billed {_text(after['billing_interval'])}.")
    if "status" in changed:
        status = str(after["status"])
        told.append(f"It is {_STATUSES.get(status, status.replace('_', ' '))}.")
    pending = after["pending_change"]
    if "pending_change" in changed and isinstance(pending, Mapping):
        told.append(f"From {_day(pending['effective_at'])} on it is {_name(_text(pending['plan_tier']))}.")
    elif {"cancel_at", "cancel_at_period_end"} & set(changed) and after["cancel_at"] is not None:
        told.append(f"The plan {plan} ends on {_day(after['cancel_at'])}.")
    elif {"cancel_at", "cancel_at_period_end"} & set(changed) and "plan_tier" not in changed:
        ends = after["cancel_at_period_end"]
        told.append(f"The plan {plan} ends at the end of the period." if ends else f"The plan {plan} goes on.")
    elif "pending_change" in changed and "plan_tier" not in changed:
        told.append("The change that was planned is taken back.")
    return {"plan": plan, "what": " ".join(told)}


def _payout(data: Data) -> dict[str, str]:
    reason = data["reason"]
    return {
        "amount": _dollars(data["amount_cents"]),
        "payable": _dollars(data["payable_cents"]),
        "reason": "" if reason is None else f"The reason given: {_text(reason)}.",
    }


def _forecast(data: Data) -> dict[str, str]:
    metric = _text(data["metric"])
    amount = _bytes if metric.endswith("_bytes") else _count
    return {
        "metric": _name(metric.removesuffix("_bytes")),
        "used": amount(data["used"]),
        "limit": amount(data["limit"]),
        "projected": amount(data["projected"]),
        "day": _day(data["limit_reached_at"]),
    }


def _card(data: Data) -> dict[str, str]:
    month, year = _number(data["exp_month"]), _number(data["exp_year"])
    return {
        "valid": _month(f"{year}-{month:02}"),
        "ends": "has expired" if data["expired"] is True else f"ends on {_day(data['ends_at'])}",
    }


def _spending(data: Data) -> dict[str, str]:
    return {
        "hour": _moment(data["hour"]),
        "amount": _dollars(data["amount_cents"]),
        "usual": _dollars(data["usual_cents"]),
    }


def _tool(data: Data) -> dict[str, str]:
    before = data["previous_price_cents"]
    price = f"A call costs {_dollars(data['price_cents'])}"
    was = "" if before is None or before == data["price_cents"] else f", and cost {_dollars(before)} before"
    return {"tool": _text(data["tool_id"]), "change": _CHANGES[_text(data["change"])], "price": f"{price}{was}."}


def _bank(data: Data) -> dict[str, str]:
    return {"code": _text(data["code"]).replace("_", " ")}


_FIGURES: Final[Mapping[str, Callable[[Data], dict[str, str]]]] = {
    "usage": _usage,
    "usage.forecast": _forecast,
    "card": _card,
    "spending": _spending,
    "tool": _tool,
    "balance": _balance,
    "budget": _budget,
    "reload": _reload,
    "payment": _past_due,
    "plan": _plan,
    "payout": _payout,
    "payout.bank_refused": _bank,
    "notification": lambda _data: {},
}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value if len(value) <= _MOST_SIGNS else f"{value[:_MOST_SIGNS]}…"


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("no number")
    return Decimal(str(value))


def _count(value: object) -> str:
    return "unlimited" if value is None else f"{_number(value):,.0f}"


def _bytes(value: object) -> str:
    if value is None:
        return "unlimited"
    found = _number(value)
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if found >= size:
            return f"{(found / size).quantize(Decimal('0.01')).normalize():,f} {unit}"
    return f"{found:,.0f} bytes"


def _dollars(cents: object) -> str:
    """Dollars with two decimals, or with as many as there are."""
    found = _number(cents) / 100
    decimals = max(2, -int(found.normalize().as_tuple().exponent))
    sign = "-" if found < 0 else ""
    return f"{sign}${abs(found):,.{decimals}f}"


def _name(name: str) -> str:
    words = [_ACRONYMS.get(word, word) for word in name.split("_")]
    first = words[0]
    return " ".join([first if first in _ACRONYMS.values() else first.capitalize(), *words[1:]])


def _month(period: str) -> str:
    return datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC).strftime("%B %Y")


def _next_month(period: str) -> str:
    year, month = map(int, period.split("-"))
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return f"{after.day} {after:%B %Y}"


def _at(moment: object) -> datetime:
    return datetime.fromisoformat(_text(moment)).astimezone(UTC)


def _day(moment: object) -> str:
    at = _at(moment)
    return f"{at.day} {at:%B %Y}"


def _moment(moment: object) -> str:
    at = _at(moment)
    return f"{at.day} {at:%B %Y} at {at:%H:%M} UTC"
