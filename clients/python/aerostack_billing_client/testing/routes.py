"""What a fake service does at each route of the platform's services."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from aerostack_billing_client.testing.state import (
    Charge,
    Counter,
    FakeAccount,
    Hold,
    Json,
    Lease,
    Refused,
    micros_of,
    shown,
)


@dataclass(frozen=True)
class Asked:
    """A request: what it names in body and query, and in its path; `now` are Unix seconds."""

    find: Callable[[str], FakeAccount]
    now: float
    body: Mapping[str, object]
    path: Mapping[str, str]

    @property
    def account(self) -> FakeAccount:
        """Whose it is, with what lapsed given back."""
        account = self.find(str(self.body["account_id"]))
        account.lapse(self.now)
        return account

    @property
    def period(self) -> str:
        """This month."""
        return f"{datetime.fromtimestamp(self.now, UTC):%Y-%m}"

    def iso(self, ahead: object = 0) -> str:
        """Now, or so many seconds later."""
        return f"{datetime.fromtimestamp(self.now + self.whole(ahead), UTC):%Y-%m-%dT%H:%M:%SZ}"

    def new_id(self, kind: str) -> str:
        """An id that the same account's same key always gives."""
        name = f"{self.body['account_id']}/{self.body.get('idempotency_key') or self.now}"
        return f"{kind}_{hashlib.sha256(name.encode()).hexdigest()[:40]}"

    @staticmethod
    def whole(value: object) -> int:
        """A whole number of the request's."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refused(422, "INVALID_REQUEST", "A field is wrong.", quantity="not a whole number")
        return value


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
            results.append({"status": 200, **consume(Asked(asked.find, asked.now, event, {}))})
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


def _price(asked: Asked) -> int:
    """The named price in micros. NotImplementedError for what needs the price book, which the fake does not have."""
    if asked.body.get("usage") is not None or asked.body.get("dry_run"):
        raise NotImplementedError("FakeBilling prices no usage and quotes nothing: use the local stack")
    return micros_of(asked.body["amount_cents"])


def charge(asked: Asked) -> Json:
    """Take a price."""
    account, mode, price = asked.account, str(asked.body["billing_mode"]), _price(asked)
    micros = 0 if mode == "byok" else price
    account.spend(micros)
    made = Charge(asked.new_id("ch"), micros)
    account.charges[made.id] = made
    shown_balances = {name: value for name, value in account.balances().items() if name != "held_cents"}
    about = {"charge_id": made.id, "account_id": account.id, "kind": asked.body["kind"], "billing_mode": mode}
    amounts = {"amount_cents": shown(micros), "estimated_cents": None if mode == "wallet" else shown(price)}
    return {**about, **amounts, "usage": None, "price_version": None, "created_at": asked.iso(), **shown_balances}


def refund(asked: Asked) -> Json:
    """Give a price back, once."""
    account = asked.account
    found = account.charges.get(asked.path["id"])
    if found is None:
        raise Refused(404, "CHARGE_NOT_FOUND", "The account has no such charge.")
    if found.refunded:
        raise Refused(409, "ALREADY_REFUNDED", "The charge was already refunded under another key.")
    found.refunded = True
    account.micros += found.micros
    ids = {"charge_id": found.id, "refund_id": asked.new_id("ref"), "refunded_cents": shown(found.micros)}
    balances = {name: value for name, value in account.balances().items() if name != "held_cents"}
    return {**ids, **balances, "created_at": asked.iso()}


def take_hold(asked: Asked) -> Json:
    """Set money aside."""
    account, micros = asked.account, _price(asked)
    seconds = asked.whole(asked.body.get("ttl_seconds", 900))
    account.spend(micros)
    made = Hold(asked.new_id("hold"), str(asked.body["kind"]), micros, asked.now + seconds)
    account.holds[made.id] = made
    # A hold keeps the version of the price book, also when its price is named: the fake's book is of today.
    answer = {"hold_id": made.id, "amount_cents": shown(micros), "expires_at": asked.iso(seconds)}
    return {**answer, "usage": None, "price_version": asked.iso()[:10], **account.balances()}


def capture(asked: Asked) -> Json:
    """Take the price of the work, and give the rest of the hold back."""
    account, price = asked.account, _price(asked)
    hold = account.hold(asked.path["id"])
    if hold.ended not in {"", "lapse"}:
        raise Refused(
            409, "HOLD_ENDED", "The hold was already captured or released under another key.", hold_id=hold.ended
        )
    covered = 0 if hold.ended else hold.micros
    taken = price
    if asked.body.get("allow_partial"):
        taken = min(price, account.micros + covered)
    if taken > account.micros + covered:
        account.spend(taken)
    hold.ended = "capture"
    account.micros += covered - taken
    made = Charge(hold.id.replace("hold_", "cap_", 1), taken)
    account.charges[made.id] = made
    answer = {"hold_id": hold.id, "charge_id": made.id, "captured_cents": shown(taken)}
    return {**answer, "short_cents": shown(price - taken), "usage": None, "price_version": None, **account.balances()}


def release(asked: Asked) -> Json:
    """Give a hold back."""
    account = asked.account
    hold = account.hold(asked.path["id"])
    if hold.ended not in {"", "lapse"}:
        raise Refused(
            409, "HOLD_ENDED", "The hold was already captured or released under another key.", hold_id=hold.ended
        )
    if not hold.ended:
        account.micros += hold.micros
    hold.ended = "release"
    return {"hold_id": hold.id, "released_cents": shown(hold.micros), **account.balances()}


_ID = "(?P<id>[^/]+)"
ROUTES: tuple[tuple[str, str, int, Callable[[Asked], Json]], ...] = (
    ("POST", "/api/billing/usage/consume", 200, consume),
    ("POST", "/api/billing/usage/batch", 200, consume_batch),
    ("POST", "/api/billing/usage/leases", 201, lease),
    ("POST", f"/api/billing/usage/leases/{_ID}/settle", 200, settle),
    ("PUT", f"/api/billing/resources/(?P<kind>[^/]+)/{_ID}", 200, claim),
    ("DELETE", f"/api/billing/resources/(?P<kind>[^/]+)/{_ID}", 200, free),
    ("POST", "/api/balance/charges", 201, charge),
    ("POST", f"/api/balance/charges/{_ID}/refund", 200, refund),
    ("POST", "/api/balance/holds", 201, take_hold),
    ("POST", f"/api/balance/holds/{_ID}/capture", 200, capture),
    ("POST", f"/api/balance/holds/{_ID}/release", 200, release),
)
"""Method, path, status of success, and what is done."""
