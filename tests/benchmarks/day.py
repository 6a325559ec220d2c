"""A day of a large platform, time compressed, through the functions' own handlers on DynamoDB Local.

A thousand accounts by a Zipf law, bursts at the full hour, requests that are sent again with their key, batches,
allowances, reloads and renewals, over processes that share nothing but the tables (threads here, each with rooms of its
own). In the end what callers were answered must be what the ledger and the counters hold, and the audit must find
nothing. Exit status 1 otherwise.

By hand: `python -m tests.benchmarks.day [--accounts 1000] [--calls 20000] [--processes 8] [--seed 1]`
"""

from __future__ import annotations

import argparse
import functools
import io
import itertools
import json
import random
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import quantiles
from typing import TYPE_CHECKING, Any
from unittest import mock

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import clock
from local.aws.dynamodb_local import dynamodb_local
from local.paths import STATE
from tests.benchmarks.acts import deposited, reload_below_500, subscribed
from tests.benchmarks.place import Place, opened
from tests.rooms.conftest import Time, connected, put_together
from tests.rooms.worlds.stripe import serving

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_dynamodb.client import DynamoDBClient

BOUGHT = datetime(2026, 3, 10, 6, tzinfo=UTC).timestamp()
DAY = datetime(2026, 4, 10, tzinfo=UTC).timestamp()
"""A month after plans were bought: they renew in it."""
PAYING = 20
"""The accounts with a card: they have a plan that renews, and a small wallet that reloads."""
AGAIN = 0.1
"""The share of keyed requests that are sent twice."""
_READS = frozenset({"GetItem", "BatchGetItem", "Query", "TransactGetItems", "Scan"})
_USAGE = {"metric": "api_requests"}
_CHARGE = {"kind": "bot_conversation", "billing_mode": "wallet"}


@dataclass
class Cost:
    """What one kind of operation cost, over all of them."""

    times: list[float] = field(default_factory=list)
    requests: int = 0
    write_units: float = 0.0
    read_units: float = 0.0
    in_vain: int = 0
    """Transactions that were refused: mostly since another process had written the same item."""

    def row(self, name: str) -> str:
        """As the table shows it."""
        made, cuts = len(self.times), quantiles(self.times, n=100)
        parts = (self.requests / made, self.write_units / made, self.read_units / made)
        shown = " | ".join(f"{part:.2f}" for part in parts)
        return f"| {name} | {made:,} | {shown} | {self.in_vain:,} | {cuts[49]:.0f} ms | {cuts[98]:.0f} ms |"


