"""An account at a glance, for whoever is woken by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from billingctl.tables import dollars

NEVER_SEEN: Final = "It was never seen here: it has bought, used, claimed and been charged nothing. Is the id right?"

Facts = Mapping[str, Any]


def seen(overview: Facts) -> bool:
    """Whether anything is stored of the account."""
    used = any(metric["used"] for metric in overview["usage"]["usage"].values())
    claimed = any(kind["used"] for kind in overview["usage"]["resource_counts"].values())
    wallet, creator = overview["wallet"], overview["creator"]
    moved = any(
        wallet[name] for name in ("lifetime_deposited_cents", "lifetime_spent_cents", "balance_cents", "debt_cents")
    )
    earns = creator["onboarding"] != "none" or creator["pending_cents"] or creator["paid_cents"]
    return bool(overview["plan"]["version"] or used or claimed or moved or earns or overview["operations"])


def summary(overview: Facts) -> dict[str, object]:
    """The same in a few lines and two tables."""
    account = overview["account_id"]
    if not seen(overview):
        return {account: NEVER_SEEN}
    lines: dict[str, object] = {
        "account": account,
        "plan": _plan(overview["plan"]),
        "wallet": _wallet(overview["wallet"]),
        "auto-reload": _reload(overview["wallet"]["auto_reload"]),
        "creator": _creator(overview["creator"]),
        f"usage {overview['usage']['period']}": [
            {"metric": name, "used": m["used"], "limit": m["limit"], "left": m["remaining"], "state": m["state"]}
            for name, m in overview["usage"]["usage"].items()
            if m["used"]
        ]
        or "nothing",
    }
    if overview["operations"]:
        lines["what operators did"] = overview["operations"]
    return lines


def _plan(plan: Facts) -> str:
    said = f"{plan['plan_tier']}, {plan['billing_interval']}, {plan['status']}"
    end = plan["current_period_end"]
    if plan["cancel_at_period_end"]:
        said += f"; ends {end}"
    elif plan["status"] == "past_due":
        said += "; the last payment failed"
    elif end:
        said += f"; renews {end}"
    override = f"; set to {plan['tier_override']} by staff" if plan["tier_override"] else ""
    customer = f"; {plan['stripe_customer_id']}" if plan["stripe_customer_id"] else ""
    return said + override + customer


def _wallet(wallet: Facts) -> str:
    said = f"{dollars(wallet['balance_cents'])} to spend"
    if wallet["held_cents"]:
        said += f", {dollars(wallet['held_cents'])} held"
    if wallet["debt_cents"]:
        said += f", owes {dollars(wallet['debt_cents'])}"
    deposited, spent = dollars(wallet["lifetime_deposited_cents"]), dollars(wallet["lifetime_spent_cents"])
    return f"{said} (deposited {deposited}, spent {spent} so far)"


def _reload(reload: Facts) -> str:
    if not reload["enabled"]:
        return f"{reload['state']}"
    said = f"{reload['state']}: below {dollars(reload['threshold_cents'])} add {dollars(reload['amount_cents'])}"
    error = reload["last_error"]
    return f"{said}; last error {error['code']} at {error['at']}: {error['message']}" if error else said


def _creator(creator: Facts) -> str:
    sums = ", ".join(f"{dollars(creator[f'{name}_cents'])} {name}" for name in ("pending", "payable", "paid"))
    return f"onboarding {creator['onboarding']}; {sums}"
