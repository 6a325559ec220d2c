"""What a fake service does at each route of usage, and which routes it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from aerostack_billing_client.testing import allowances, budgets, money, views
from aerostack_billing_client.testing.asked import Asked
from aerostack_billing_client.testing.state import Counter, Json, Lease, Refused


def consume(asked: Asked) -> Json:
    """Count usage."""
    metric, quantity = str(asked.body["metric"]), asked.whole(asked.body.get("quantity", 1))
    counter = asked.account.counters.setdefault(metric, Counter())
    counter.take(metric, asked.period, quantity)
    figures = {"allowed": True, **counter.figures(metric, asked.period)}
    if asked.body.get("dry_run"):
        counter.used -= quantity
        figures |= {"used": counter.used, "remaining": counter.figures(metric, asked.period)["remaining"]}
    return figures


def consume_batch(asked: Asked) -> Json:
    """Count many events, each by itself."""
    results: list[Json] = []
    for event in cast("list[Json]", asked.body["events"]):
        try:
            results.append({"status": 200, **consume(replace(asked, body=event, path={}))})
        except Refused as refused:
            results.append({"status": refused.status, **refused.body})
    return {"results": results}


def lease(asked: Asked) -> Json:
    """A block of quota."""
    account, metric = asked.account, str(asked.body["metric"])
    counter = account.counters.setdefault(metric, Counter())
    granted, seconds = asked.whole(asked.body["quantity"]), asked.whole(asked.body["ttl_seconds"])
    if asked.body.get("allow_partial") and counter.limit is not None:
        granted = min(granted, max(1, counter.limit - counter.used))
    counter.take(metric, asked.period, granted)
    lease_id = f"lease.{len(account.leases) + 1}"
    account.leases[lease_id] = Lease(metric, granted, asked.now + seconds)
    return {"lease_id": lease_id, "period": asked.period, "granted": granted, "expires_at": asked.iso(seconds)}


def settle(asked: Asked) -> Json:
    """Give back what of a lease was not used, once, in time."""
    account = asked.account
    found = account.leases.get(asked.path["id"])
    if found is None:
        raise Refused(404, "LEASE_NOT_FOUND", "There is no such lease.")
    if found.settled or found.expires_at <= asked.now:
        return {"returned": 0}
    found.settled = True
    returned = max(0, found.granted - asked.whole(asked.body["used"]))
    account.counters[found.metric].used -= returned
    return {"returned": returned}


def claim(asked: Asked) -> Json:
    """A place for a thing."""
    account, kind, name = asked.account, asked.path["kind"], asked.path["id"]
    limit = account.counters.get(kind, Counter()).limit
    used = len([place for place in account.places if place[0] == kind])
    if (kind, name) not in account.places:
        if limit is not None and used >= limit:
            raise Refused(403, "PLAN_LIMIT_EXCEEDED", "The plan has no place left.", kind=kind, used=used, limit=limit)
        account.places[kind, name] = asked.iso()
        used += 1
    place = {"kind": kind, "id": name, "created_at": account.places[kind, name]}
    return {**place, "read_only": False, "used": used, "limit": limit}


def free(asked: Asked) -> Json:
    """The place of a thing, back."""
    account, kind, name = asked.account, asked.path["kind"], asked.path["id"]
    freed = account.places.pop((kind, name), None) is not None
    used = len([place for place in account.places if place[0] == kind])
    limit = account.counters.get(kind, Counter()).limit
    return {"kind": kind, "id": name, "freed": freed, "used": used, "limit": limit}


_ID = "(?P<id>[^/]+)"
_BUDGET = f"/api/balance/budgets/(?P<label>[^/]+)/{_ID}"
ROUTES: tuple[tuple[str, str, int, Callable[[Asked], Json]], ...] = (
    ("POST", "/api/billing/usage/consume", 200, consume),
    ("POST", "/api/billing/usage/batch", 200, consume_batch),
    ("POST", "/api/billing/usage/leases", 201, lease),
    ("POST", f"/api/billing/usage/leases/{_ID}/settle", 200, settle),
    ("PUT", f"/api/billing/resources/(?P<kind>[^/]+)/{_ID}", 200, claim),
    ("DELETE", f"/api/billing/resources/(?P<kind>[^/]+)/{_ID}", 200, free),
    ("GET", "/api/billing/prices", 200, money.prices),
    ("GET", f"/api/tools/{_ID}", 200, money.tool),
    ("POST", "/api/balance/charges", 201, money.charge),
    ("POST", "/api/balance/charges/batch", 200, money.charge_batch),
    ("POST", f"/api/balance/charges/{_ID}/refund", 200, money.refund),
    ("POST", "/api/balance/holds", 201, money.take_hold),
    ("POST", f"/api/balance/holds/{_ID}/capture", 200, allowances.capture),
    ("POST", f"/api/balance/holds/{_ID}/extend", 200, allowances.extend),
    ("POST", f"/api/balance/holds/{_ID}/release", 200, money.release),
    ("GET", "/api/billing", 200, views.account),
    ("GET", "/api/billing/usage", 200, views.usage),
    ("GET", "/api/billing/resources", 200, views.resources),
    ("GET", "/api/balance", 200, views.balance),
    ("GET", "/api/balance/transactions", 200, views.transactions),
    ("GET", "/api/balance/budgets", 200, budgets.list_budgets),
    ("GET", _BUDGET, 200, budgets.get_budget),
    ("PUT", _BUDGET, 200, budgets.put_budget),
    ("DELETE", _BUDGET, 200, budgets.delete_budget),
)
"""Method, path, status of success, and what is done."""