@dataclass
class Day:
    """The day's callers, what they were answered, and what it cost."""

    place: Place
    chance: random.Random
    costs: dict[str, Cost] = field(default_factory=lambda: defaultdict(Cost))
    charged: dict[tuple[str, str], float] = field(default_factory=dict)
    """By account and line the cents that were answered as taken."""
    counted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _noting: threading.Lock = field(default_factory=threading.Lock)
    _own: threading.local = field(default_factory=threading.local)
    _keys: Iterator[int] = field(default_factory=itertools.count)

    # What is measured

    @contextmanager
    def measured(self, client: DynamoDBClient) -> Iterator[None]:
        """Note what each operation costs inside the block."""

        def ask(params: dict[str, object], **_: object) -> None:
            params["ReturnConsumedCapacity"] = "TOTAL"

        def note(parsed: dict[str, Any], model: OperationModel, **_: object) -> None:
            answer = parsed.get("ConsumedCapacity") or []
            units = sum(float(c["CapacityUnits"]) for c in (answer if isinstance(answer, list) else [answer]))
            with self._noting:
                cost = self.costs[getattr(self._own, "doing", "schedules, webhooks")]
                cost.requests += 1
                cost.read_units += units if model.name in _READS else 0
                cost.write_units += 0 if model.name in _READS else units
                cost.in_vain += int(model.name == "TransactWriteItems" and "Error" in parsed)

        client.meta.events.register("provide-client-params.dynamodb.*", ask, unique_id="day-ask")
        client.meta.events.register("after-call.dynamodb.*", note, unique_id="day-note")
        try:
            yield
        finally:
            client.meta.events.unregister("provide-client-params.dynamodb.*", unique_id="day-ask")
            client.meta.events.unregister("after-call.dynamodb.*", unique_id="day-note")

    def parts(self, make: Callable[[], Runtime]) -> Runtime:
        """The rooms of the thread at work: as a process of its own has them."""
        if threading.current_thread() is threading.main_thread():
            return self.place.parts
        if not hasattr(self._own, "parts"):
            self._own.parts = make()
            self._own.parts.callers.check("svc")
        found: Runtime = self._own.parts
        return found

    # What callers do

    def call(self, name: str, account: str, seed: float) -> None:
        """One caller's piece of work."""
        self._own.doing = name
        began = time.perf_counter()
        _WORK[name](self, account, random.Random(seed))
        with self._noting:
            self.costs[name].times.append(1_000 * (time.perf_counter() - began))

    def ask(self, function: str, body: dict[str, Any], account: str = "", **path: str) -> dict[str, Any]:
        """A service's request, sent again with its key while the service cannot answer; its status is in the answer."""
        asked = {"account_id": account, **body} if account else body
        while True:
            event = self.place.event(function, asked, path=path or None)
            answer = self.place.hands.invoke(function, event)
            if answer["statusCode"] < 500:
                return {"status": answer["statusCode"], **_json(answer)}

    def key(self) -> str:
        """A new idempotency key."""
        with self._noting:
            return f"k{next(self._keys)}"

    def took(self, account: str, answer: dict[str, Any]) -> None:
        """Note what a charge was answered."""
        with self._noting:
            if answer["status"] == 201:
                self.charged[account, answer["charge_id"]] = answer["amount_cents"]
            else:
                self.refused[str(answer["error"]["code"])] += 1

    def consume(self, account: str, chance: random.Random) -> None:
        """Count one request, or some; some by a key, and of those some twice."""
        keyed = chance.random() < 0.3
        body = {**_USAGE, "quantity": chance.randint(1, 3), **({"idempotency_key": self.key()} if keyed else {})}
        answer = self.ask("consume", body, account)
        if keyed and chance.random() < AGAIN:
            assert self.ask("consume", body, account) == answer
        with self._noting:
            self.counted[account] += body["quantity"] if answer["status"] == 200 else 0

    def usage_batch(self, account: str, chance: random.Random) -> None:
        """Up to a hundred events at once."""
        events = [{"account_id": account, **_USAGE, "quantity": 1} for _ in range(chance.randint(20, 100))]
        results = self.ask("consume_batch", {"events": events})["results"]
        with self._noting:
            self.counted[account] += sum(result["status"] == 200 for result in results)

    def charge(self, account: str, chance: random.Random) -> None:
        """One charge, now and then sent twice."""
        body = {**_CHARGE, "amount_cents": chance.randint(1, 40), "idempotency_key": self.key()}
        answer = self.ask("charge", body, account)
        if answer["status"] == 201 and chance.random() < AGAIN:
            assert self.ask("charge", body, account) == answer
        self.took(account, answer)

    def charge_batch(self, account: str, chance: random.Random) -> None:
        """Up to a hundred charges at once, now and then sent twice."""
        usual = {"account_id": account, **_CHARGE}
        size = chance.randint(10, 100)
        charges = [{**usual, "amount_cents": chance.randint(0, 2), "idempotency_key": self.key()} for _ in range(size)]
        results = self.ask("charge_batch", {"charges": charges})["results"]
        while any(result["status"] >= 500 for result in results):
            results = self.ask("charge_batch", {"charges": charges})["results"]
        if chance.random() < AGAIN and all(result["status"] == 201 for result in results):
            assert self.ask("charge_batch", {"charges": charges})["results"] == results
        for result in results:
            self.took(account, result)

    def allowance(self, account: str, chance: random.Random) -> None:
        """Money held ahead, drawn down by many pieces of work, and ended; now and then left to lapse."""
        body = {"kind": "agent_execution", "amount_cents": 60, "ttl_seconds": 900, "idempotency_key": self.key()}
        held = self.ask("take_hold", body, account)
        if held["status"] != 201:
            self.took(account, held)
            return
        for final in (False, True)[: 1 if chance.random() < 0.1 else 2]:
            items = [{"amount_cents": 1} for _ in range(30)]
            drawn = {"items": items, "final": final, "idempotency_key": self.key()}
            answer = self.ask("capture_hold", drawn, account, hold_id=held["hold_id"])
            for item in answer.get("items", []):
                self.took(account, {"status": 201, **item})

    def read(self, account: str, chance: random.Random) -> None:
        """A user looks."""
        self.place.of(account).ask(chance.choice(("get_balance", "get_usage", "get_billing")))

    # What must hold

    def wrong(self, accounts: list[str]) -> list[str]:
        """What callers were told and the books do not say, or the other way; and what the audit finds."""
        parts, found = self.place.parts, list[str]()
        for account in accounts:
            lines = {t.transfer_id: t for t in parts.ledger.whole(account) if t.type in {"charge", "capture"}}
            told = {name: cents for (who, name), cents in self.charged.items() if who == account}
            found += [f"{account} was told of {name}: {told[name]}" for name in told.keys() - lines.keys()]
            found += [f"{account} was not told of {name}" for name in lines.keys() - told.keys()]
            both = told.keys() & lines.keys()
            found += [f"{name} is another amount" for name in both if lines[name].amount != round(told[name] * 10_000)]
            item = parts.usage.store.read(account, [clock.period()], consistent=True).get(clock.period())
            used = item.counters["api_requests"].used if item and "api_requests" in item.counters else 0
            if used != self.counted[account]:
                found.append(f"{account} counted {used}, its callers were told {self.counted[account]}")
        audited = self.place.run("audit")
        return found + [str(violation) for violation in audited["violations"]]


