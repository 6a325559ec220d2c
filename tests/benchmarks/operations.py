"""Every operation whose cost is known: what comes before it, and the one act that is counted.

The budgets are the most that an act may cost. Those marked as promised are what the service was designed for;
the others are what the operation costs today, so that nobody makes one dearer without saying so here.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from aerostack_billing.money import micros
from aerostack_billing.wallet.ledger import Change
from aerostack_billing.wallet.models import Reload, Wallet
from tests.benchmarks.place import LINKS, Place

Act = Callable[[], object]

STRIPE_FUNCTIONS = frozenset(
    {
        "auto_reload",
        "cancel",
        "checkout",
        "deposit",
        "onboard_creator",
        "payout",
        "portal",
        "reconcile",
        "resume",
        "set_auto_reload",
        "stripe_webhook",
        "verify_session",
    }
)
"""Those that talk to Stripe."""


@dataclass(frozen=True)
class Budget:
    """The most requests to DynamoDB, write units and read units that an operation may take."""

    requests: int
    write_units: float
    read_units: float
    promised: bool = False

    def holds(self, spent: tuple[int, float, float]) -> bool:
        """Whether requests, write units and read units are within it, each."""
        return all(a <= b for a, b in zip(spent, (self.requests, self.write_units, self.read_units), strict=True))


@dataclass(frozen=True)
class Operation:
    """An operation by the name that the tables show; `prepare` does what comes before and returns the counted act."""

    name: str
    function: str
    budget: Budget
    prepare: Callable[[Place], Act]


OPERATIONS: list[Operation] = []


def _operation(name: str, function: str, budget: Budget) -> Callable[[Callable[[Place], Act]], Callable[[Place], Act]]:
    def noted(prepare: Callable[[Place], Act]) -> Callable[[Place], Act]:
        OPERATIONS.append(Operation(name, function, budget, prepare))
        return prepare

    return noted


def promised(requests: int, write_units: float, read_units: float) -> Budget:
    """A budget that the service was designed for."""
    return Budget(requests, write_units, read_units, promised=True)


# Usage


def _consume(place: Place, quantity: int = 1, expect: int = 200, **more: object) -> dict[str, Any]:
    return place.service("consume", {"metric": "api_requests", "quantity": quantity, **more}, expect=expect)


@_operation("consume, month under way", "consume", promised(1, 1, 0))
def _consume_under_way(place: Place) -> Act:
    _consume(place)
    return lambda: _consume(place)


@_operation("consume refused", "consume", promised(1, 1, 0))
def _consume_refused(place: Place) -> Act:
    _consume(place, 55_000)
    return lambda: _consume(place, expect=403)


@_operation("consume, first of a month", "consume", Budget(4, 6, 1))
def _consume_first(place: Place) -> Act:
    return lambda: _consume(place)


@_operation("consume that crosses a threshold", "consume", Budget(2, 5, 0))
def _consume_crossing(place: Place) -> Act:
    _consume(place, 50_000)
    return lambda: _consume(place)


@_operation("consume with an idempotency key", "consume", Budget(3, 5, 1))
def _consume_keyed(place: Place) -> Act:
    _consume(place)
    return lambda: _consume(place, idempotency_key="k")


@_operation("consume replayed", "consume", Budget(1, 4, 0))
def _consume_replayed(place: Place) -> Act:
    _consume(place, idempotency_key="k")
    return lambda: _consume(place, idempotency_key="k")


def _events(place: Place) -> list[dict[str, object]]:
    return [{"account_id": place.account, "metric": "api_requests", "quantity": 1} for _ in range(100)]


def _batch(place: Place, events: list[dict[str, object]], passing: int) -> None:
    results = place.ask("consume_batch", {"events": events})["results"]
    assert sum(result["status"] == 200 for result in results) == passing


@_operation("100 events of one account in one batch", "consume_batch", promised(2, 4, 1))
def _hundred(place: Place) -> Act:
    _consume(place)
    return lambda: _batch(place, _events(place), 100)


@_operation("100 events in one batch, 50 of them refused", "consume_batch", promised(2, 4, 1))
def _hundred_half_refused(place: Place) -> Act:
    _consume(place, 54_900)
    too_much = [{**event, "quantity": 1_000} for event in _events(place)]
    return lambda: _batch(place, [*_events(place)[:50], *too_much[:50]], 50)


@_operation("100 events of one account in one message of the queue", "ingest", Budget(2, 4, 1))
def _ingesting(place: Place) -> Act:
    _consume(place)
    record = {"messageId": str(uuid.uuid4()), "body": json.dumps({"events": _events(place)}), "eventSource": "aws:sqs"}

    def deliver() -> None:
        assert place.run("ingest", {"Records": [record]}) == {"batchItemFailures": []}

    return deliver


def _take(place: Place) -> dict[str, Any]:
    return place.service("take_lease", {"metric": "api_requests", "quantity": 1_000, "ttl_seconds": 60}, expect=201)


def _settle(place: Place, lease: dict[str, Any]) -> None:
    answer = place.service("settle_lease", {"used": 900}, path={"lease_id": str(lease["lease_id"])})
    assert answer == {"returned": 100}


@_operation("a lease of 1,000, taken and settled", "take_lease", promised(2, 4, 0))
def _leasing(place: Place) -> Act:
    _consume(place)
    return lambda: _settle(place, _take(place))


@_operation("settlement of a lease", "settle_lease", Budget(1, 1, 0))
def _settling(place: Place) -> Act:
    lease = _take(place)
    return lambda: _settle(place, lease)


# Resources


def _claim(place: Place, name: str = "proj_1") -> dict[str, Any]:
    return place.service("claim_resource", {}, path={"kind": "projects", "id": name})


@_operation("PUT a resource", "claim_resource", Budget(2, 2, 1))
def _claiming(place: Place) -> Act:
    _claim(place)
    return lambda: _claim(place, "proj_2")


@_operation("DELETE a resource", "free_resource", Budget(2, 2, 1))
def _freeing(place: Place) -> Act:
    _claim(place)
    named = {"account_id": place.account}
    return lambda: place.ask("free_resource", path={"kind": "projects", "id": "proj_1"}, query=named)


@_operation("GET /api/billing/resources", "get_resources", Budget(2, 0, 2))
def _resources(place: Place) -> Act:
    _claim(place)
    return lambda: place.ask("get_resources")


# Reading


@_operation("GET /api/billing", "get_billing", promised(1, 0, 1))
def _billing(place: Place) -> Act:
    _subscribed(place)
    return lambda: place.ask("get_billing")


@_operation("GET /api/balance", "get_balance", promised(1, 0, 1))
def _balance(place: Place) -> Act:
    _deposited(place)
    return lambda: place.ask("get_balance")


@_operation("GET /api/billing/usage", "get_usage", promised(1, 0, 2))
def _usage(place: Place) -> Act:
    _consume(place)
    _consume(place, metric="storage_bytes")
    _claim(place)
    return lambda: place.ask("get_usage", query=None)


@_operation("GET /api/balance/transactions, 20 lines", "get_transactions", Budget(1, 0, 1.5))
def _transactions(place: Place) -> Act:
    _deposited(place)
    for number in range(25):
        _charge(place, f"k{number}")
    return lambda: place.ask("get_transactions", query={"limit": "20"})


@_operation("GET /api/creators/me", "get_creator", Budget(3, 0, 2))
def _creator(place: Place) -> Act:
    _deposited(place)
    creator = place.of("acct_creator")
    _tool_call(place, creator, "k")
    return lambda: creator.ask("get_creator")


@_operation("GET /api/billing/plans", "get_plans", Budget(0, 0, 0))
def _plans(place: Place) -> Act:
    return lambda: place.ask("get_plans")


@_operation("GET /api/billing/openapi.json", "get_openapi", Budget(0, 0, 0))
def _openapi(place: Place) -> Act:
    return lambda: place.ask("get_openapi")


# Charges and holds


def _charge(place: Place, key: str, amount: object = 2, expect: int = 201, **more: object) -> dict[str, Any]:
    asked = {"kind": "bot_conversation", "amount_cents": amount, "billing_mode": "wallet", "idempotency_key": key}
    return place.service("charge", {**asked, "reference": "conversation-0123456789", **more}, expect=expect)


def _tool_call(place: Place, creator: Place, key: str, amount: object = 2) -> dict[str, Any]:
    return _charge(place, key, amount, kind="tool_call", creator_id=creator.account)


def _hold(place: Place, key: str = "h") -> str:
    asked = {"kind": "agent_execution", "amount_cents": 50, "ttl_seconds": 900, "idempotency_key": key}
    return str(place.service("take_hold", asked, expect=201)["hold_id"])


@_operation("charge", "charge", promised(2, 6, 1))
def _charging(place: Place) -> Act:
    _deposited(place)
    _charge(place, "before")
    return lambda: _charge(place, "k")


@_operation("replayed charge", "charge", promised(2, 6, 1))
def _charge_replayed(place: Place) -> Act:
    _deposited(place)
    _charge(place, "k")
    return lambda: _charge(place, "k")


@_operation("charge that the wallet cannot pay", "charge", Budget(5, 0, 4))
def _charge_short(place: Place) -> Act:
    _deposited(place)
    return lambda: _charge(place, "k", 2_501, expect=402)


@_operation("charge of a tool call, with its creator's share", "charge", Budget(2, 8, 1))
def _tool_calling(place: Place) -> Act:
    _deposited(place)
    creator = place.of("acct_creator")
    _tool_call(place, creator, "before")
    return lambda: _tool_call(place, creator, "k")


@_operation("refund of a charge", "refund_charge", Budget(3, 6, 2))
def _refunding(place: Place) -> Act:
    _deposited(place)
    path = {"charge_id": str(_charge(place, "k")["charge_id"])}
    return lambda: place.service("refund_charge", {"idempotency_key": "r"}, path=path)


@_operation("hold", "take_hold", Budget(2, 10, 1))
def _holding(place: Place) -> Act:
    _deposited(place)
    return lambda: _hold(place)


@_operation("capture of a hold", "capture_hold", Budget(3, 10, 2))
def _capturing(place: Place) -> Act:
    _deposited(place)
    path = {"hold_id": _hold(place)}
    asked = {"amount_cents": 40, "idempotency_key": "c"}
    return lambda: place.service("capture_hold", asked, path=path)


@_operation("release of a hold", "release_hold", Budget(3, 10, 2))
def _releasing(place: Place) -> Act:
    _deposited(place)
    path = {"hold_id": _hold(place)}
    return lambda: place.service("release_hold", {"idempotency_key": "r"}, path=path)


@_operation("PUT /api/balance/spend-cap", "set_spend_cap", Budget(2, 2, 1))
def _capping(place: Place) -> Act:
    _deposited(place)
    return lambda: place.ask("set_spend_cap", {"monthly_cap_cents": 1_000})


# With Stripe


def _checkout(place: Place) -> str:
    asked = {"tier": "pro", "billing_interval": "monthly", **LINKS}
    return str(place.ask("checkout", asked)["url"])


def _verify(place: Place, session_id: str) -> dict[str, Any]:
    return place.ask("verify_session", query={"session_id": session_id})


def _subscribed(place: Place) -> None:
    _verify(place, place.stripe.pay(_checkout(place)))


def _open_deposit(place: Place) -> str:
    return str(place.ask("deposit", {"amount_cents": 2_500, **LINKS})["url"])


def _deposited(place: Place) -> None:
    _verify(place, place.stripe.pay(_open_deposit(place)))


def _reload_below_500(place: Place) -> dict[str, Any]:
    return place.ask("set_auto_reload", {"enabled": True, "threshold_cents": 500, "amount_cents": 2_000})


@_operation("POST /api/billing/checkout", "checkout", Budget(3, 2, 1))
def _checking_out(place: Place) -> Act:
    return lambda: _checkout(place)


@_operation("verify-session of a plan", "verify_session", Budget(3, 6, 1))
def _verifying(place: Place) -> Act:
    session_id = place.stripe.pay(_checkout(place))
    return lambda: _verify(place, session_id)


@_operation("POST /api/billing/cancel", "cancel", Budget(3, 4, 2))
def _cancelling(place: Place) -> Act:
    _subscribed(place)
    return lambda: place.ask("cancel")


@_operation("POST /api/billing/resume", "resume", Budget(3, 4, 2))
def _resuming(place: Place) -> Act:
    _subscribed(place)
    place.ask("cancel")
    return lambda: place.ask("resume")


@_operation("GET /api/billing/portal", "portal", Budget(1, 0, 1))
def _portal(place: Place) -> Act:
    _subscribed(place)
    return lambda: place.ask("portal")


@_operation("POST /api/balance/deposit", "deposit", Budget(3, 2, 1))
def _depositing(place: Place) -> Act:
    return lambda: _open_deposit(place)


@_operation("verify-session of a deposit", "verify_session", Budget(5, 6, 4))
def _crediting(place: Place) -> Act:
    session_id = place.stripe.pay(_open_deposit(place))
    return lambda: _verify(place, session_id)


@_operation("PUT /api/balance/auto-reload", "set_auto_reload", Budget(4, 2, 3))
def _configuring(place: Place) -> Act:
    _deposited(place)
    return lambda: _reload_below_500(place)


@_operation("webhook: a subscription changed", "stripe_webhook", Budget(4, 4, 3))
def _webhook(place: Place) -> Act:
    _subscribed(place)
    wanted = "customer.subscription.created"
    event = next(event for event in reversed(place.stripe.events()) if event["type"] == wanted)
    return lambda: place.deliver(event)


@_operation("POST /api/creators/onboard", "onboard_creator", Budget(6, 6, 3))
def _onboarding(place: Place) -> Act:
    return lambda: _onboard(place)


def _onboard(place: Place) -> str:
    back = "https://app.aerostack.dev/creators"
    return str(place.ask("onboard_creator", {"return_url": back, "refresh_url": back})["url"])


# On a schedule: what one due item costs, and what a run costs that finds none


@_operation("auto-reload sweep, nothing due", "auto_reload", Budget(1, 0, 0.5))
def _sweeping_nothing(place: Place) -> Act:
    return lambda: place.run("auto_reload")


@_operation("auto-reload sweep, one wallet due", "auto_reload", Budget(9, 18, 6.5))
def _sweeping(place: Place) -> Act:
    _deposited(place)
    _reload_below_500(place)
    _charge(place, "k", 2_100)
    return lambda: place.run("auto_reload")


@_operation("sweep of lapsed holds, one lapsed", "expire_holds", Budget(4, 10, 2.5))
def _expiring(place: Place) -> Act:
    _deposited(place)
    _hold(place)
    place.time.forward(1_000)
    return lambda: place.run("expire_holds")


@_operation("payout sweep, one creator paid", "payout", Budget(12, 26, 7.5))
def _paying_out(place: Place) -> Act:
    _deposited(place)
    # A creator of its own: the local Stripe, which all places share, knows the one of an earlier round.
    creator = place.of(f"acct_{uuid.uuid4().hex[:7]}")
    assert place.stripe.submit(_onboard(creator))[0] == 303
    for event in place.stripe.events():
        if event["type"] == "account.updated":
            place.deliver(event)
    _tool_call(place, creator, "k", 2_000)
    place.time.forward(9 * 86_400)
    return lambda: place.run("payout")


@_operation("reconciliation, nothing happened since the last", "reconcile", Budget(2, 1, 1))
def _reconciling(place: Place) -> Act:
    for _ in range(2):
        place.time.forward(2 * 86_400)
        place.run("reconcile")
    return lambda: place.run("reconcile")


@_operation("audit of an account with 10 transfers", "audit", Budget(10, 0, 6))
def _auditing(place: Place) -> Act:
    _deposited(place)
    for number in range(9):
        _charge(place, f"k{number}")
    return lambda: place.run("audit", {"account_id": place.account})


def due_of(place: Place, due: int, wallets: int) -> Act:
    """The act of finding what a sweep is to look after, among so many wallets."""

    def settled(wallet: Wallet) -> Change[Wallet]:
        return Change(replace(wallet, balance=micros(100), spend_cap=micros(1_000)))

    def waiting(wallet: Wallet) -> Change[Wallet]:
        reload = Reload(enabled=True, threshold=1, amount=1, state="due", next_attempt_at=int(place.time.at))
        return Change(replace(wallet, reload=reload))

    for number in range(due):
        place.parts.wallets.apply(f"acct_due_{number}", waiting)
    place.parts.wallets.apply(place.account, settled)
    place.multiply(place.parts.settings.wallets_table, {"account_id": place.account, "item": "wallet"}, wallets - due)

    def find() -> None:
        assert len(list(place.parts.wallets.due("reload"))) == due

    return find
