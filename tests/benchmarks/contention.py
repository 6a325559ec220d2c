"""What many processes get of one wallet: charges a second and collisions, by how many charge it at once.

Each process is a runtime of its own, with locks of its own, as each Lambda instance is; they share nothing but the
tables. Collisions are transactions that found the wallet changed since they had read it.

By hand: `python -m tests.benchmarks.contention [--charges 400] [--processes 2 8 64]`
"""

from __future__ import annotations

import argparse
import io
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.wallet.requests import ChargeRequest
from local.aws.dynamodb_local import dynamodb_local
from local.paths import STATE
from tests.benchmarks.charges import bare_charge
from tests.benchmarks.points import Point
from tests.rooms.conftest import Meter, connected, made_tables, metered, put_together
from tests.rooms.worlds.wallet import audited, fund

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

PROCESSES = (2, 4, 8, 16, 32, 64)
CHARGES = 400
BATCH = 90


Charging = Callable[[Runtime, str, Sequence[str]], None]


def one_by_one(parts: Runtime, account: str, keys: Sequence[str]) -> None:
    """Each charge by a request."""
    for key in keys:
        parts.wallet.charges.charge(ChargeRequest.model_validate(_asked(account, key)))


def batched(parts: Runtime, account: str, keys: Sequence[str]) -> None:
    """Ninety charges by a request."""
    for start in range(0, len(keys), BATCH):
        results = parts.wallet.batch.run([_asked(account, key) for key in keys[start : start + BATCH]])
        assert {result.status for result in results} == {201}


def _asked(account: str, key: str) -> dict[str, Any]:
    asked = {"account_id": account, "kind": "bot_conversation", "amount_cents": 1, "billing_mode": "wallet"}
    return {**asked, "idempotency_key": key}


def measured(client: DynamoDBClient, environment: dict[str, str], way: str, processes: int, charges: int) -> Point:
    """Let the processes charge one wallet at once; the books are checked in the end."""
    account, charge = f"acct_{uuid.uuid4().hex}", WAYS[way]
    parts = [put_together(client, environment) for _ in range(processes)]
    fund(parts[0], account, charges)
    for each in parts:
        each.wallet.store.get(account)
        each.wallet.batch.run([])
    shares = [[f"{number}-{n}" for n in range(number, charges, processes)] for number in range(processes)]
    with redirect_stdout(io.StringIO()), metered(client) as meter, ThreadPoolExecutor(processes) as pool:
        began = time.perf_counter()
        list(pool.map(lambda each: charge(each[0], account, each[1]), zip(parts, shares, strict=True)))
        took = time.perf_counter() - began
    assert audited(parts[0], account).balance == 0
    return Point(processes, way, charges / took, *_transactions(meter, way, charges, processes))


def bare(client: DynamoDBClient, environment: dict[str, str], processes: int, charges: int) -> Point:
    """The same by two calls of boto3 alone, tried again after up to 20 ms: nothing stands back for anybody."""
    account = f"acct_{uuid.uuid4().hex}"
    charge = bare_charge(client, environment["WALLETS_TABLE"], environment["LEDGER_TABLE"], account)
    with metered(client) as meter, ThreadPoolExecutor(processes) as pool:
        began = time.perf_counter()
        list(pool.map(charge, map(str, range(charges))))
        took = time.perf_counter() - began
    made = meter.operations.count("TransactWriteItems")
    return Point(processes, "bare boto3", charges / took, made, made - charges)


def curve(client: DynamoDBClient, charges: int, processes: Sequence[int] = PROCESSES) -> Iterator[Point]:
    """Every way of charging, by so many processes each."""
    environment = made_tables(client, uuid.uuid4().hex)
    measured(client, environment, "one by one", 2, 50)
    for number in processes:
        yield measured(client, environment, "one by one", number, charges)
    for number in processes:
        yield bare(client, environment, number, charges)
    for number in processes:
        yield measured(client, environment, "batches of 90", number, charges * 16)


WAYS: dict[str, Charging] = {"one by one": one_by_one, "batches of 90": batched}


def _transactions(meter: Meter, way: str, charges: int, processes: int) -> tuple[int, int]:
    """How many there were, and how many of them were in vain."""
    made = meter.operations.count("TransactWriteItems")
    share = -(-charges // processes)
    needed = charges if way == "one by one" else processes * -(-share // BATCH)
    return made, max(0, made - needed)


def main() -> None:
    """Print the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charges", type=int, default=CHARGES)
    parser.add_argument("--processes", type=int, nargs="+", default=PROCESSES)
    options = parser.parse_args()
    with dynamodb_local(STATE / "dynamodb", None) as url:
        client = connected(url)
        print("| charges | processes | a second | transactions | in vain |\n| --- | ---: | ---: | ---: | ---: |")
        for point in curve(client, options.charges, options.processes):
            print(point.row(), flush=True)


if __name__ == "__main__":
    main()