_WORK: dict[str, Callable[[Day, str, random.Random], None]] = {
    "consume": Day.consume,
    "usage, a batch": Day.usage_batch,
    "charge": Day.charge,
    "charges, a batch": Day.charge_batch,
    "an allowance: hold, 2 captures of 30": Day.allowance,
    "a user's look": Day.read,
}
_MIX = (40, 8, 28, 6, 6, 12)


def _json(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer["body"])
    return found


def _moments(chance: random.Random, calls: int) -> list[float]:
    """When the calls come: half of them in the first minutes of an hour, the rest over the day."""
    bursts = [chance.randrange(24) * 3_600 + chance.uniform(0, 180) for _ in range(calls // 2)]
    return sorted(DAY + moment for moment in [*bursts, *(chance.uniform(0, 86_400) for _ in range(calls - calls // 2))])


def lived(day: Day, accounts: list[str], calls: int, processes: int) -> float:
    """The day, hour by hour; how many seconds the callers took."""
    weights = [1 / rank for rank in range(1, len(accounts) + 1)]
    moments, took = _moments(day.chance, calls), 0.0
    known = {event["id"] for event in day.place.stripe.events()}
    with ThreadPoolExecutor(processes) as pool:
        for hour in range(24):
            day.place.time.at = DAY + hour * 3_600
            due = [moment for moment in moments if DAY + hour * 3_600 <= moment < DAY + (hour + 1) * 3_600]
            names = day.chance.choices([*_WORK], _MIX, k=len(due))
            whose = day.chance.choices(accounts, weights, k=len(due))
            began = time.perf_counter()
            list(pool.map(day.call, names, whose, (day.chance.random() for _ in due)))
            took += time.perf_counter() - began
            day.place.stripe.stripe.run_due()
            for function in ("auto_reload", "expire_holds", "fold_spending", "publish_events"):
                day.place.run(function)
            for event in day.place.stripe.events():
                if event["id"] not in known:
                    known.add(event["id"])
                    day.place.deliver(event)
    return took


def main() -> None:
    """Print the table, and what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    moment, accounts = Time(), [f"acct_{number:05d}" for number in range(options.accounts)]
    with dynamodb_local(STATE / "dynamodb", None) as endpoint, serving(moment) as stripe, clock.using(moment.unix):
        client = connected(endpoint)
        with opened(client, stripe, moment, at=BOUGHT) as place, redirect_stdout(io.StringIO()):
            day = Day(place, random.Random(options.seed))
            for account in accounts[PAYING:]:
                place.of(account).fund(100_000)
            for account in accounts[:PAYING]:
                subscribed(place.of(account))
                deposited(place.of(account))
                reload_below_500(place.of(account))

            def make() -> Runtime:
                return put_together(client, dict(place.parts.settings.environment))

            with day.measured(client), mock.patch.object(runtime, "current", functools.partial(day.parts, make)):
                took = lived(day, accounts, options.calls, options.processes)
            wrong = day.wrong(accounts)
            reloads = sum(
                t.type == "reload" for account in accounts[:PAYING] for t in place.parts.ledger.whole(account)
            )
            renewals = sum(event["type"] == "invoice.paid" for event in stripe.events()) - PAYING
    head = "| operation | times | requests | write units | read units | transactions in vain | p50 | p99 |"
    print(f"{head}\n| --- {'| ---: ' * 7}|")
    for name in _WORK:
        print(day.costs[name].row(name))
    print(f"\n{options.calls / took:,.0f} operations a second by {options.processes} processes, seed {options.seed}.")
    print(f"{len(day.charged):,} charges and {sum(day.counted.values()):,} units of usage were answered.")
    print(f"Refused: {dict(day.refused)}. {reloads} reloads, {renewals} renewals. Wrong: {len(wrong)}.")
    sys.exit("\n".join(wrong[:20]) if wrong else 0)


if __name__ == "__main__":
    main()
