"""Gateway nodes that serve from leases, simulated from a seed: what they may never do, and what quota lies idle.

Each node serves its share of an account's requests from a block of quota of its own. It settles the block when it is
nearly over and takes another, crashes now and then with a block in hand, sleeps beyond a block's end and settles too
late. Meanwhile the plan changes and a month ends. After every second the books must balance: what the counter calls
used is what was served, what lies idle in blocks that are open, and what was lost with those that were never settled.

By hand: `python -m tests.benchmarks.leases [--seed 1] [--nodes 10 50] [--size 100 500 1000]`
"""

from __future__ import annotations

import argparse
import random
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import boto3
from botocore.config import Config

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform import clock
from aerostack_billing.usage.models import LeaseRequest, SettleRequest
from aerostack_billing.values.errors import PlanLimitExceeded
from local.aws.dynamodb_local import dynamodb_local
from local.paths import STATE
from tests.rooms.conftest import Meter, Time, made_tables, metered, put_together
from tests.rooms.worlds.usage import move_to

METRIC = "api_requests"
A_MILLION = 1_000_000
_TTL_SECONDS = 60
_SETTLES_BEFORE_SECONDS = 5
_ASKS_AGAIN_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Setting:
    """What is simulated. `changes`: the plans that the account moves to, spread evenly over the time."""

    seed: int
    nodes: int
    size: int
    seconds: int = 600
    requests_a_second: int = 200
    crash: float = 0.002
    sleep: float = 0.002
    changes: tuple[Tier, ...] = ()


@dataclass
class Books:
    """What is known of a simulation, by period where it counts by period."""

    served: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lost: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    ceiling: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refused: int = 0
    leases: int = 0
    idle_most: int = 0
    idle_at_first_refusal: int | None = None

    def view(self) -> dict[str, int | None]:
        """The figures that a report shows."""
        return {
            "served": sum(self.served.values()),
            "refused": self.refused,
            "leases": self.leases,
            "lost": sum(self.lost.values()),
            "idle_most": self.idle_most,
            "idle_at_first_refusal": self.idle_at_first_refusal,
        }


@dataclass
class _Block:
    lease_id: str
    period: str
    granted: int
    expires_at: float
    used: int = 0

    @property
    def left(self) -> int:
        return self.granted - self.used


class _Node:
    """One gateway node: at most one open block, and what it does with it."""

    def __init__(self, parts: Runtime, account: str, setting: Setting, books: Books) -> None:
        self._parts = parts
        self._account = account
        self._setting = setting
        self._books = books
        self.block: _Block | None = None
        self._asks_again_at = 0.0
        self._wakes_at = 0.0

    @property
    def idle(self) -> int:
        """Quota in hand that nobody else can use."""
        return self.block.left if self.block else 0

    def serve(self, requests: int, chance: random.Random) -> None:
        """One second of this node."""
        if clock.unix() < self._wakes_at:
            self._books.refused += requests
            return
        if chance.random() < self._setting.crash:
            self._lose()
        self._hand_over()
        while requests > 0:
            if not self.idle and not self._take():
                self._books.refused += requests
                return
            assert self.block is not None
            now = min(requests, self.block.left)
            self.block.used += now
            self._books.served[self.block.period] += now
            requests -= now
        if chance.random() < self._setting.sleep:
            self._wakes_at = clock.unix() + 2 * _TTL_SECONDS

    def _take(self) -> bool:
        self._settle()
        if clock.unix() < self._asks_again_at:
            return False
        asked = LeaseRequest(
            account_id=self._account,
            metric=METRIC,
            quantity=self._setting.size,
            ttl_seconds=_TTL_SECONDS,
            allow_partial=True,
        )
        try:
            answer = self._parts.usage.leases.take(asked).body
        except PlanLimitExceeded:
            self._asks_again_at = clock.unix() + _ASKS_AGAIN_AFTER_SECONDS
            return False
        granted = answer["granted"]
        assert isinstance(granted, int)
        self.block = _Block(str(answer["lease_id"]), str(answer["period"]), granted, clock.unix() + _TTL_SECONDS)
        self._books.leases += 1
        return True

    def _hand_over(self) -> None:
        """Settle a block that is nearly over, or over."""
        if self.block and self.block.expires_at - clock.unix() <= _SETTLES_BEFORE_SECONDS:
            self._settle()

    def _settle(self) -> None:
        if self.block is None:
            return
        late = clock.unix() >= self.block.expires_at
        request = SettleRequest(account_id=self._account, used=self.block.used)
        returned = self._parts.usage.leases.settle(self.block.lease_id, request)["returned"]
        assert returned == (0 if late else self.block.left)
        if late:
            self._lose()
        self.block = None

    def _lose(self) -> None:
        if self.block:
            self._books.lost[self.block.period] += self.block.left
        self.block = None


