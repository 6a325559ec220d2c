"""Operations of usage, resources and of reading: what comes before each, and the one act that is counted."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import replace

from aerostack_billing.wallet.spending import Sheet, Sums, Told, total
from tests.benchmarks.acts import (
    batch,
    charge,
    claim,
    consume,
    deposited,
    events,
    settle,
    subscribed,
    take,
    tool_call,
)
from tests.benchmarks.budgets import Act, Budget, promised
from tests.benchmarks.place import Place
from tests.benchmarks.registering import operation

# Usage


@operation("consume, month under way", "consume", promised(1, 1, 0))
def _consume_under_way(place: Place) -> Act:
    consume(place)
    return lambda: consume(place)


@operation("consume refused", "consume", promised(1, 1, 0))
def _consume_refused(place: Place) -> Act:
    consume(place, 55_000)
    return lambda: consume(place, expect=403)


@operation("consume, first of a month", "consume", Budget(4, 6, 1))
def _consume_first(place: Place) -> Act:
    return lambda: consume(place)


@operation("consume that crosses a threshold", "consume", Budget(2, 5, 0))
def _consume_crossing(place: Place) -> Act:
    consume(place, 50_000)
    return lambda: consume(place)


@operation("consume with an idempotency key", "consume", Budget(3, 5, 1))
def _consume_keyed(place: Place) -> Act:
    consume(place)
    return lambda: consume(place, idempotency_key="k")


@operation("consume replayed", "consume", Budget(1, 4, 0))
def _consume_replayed(place: Place) -> Act:
    consume(place, idempotency_key="k")
    return lambda: consume(place, idempotency_key="k")


@operation("100 events of one account in one batch", "consume_batch", promised(2, 4, 1))
def _hundred(place: Place) -> Act:
    consume(place)
    return lambda: batch(place, events(place), 100)


@operation("100 events in one batch, 50 of them refused", "consume_batch", promised(2, 4, 1))
def _hundred_half_refused(place: Place) -> Act:
    consume(place, 54_900)
    too_much = [{**event, "quantity": 1_000} for event in events(place)]
    return lambda: batch(place, [*events(place)[:50], *too_much[:50]], 50)


@operation("100 events of one account in one message of the queue", "ingest", Budget(2, 4, 1))
def _ingesting(place: Place) -> Act:
    consume(place)
    record = {"messageId": str(uuid.uuid4()), "body": json.dumps({"events": events(place)}), "eventSource": "aws:sqs"}

    def deliver() -> None:
        assert place.run("ingest", {"Records": [record]}) == {"batchItemFailures": []}

    return deliver


@operation("a lease of 1,000, taken and settled", "take_lease", promised(2, 4, 0))
def _leasing(place: Place) -> Act:
    consume(place)
    return lambda: settle(place, take(place))


@operation("settlement of a lease", "settle_lease", Budget(1, 1, 0))
def _settling(place: Place) -> Act:
    lease = take(place)
    return lambda: settle(place, lease)


# Resources


@operation("PUT a resource", "claim_resource", Budget(2, 2, 1))
def _claiming(place: Place) -> Act:
    claim(place)
    return lambda: claim(place, "proj_2")


@operation("DELETE a resource", "free_resource", Budget(2, 2, 1))
def _freeing(place: Place) -> Act:
    claim(place)
    named = {"account_id": place.account}
    return lambda: place.ask("free_resource", path={"kind": "projects", "id": "proj_1"}, query=named)


@operation("GET /api/billing/resources", "get_resources", Budget(1, 0, 1))
def _resources(place: Place) -> Act:
    claim(place)
    return lambda: place.ask("get_resources")


# Reading


@operation("GET /api/billing", "get_billing", promised(1, 0, 1))
def _billing(place: Place) -> Act:
    subscribed(place)
    return lambda: place.ask("get_billing")


@operation("GET /api/balance", "get_balance", promised(1, 0, 1))
def _balance(place: Place) -> Act:
    deposited(place)
    return lambda: place.ask("get_balance")


@operation("GET /api/billing/usage", "get_usage", promised(1, 0, 2))
def _usage(place: Place) -> Act:
    consume(place)
    consume(place, metric="storage_bytes")
    claim(place)
    return lambda: place.ask("get_usage", query=None)


@operation("GET /api/billing/usage, twelve months", "get_usage", Budget(1, 0, 8))
def _history(place: Place) -> Act:
    consume(place)
    return lambda: place.ask("get_usage", query={"months": "12"})


@operation("GET /api/billing/usage/forecast", "get_forecast", Budget(4, 0, 50))
def _forecast(place: Place) -> Act:
    deposited(place)
    consume(place)
    charge(place, "k")
    return lambda: place.ask("get_forecast")


@operation("GET /api/balance/transactions, 20 lines", "get_transactions", Budget(1, 0, 2))
def _transactions(place: Place) -> Act:
    deposited(place)
    for number in range(25):
        charge(place, f"k{number}")
    return lambda: place.ask("get_transactions", query={"limit": "20"})


@operation("GET /api/creators/me", "get_creator", Budget(2, 0, 1.5))
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


@operation("GET /api/balance/budgets", "list_budgets", Budget(2, 0, 2))
def _list_budgets(place: Place) -> Act:
    _budgets(place)
    return lambda: place.ask("list_budgets")


@operation("GET /api/balance/statement, 10 lines", "get_statement", Budget(2, 0, 2))
def _bill(place: Place) -> Act:
    deposited(place)
    for number in range(9):
        charge(place, f"k{number}")
    return lambda: place.ask("get_statement")


def _tool(place: Place) -> dict[str, str]:
    path = {"tool_id": f"{place.account}-search"}
    place.ask("put_tool", {"name": "Search", "price_cents": 25}, path=path)
    return path


@operation("charge of a tool's price", "charge", Budget(2, 10, 1))
def _charging_a_tool(place: Place) -> Act:
    deposited(place)
    creator = place.of("acct_creator")
    path = _tool(creator)
    more = {"kind": "tool_call", "amount_cents": None, **path}
    charge(place, "before", **more)
    return lambda: charge(place, "k", **more)


@operation("PUT a tool", "put_tool", Budget(2, 6, 1))
def _put_tool(place: Place) -> Act:
    path = _tool(place)
    return lambda: place.ask("put_tool", {"name": "Search", "price_cents": 30}, path=path)


@operation("DELETE a tool", "delete_tool", Budget(2, 6, 1))
def _delete_tool(place: Place) -> Act:
    path = _tool(place)
    return lambda: place.ask("delete_tool", path=path)


@operation("GET a tool", "get_tool", Budget(1, 0, 1))
def _get_tool(place: Place) -> Act:
    path = _tool(place)
    return lambda: place.ask("get_tool", path=path)


@operation("GET /api/creators/tools", "list_tools", Budget(1, 0, 1))
def _list_tools(place: Place) -> Act:
    _tool(place)
    return lambda: place.ask("list_tools")


@operation("GET /api/balance/spend, a month, by a label", "get_spend", promised(2, 0, 50))
def _spend(place: Place) -> Act:
    deposited(place)
    for number in range(9):
        charge(place, f"k{number}", labels=_SCOPED)
    place.parts.wallet.spending_fold.catch_up(place.account)
    charge(place, "later", labels=_SCOPED)
    query = {"from": "2026-03-01", "to": "2026-03-31", "by": "agent"}
    return lambda: place.ask("get_spend", query=query)


def _added_up(place: Place, values: int) -> Act:
    """A month in which so many agents had charges on each day, added up; the act shows it by agent."""
    deposited(place)
    store, chance = place.parts.wallet.spending_store, random.Random(values)
    cursor = store.cursor(place.account)
    for day in (f"2026-03-{number:02}" for number in range(1, 32)):
        by_agent = {f"agt_{n:04}": _some(chance) for n in chance.sample(range(5_000), values)}
        whole = {"service": total(by_agent.values())}
        by_kind = {name: Told(dict(whole)) for name in ("kind", "model", "billing_mode")}
        store.put(Sheet(place.account, day, "agent", by={"agent": Told(by_agent)}), 1)
        store.put(Sheet(place.account, day, by=by_kind), 1)
    store.advance(cursor, replace(cursor, through=1, labels=("agent",)), {})
    query = {"from": "2026-03-01", "to": "2026-03-31", "by": "agent"}
    return lambda: place.ask("get_spend", query=query)


def _some(chance: random.Random) -> Sums:
    """What an agent spends on a day, by its tokens."""
    charges = chance.randint(1, 40)
    read, written = charges * chance.randint(300, 9_000), charges * chance.randint(50, 900)
    return (read * 3 + written * 15, charges, read, written, 0, 0)


@operation("GET /api/balance/spend, a month, by a label of 400 values a day", "get_spend", promised(2, 0, 50))
def _spend_of_many(place: Place) -> Act:
    return _added_up(place, 400)


@operation("GET /api/balance/spend, a month, by a label of 1,000 values a day", "get_spend", Budget(2, 0, 90.5))
def _spend_of_most(place: Place) -> Act:
    return _added_up(place, 1_000)


@operation("GET a budget", "get_budget", Budget(1, 0, 2))
def _get_budget(place: Place) -> Act:
    _budgets(place)
    return lambda: place.ask("get_budget", path={"label": "agent", "value": "agt_7"})


@operation("PUT a budget", "put_budget", Budget(2, 4, 2))
def _put_budget(place: Place) -> Act:
    _budgets(place)
    wanted = {"limit_cents": 400, "window": "day"}
    return lambda: place.ask("put_budget", wanted, path={"label": "agent", "value": "agt_7"})


@operation("DELETE a budget", "delete_budget", Budget(2, 4, 2))
def _delete_budget(place: Place) -> Act:
    _budgets(place)
    return lambda: place.ask("delete_budget", path={"label": "agent", "value": "agt_7"})


@operation("charge that meets two budgets", "charge", promised(2, 10, 2))
def _charge_budgeted(place: Place) -> Act:
    deposited(place)
    _budgets(place)
    charge(place, "before", labels=_SCOPED)
    return lambda: charge(place, "k", labels=_SCOPED)


@operation("GET /api/billing/plans", "get_plans", Budget(0, 0, 0))
def _plans(place: Place) -> Act:
    return lambda: place.ask("get_plans")


@operation("GET /api/billing/prices", "get_prices", Budget(0, 0, 0))
def _prices(place: Place) -> Act:
    return lambda: place.ask("get_prices")


@operation("GET /api/billing/openapi.json", "get_openapi", Budget(0, 0, 0))
def _openapi(place: Place) -> Act:
    return lambda: place.ask("get_openapi")
