"""Every operation whose cost is known: what comes before it, and the one act that is counted."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

from tests.benchmarks.acts import (
    batch,
    charge,
    charge_hundred,
    checkout,
    claim,
    consume,
    deposited,
    events,
    hold,
    onboard,
    open_deposit,
    reload_below_500,
    settle,
    subscribed,
    take,
    tool_call,
    verify,
)
from tests.benchmarks.budgets import Act, Budget, Operation, promised
from tests.benchmarks.place import Place

OPERATIONS: list[Operation] = []


def _operation(name: str, function: str, budget: Budget) -> Callable[[Callable[[Place], Act]], Callable[[Place], Act]]:
    def noted(prepare: Callable[[Place], Act]) -> Callable[[Place], Act]:
        OPERATIONS.append(Operation(name, function, budget, prepare))
        return prepare

    return noted


# Usage


@_operation("consume, month under way", "consume", promised(1, 1, 0))
def _consume_under_way(place: Place) -> Act:
    consume(place)
    return lambda: consume(place)


@_operation("consume refused", "consume", promised(1, 1, 0))
def _consume_refused(place: Place) -> Act:
    consume(place, 55_000)
    return lambda: consume(place, expect=403)


@_operation("consume, first of a month", "consume", Budget(4, 6, 1))
def _consume_first(place: Place) -> Act:
    return lambda: consume(place)


@_operation("consume that crosses a threshold", "consume", Budget(2, 5, 0))
def _consume_crossing(place: Place) -> Act:
    consume(place, 50_000)
    return lambda: consume(place)


@_operation("consume with an idempotency key", "consume", Budget(3, 5, 1))
def _consume_keyed(place: Place) -> Act:
    consume(place)
    return lambda: consume(place, idempotency_key="k")


@_operation("consume replayed", "consume", Budget(1, 4, 0))
def _consume_replayed(place: Place) -> Act:
    consume(place, idempotency_key="k")
    return lambda: consume(place, idempotency_key="k")


@_operation("100 events of one account in one batch", "consume_batch", promised(2, 4, 1))
def _hundred(place: Place) -> Act:
    consume(place)
    return lambda: batch(place, events(place), 100)


@_operation("100 events in one batch, 50 of them refused", "consume_batch", promised(2, 4, 1))
def _hundred_half_refused(place: Place) -> Act:
    consume(place, 54_900)
    too_much = [{**event, "quantity": 1_000} for event in events(place)]
    return lambda: batch(place, [*events(place)[:50], *too_much[:50]], 50)


@_operation("100 events of one account in one message of the queue", "ingest", Budget(2, 4, 1))
def _ingesting(place: Place) -> Act:
    consume(place)
    record = {"messageId": str(uuid.uuid4()), "body": json.dumps({"events": events(place)}), "eventSource": "aws:sqs"}

    def deliver() -> None:
        assert place.run("ingest", {"Records": [record]}) == {"batchItemFailures": []}

    return deliver


@_operation("a lease of 1,000, taken and settled", "take_lease", promised(2, 4, 0))
def _leasing(place: Place) -> Act:
    consume(place)
    return lambda: settle(place, take(place))


@_operation("settlement of a lease", "settle_lease", Budget(1, 1, 0))
def _settling(place: Place) -> Act:
    lease = take(place)
    return lambda: settle(place, lease)


# Resources


@_operation("PUT a resource", "claim_resource", Budget(2, 2, 1))
def _claiming(place: Place) -> Act:
    claim(place)
    return lambda: claim(place, "proj_2")


@_operation("DELETE a resource", "free_resource", Budget(2, 2, 1))
def _freeing(place: Place) -> Act:
    claim(place)
    named = {"account_id": place.account}
    return lambda: place.ask("free_resource", path={"kind": "projects", "id": "proj_1"}, query=named)


@_operation("GET /api/billing/resources", "get_resources", Budget(2, 0, 2))
def _resources(place: Place) -> Act:
    claim(place)
    return lambda: place.ask("get_resources")


# Reading


@_operation("GET /api/billing", "get_billing", promised(1, 0, 1))
def _billing(place: Place) -> Act:
    subscribed(place)
    return lambda: place.ask("get_billing")


@_operation("GET /api/balance", "get_balance", promised(1, 0, 1))
def _balance(place: Place) -> Act:
    deposited(place)
    return lambda: place.ask("get_balance")


@_operation("GET /api/billing/usage", "get_usage", promised(1, 0, 2))
def _usage(place: Place) -> Act:
    consume(place)
    consume(place, metric="storage_bytes")
    claim(place)
    return lambda: place.ask("get_usage", query=None)


@_operation("GET /api/balance/transactions, 20 lines", "get_transactions", Budget(1, 0, 2))
def _transactions(place: Place) -> Act:
    deposited(place)
    for number in range(25):
        charge(place, f"k{number}")
    return lambda: place.ask("get_transactions", query={"limit": "20"})


@_operation("GET /api/creators/me", "get_creator", Budget(3, 0, 2))
def _creator(place: Place) -> Act:
    deposited(place)
    creator = place.of("acct_creator")
    tool_call(place, creator, "k")
    return lambda: creator.ask("get_creator")


_SCOPED = {"agent": "agt_7", "key": "k_1"}


def _budgets(place: Place) -> None:
    """Two budgets that `_SCOPED` meets, one of them of each value."""
    for label, value in (("agent", "agt_7"), ("key", "*")):
        place.ask("put_budget", {"limit_cents": 500, "window": "day"}, path={"label": label, "value": value})


@_operation("GET /api/balance/budgets", "list_budgets", Budget(2, 0, 2))
def _list_budgets(place: Place) -> Act:
    _budgets(place)
    return lambda: place.ask("list_budgets")


@_operation("GET /api/balance/statement, 10 lines", "get_statement", Budget(2, 0, 2))
def _bill(place: Place) -> Act:
    deposited(place)
    for number in range(9):
        charge(place, f"k{number}")
    return lambda: place.ask("get_statement")


def _tool(place: Place) -> dict[str, str]:
    path = {"tool_id": f"{place.account}-search"}
    place.ask("put_tool", {"name": "Search", "price_cents": 25}, path=path)
    return path


@_operation("charge of a tool's price", "charge", Budget(2, 10, 1))
def _charging_a_tool(place: Place) -> Act:
    deposited(place)
    creator = place.of("acct_creator")
    path = _tool(creator)
    more = {"kind": "tool_call", "amount_cents": None, **path}
    charge(place, "before", **more)
    return lambda: charge(place, "k", **more)


@_operation("PUT a tool", "put_tool", Budget(2, 4, 1))
def _put_tool(place: Place) -> Act:
    path = _tool(place)
    return lambda: place.ask("put_tool", {"name": "Search", "price_cents": 30}, path=path)


@_operation("DELETE a tool", "delete_tool", Budget(2, 4, 1))
def _delete_tool(place: Place) -> Act:
    path = _tool(place)
    return lambda: place.ask("delete_tool", path=path)


@_operation("GET a tool", "get_tool", Budget(1, 0, 1))
def _get_tool(place: Place) -> Act:
    path = _tool(place)
    return lambda: place.ask("get_tool", path=path)


@_operation("GET /api/creators/tools", "list_tools", Budget(1, 0, 1))
def _list_tools(place: Place) -> Act:
    _tool(place)
    return lambda: place.ask("list_tools")


@_operation("GET /api/balance/spend, a month, by a label", "get_spend", promised(2, 0, 50))
def _spend(place: Place) -> Act:
    deposited(place)
    for number in range(9):
        charge(place, f"k{number}", labels=_SCOPED)
    place.parts.wallet.spending_fold.catch_up(place.account)
    charge(place, "later", labels=_SCOPED)
    query = {"from": "2026-03-01", "to": "2026-03-31", "by": "agent"}
    return lambda: place.ask("get_spend", query=query)


@_operation("GET a budget", "get_budget", Budget(1, 0, 2))
def _get_budget(place: Place) -> Act:
    _budgets(place)
    return lambda: place.ask("get_budget", path={"label": "agent", "value": "agt_7"})


@_operation("PUT a budget", "put_budget", Budget(2, 4, 2))
def _put_budget(place: Place) -> Act:
    _budgets(place)
    wanted = {"limit_cents": 400, "window": "day"}
    return lambda: place.ask("put_budget", wanted, path={"label": "agent", "value": "agt_7"})


@_operation("DELETE a budget", "delete_budget", Budget(2, 4, 2))
def _delete_budget(place: Place) -> Act:
    _budgets(place)
    return lambda: place.ask("delete_budget", path={"label": "agent", "value": "agt_7"})


@_operation("charge that meets two budgets", "charge", promised(2, 10, 2))
def _charge_budgeted(place: Place) -> Act:
    deposited(place)
    _budgets(place)
    charge(place, "before", labels=_SCOPED)
    return lambda: charge(place, "k", labels=_SCOPED)


@_operation("GET /api/billing/plans", "get_plans", Budget(0, 0, 0))
def _plans(place: Place) -> Act:
    return lambda: place.ask("get_plans")


@_operation("GET /api/billing/prices", "get_prices", Budget(0, 0, 0))
def _prices(place: Place) -> Act:
    return lambda: place.ask("get_prices")


@_operation("GET /api/billing/openapi.json", "get_openapi", Budget(0, 0, 0))
def _openapi(place: Place) -> Act:
    return lambda: place.ask("get_openapi")


# Charges and holds


@_operation("charge", "charge", promised(2, 6, 1))
def _charging(place: Place) -> Act:
    deposited(place)
    charge(place, "before")
    return lambda: charge(place, "k")


@_operation("replayed charge", "charge", promised(2, 6, 1))
def _charge_replayed(place: Place) -> Act:
    deposited(place)
    charge(place, "k")
    return lambda: charge(place, "k")


@_operation("charge that the wallet cannot pay", "charge", Budget(5, 0, 4))
def _charge_short(place: Place) -> Act:
    deposited(place)
    return lambda: charge(place, "k", 2_501, expect=402)


@_operation("charge of a tool call, with its creator's share", "charge", Budget(2, 8, 1))
def _tool_calling(place: Place) -> Act:
    deposited(place)
    creator = place.of("acct_creator")
    tool_call(place, creator, "before")
    return lambda: tool_call(place, creator, "k")


@_operation("100 charges of one account in one batch", "charge_batch", promised(4, 210, 2))
def _charging_hundred(place: Place) -> Act:
    deposited(place)
    return lambda: charge_hundred(place)


@_operation("100 charges in one batch, replayed", "charge_batch", Budget(2, 0, 200))
def _charging_hundred_again(place: Place) -> Act:
    deposited(place)
    charge_hundred(place)
    return lambda: charge_hundred(place)


@_operation("refund of a charge", "refund_charge", Budget(3, 6, 2))
def _refunding(place: Place) -> Act:
    deposited(place)
    path = {"charge_id": str(charge(place, "k")["charge_id"])}
    return lambda: place.service("refund_charge", {"idempotency_key": "r"}, path=path)


@_operation("hold", "take_hold", Budget(2, 10, 1))
def _holding(place: Place) -> Act:
    deposited(place)
    return lambda: hold(place)


@_operation("capture of a hold", "capture_hold", Budget(3, 10, 2))
def _capturing(place: Place) -> Act:
    deposited(place)
    path = {"hold_id": hold(place)}
    asked = {"amount_cents": 40, "idempotency_key": "c"}
    return lambda: place.service("capture_hold", asked, path=path)


@_operation("90 charges captured from an allowance", "capture_hold", Budget(3, 190, 2))
def _drawing(place: Place) -> Act:
    deposited(place)
    path = {"hold_id": hold(place)}
    items = [{"amount_cents": "0.5", "reference": f"run-{number}"} for number in range(90)]
    asked = {"items": items, "final": False, "idempotency_key": "d"}
    return lambda: place.service("capture_hold", asked, path=path)


@_operation("extension of a hold", "extend_hold", Budget(3, 12, 2))
def _extending(place: Place) -> Act:
    deposited(place)
    path = {"hold_id": hold(place)}
    asked = {"ttl_seconds": 900, "add_cents": 50, "idempotency_key": "e"}
    return lambda: place.service("extend_hold", asked, path=path)


@_operation("release of a hold", "release_hold", Budget(3, 10, 2))
def _releasing(place: Place) -> Act:
    deposited(place)
    path = {"hold_id": hold(place)}
    return lambda: place.service("release_hold", {"idempotency_key": "r"}, path=path)


@_operation("PUT /api/balance/spend-cap", "set_spend_cap", Budget(2, 2, 1))
def _capping(place: Place) -> Act:
    deposited(place)
    return lambda: place.ask("set_spend_cap", {"monthly_cap_cents": 1_000})


# With Stripe


@_operation("POST /api/billing/checkout", "checkout", Budget(5, 4, 2))
def _checking_out(place: Place) -> Act:
    return lambda: checkout(place)


@_operation("verify-session of a plan", "verify_session", Budget(5, 7, 1))
def _verifying(place: Place) -> Act:
    session_id = place.stripe.pay(checkout(place))
    return lambda: verify(place, session_id)


@_operation("POST /api/billing/cancel", "cancel", Budget(4, 5, 2))
def _cancelling(place: Place) -> Act:
    subscribed(place)
    return lambda: place.ask("cancel")


@_operation("POST /api/billing/resume", "resume", Budget(5, 5, 3))
def _resuming(place: Place) -> Act:
    subscribed(place)
    place.ask("cancel")
    return lambda: place.ask("resume")


@_operation("GET /api/billing/portal", "portal", Budget(2, 1, 1))
def _portal(place: Place) -> Act:
    subscribed(place)
    return lambda: place.ask("portal")


@_operation("POST /api/balance/deposit", "deposit", Budget(4, 4, 1))
def _depositing(place: Place) -> Act:
    return lambda: open_deposit(place)


@_operation("verify-session of a deposit", "verify_session", Budget(6, 7, 4))
def _crediting(place: Place) -> Act:
    session_id = place.stripe.pay(open_deposit(place))
    return lambda: verify(place, session_id)


@_operation("PUT /api/balance/auto-reload", "set_auto_reload", Budget(5, 3, 3))
def _configuring(place: Place) -> Act:
    deposited(place)
    return lambda: reload_below_500(place)


@_operation("webhook: a subscription changed", "stripe_webhook", Budget(4, 4, 3))
def _webhook(place: Place) -> Act:
    subscribed(place)
    wanted = "customer.subscription.created"
    event = next(event for event in reversed(place.stripe.events()) if event["type"] == wanted)
    return lambda: place.deliver(event)


@_operation("POST /api/creators/onboard", "onboard_creator", Budget(7, 7, 3))
def _onboarding(place: Place) -> Act:
    return lambda: onboard(place)


# On a schedule: what one due item costs, and what a run costs that finds none


@_operation("auto-reload sweep, nothing due", "auto_reload", Budget(2, 0, 1))
def _sweeping_nothing(place: Place) -> Act:
    return lambda: place.run("auto_reload")


@_operation("auto-reload sweep, one wallet due", "auto_reload", Budget(10, 18, 7))
def _sweeping(place: Place) -> Act:
    deposited(place)
    reload_below_500(place)
    charge(place, "k", 2_100)
    return lambda: place.run("auto_reload")


@_operation("sweep of lapsed holds, one lapsed", "expire_holds", Budget(19, 10, 10))
def _expiring(place: Place) -> Act:
    deposited(place)
    hold(place)
    place.time.forward(1_000)
    return lambda: place.run("expire_holds")


@_operation("spending added up, 100 lines of 25 agents", "fold_spending", Budget(12, 8, 11.5))
def _adding_up(place: Place) -> Act:
    deposited(place)
    for number in range(99):
        charge(place, f"k{number}", labels={"agent": f"agt_{number % 25}", "key": f"k_{number % 5}"})
    return lambda: place.run("fold_spending")


@_operation("payout sweep, one creator paid", "payout", Budget(14, 28, 8.5))
def _paying_out(place: Place) -> Act:
    deposited(place)
    # A creator of its own: the local Stripe, which all places share, knows the one of an earlier round.
    creator = place.of(f"acct_{uuid.uuid4().hex[:7]}")
    assert place.stripe.submit(onboard(creator))[0] == 303
    for event in place.stripe.events():
        if event["type"] == "account.updated":
            place.deliver(event)
    tool_call(place, creator, "k", 2_000)
    place.time.forward(9 * 86_400)
    return lambda: place.run("payout")


@_operation("publishing, nothing waits", "publish_events", Budget(8, 0, 8))
def _publishing_nothing(place: Place) -> Act:
    return lambda: _publish(place, 0)


@_operation("publishing, 10 events wait", "publish_events", Budget(18, 10, 8))
def _publishing(place: Place) -> Act:
    for number in range(10):
        consume(place.of(f"acct_near_{number}"), 40_000)
    return lambda: _publish(place, 10)


def _publish(place: Place, sent: int) -> None:
    assert place.run("publish_events") == {"sent": sent, "refused": 0}


@_operation("reconciliation, nothing happened since the last", "reconcile", Budget(3, 1, 1))
def _reconciling(place: Place) -> Act:
    for _ in range(2):
        place.time.forward(2 * 86_400)
        place.run("reconcile")
    return lambda: place.run("reconcile")


@_operation("audit of an account with 10 transfers", "audit", Budget(12, 0, 7))
def _auditing(place: Place) -> Act:
    deposited(place)
    for number in range(9):
        charge(place, f"k{number}")
    return lambda: place.run("audit", {"account_id": place.account})