def simulate(parts: Runtime, time: Time, account: str, setting: Setting) -> Books:
    """Let the nodes serve, second by second. AssertionError where the books do not balance or a limit is passed."""
    chance, books = random.Random(setting.seed), Books()
    nodes = [_Node(parts, account, setting, books) for _ in range(setting.nodes)]
    weights = [chance.paretovariate(1.2) for _ in nodes]
    changes = list(setting.changes)
    every = setting.seconds // (len(changes) + 1)
    for second in range(1, setting.seconds + 1):
        time.forward(1)
        if changes and second % every == 0:
            move_to(parts, account, changes.pop(0))
        loads = chance.choices(range(setting.nodes), weights, k=setting.requests_a_second)
        for number, node in enumerate(nodes):
            before = books.refused
            idle = sum(other.idle for other in nodes)
            node.serve(loads.count(number), chance)
            if books.refused > before and node.block is None and books.idle_at_first_refusal is None:
                books.idle_at_first_refusal = idle
        books.idle_most = max(books.idle_most, sum(node.idle for node in nodes))
        _balance(parts, account, books, nodes)
    return books


def _balance(parts: Runtime, account: str, books: Books, nodes: Sequence[_Node]) -> None:
    """What is used, by the counters, is served, idle or lost; and nothing was handed out above a hard limit."""
    periods = sorted({*books.served, clock.period()})
    counters_items = parts.usage.store.read(account, periods, consistent=True)
    for period, counters_item in counters_items.items():
        counter, ceiling = counters_item.counters[METRIC], parts.catalog.plan(counters_item.tier).quotas[METRIC].ceiling
        # A cheaper plan takes nothing back: what was handed out before stays.
        books.ceiling[period] = max(books.ceiling[period], ceiling)
        idle = sum(node.idle for node in nodes if node.block and node.block.period == period)
        assert counter.used == books.served[period] + idle + books.lost[period]
        assert counter.used + counter.room == ceiling
        assert counter.used <= books.ceiling[period]
        assert books.served[period] <= books.ceiling[period]


def spend_a_million(parts: Runtime, account: str, size: int = 1_000) -> None:
    """Use a million requests of an account on Pro by leases of `size`, each used up and settled."""
    for _ in range(A_MILLION // size):
        asked = LeaseRequest(account_id=account, metric=METRIC, quantity=size, ttl_seconds=_TTL_SECONDS)
        lease_id = str(parts.usage.leases.take(asked).body["lease_id"])
        assert parts.usage.leases.settle(lease_id, SettleRequest(account_id=account, used=size)) == {"returned": 0}


def cost_of_a_million(parts: Runtime, account: str, meter: Meter) -> tuple[int, float, float]:
    """Requests to DynamoDB, write and read units of a million requests by leases, the month's opening included."""
    move_to(parts, account, "pro")
    meter.reset()
    spend_a_million(parts, account)
    assert parts.usage.store.counters_item(account, clock.period()).counters[METRIC].used == A_MILLION
    return meter.spent()


def main() -> None:
    """Print what a million requests cost, and what lies idle by number of nodes and size of the blocks."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nodes", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--size", type=int, nargs="+", default=[100, 500, 1_000])
    asked = parser.parse_args()
    time = Time()
    credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    with dynamodb_local(STATE / "dynamodb", None) as url, clock.using(time.unix):
        config = Config(retries={"total_max_attempts": 1})
        client = boto3.client("dynamodb", endpoint_url=url, config=config, **credentials)
        parts = put_together(client, made_tables(client))
        with metered(client) as meter:
            requests, writes, reads = cost_of_a_million(parts, "acct_million", meter)
        print(f"1,000,000 requests by leases of 1,000: {requests} requests, {writes:g} WU, {reads:g} RU")
        for nodes in asked.nodes:
            for size in asked.size:
                setting = Setting(asked.seed, nodes, size)
                books = simulate(parts, time, f"acct_{uuid.uuid4().hex}", setting)
                print(f"{nodes} nodes, blocks of {size}: {books.view()}")


if __name__ == "__main__":
    main()
