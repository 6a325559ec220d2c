"""What many processes get of one wallet: charges a second and collisions, by how many charge it at once.

Each process is a runtime of its own, with locks of its own, as each Lambda instance is; they share nothing but the
tables. Collisions are transactions that found the wallet changed since they had read it.

By hand: `python -m tests.benchmarks.contention [--processes 2 8 64]`
"""

from __future__ import annotations

import argparse
import io
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.wallet.requests import ChargeRequest
from local.aws.dynamodb_local import dynamodb_local
from local.paths import STATE
from tests.benchmarks.charges import bare_charge
from tests.benchmarks.points import Point
from tests.benchmarks.rates import steadily
from tests.rooms.conftest import Meter, connected, made_tables, metered, put_together
from tests.rooms.worlds.wallet import audited, fund

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

PROCESSES = (2, 4, 8, 16, 32, 64)
BATCH = 90
FUNDED_CENTS = 10_000_000


Charging = Callable[[Runtime, str, str], None]


def one_by_one(parts: Runtime, account: str, key: str) -> None:
    """A charge by a request."""
    parts.wallet.charges.charge(ChargeRequest.model_validate(_asked(account, key)))


def batched(parts: Runtime, account: str, key: str) -> None:
    """Ninety charges by a request."""
    results = parts.wallet.batch.run([_asked(account, f"{key}-{number}") for number in range(BATCH)])
    assert {result.status for result in results} == {201}


def _asked(account: str, key: str) -> dict[str, Any]:
    asked = {"account_id": account, "kind": "bot_conversation", "amount_cents": 1, "billing_mode": "wallet"}
    return {**asked, "idempotency_key": key}


def measured(client: DynamoDBClient, environment: dict[str, str], way: str, processes: int) -> Point:
    """Let the processes charge one wallet at once; the books are checked in the end."""
    account, (charge, charges) = f"acct_{uuid.uuid4().hex}", WAYS[way]
    parts = [put_together(client, environment) for _ in range(processes)]
    fund(parts[0], account, FUNDED_CENTS)
    with redirect_stdout(io.StringIO()), metered(client) as meter:
        got = steadily(lambda number, key: charge(parts[number], account, key), processes, _transactions_of(meter))
    audited(parts[0], account)
    return Point(processes, way, charges * got.per_second, got.counted, max(0, got.counted - got.acts))


def bare(client: DynamoDBClient, environment: dict[str, str], processes: int) -> Point:
    """The same by two calls of boto3 alone, tried again after up to 20 ms: nothing stands back for anybody."""
    account = f"acct_{uuid.uuid4().hex}"
    charge = bare_charge(client, environment["WALLETS_TABLE"], environment["LEDGER_TABLE"], account)
    with metered(client) as meter:
        got = steadily(lambda _, key: charge(key), processes, _transactions_of(meter))
    return Point(processes, "bare boto3", got.per_second, got.counted, max(0, got.counted - got.acts))


def curve(client: DynamoDBClient, processes: Sequence[int] = PROCESSES) -> Iterator[Point]:
    """Every way of charging, by so many processes each."""
    environment = made_tables(client, uuid.uuid4().hex)
    for number in processes:
        yield measured(client, environment, "one by one", number)
    for number in processes:
        yield bare(client, environment, number)
    for number in processes:
        yield measured(client, environment, "batches of 90", number)


WAYS: dict[str, tuple[Charging, int]] = {"one by one": (one_by_one, 1), "batches of 90": (batched, BATCH)}
"""How a request charges, and how many charges it is: a batch of 90 of one account is one transaction."""


def _transactions_of(meter: Meter) -> Callable[[], int]:
    return lambda: meter.operations.count("TransactWriteItems")


def main() -> None:
    """Print the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=PROCESSES)
    options = parser.parse_args()
    with dynamodb_local(STATE / "dynamodb", None) as url:
        client = connected(url)
        print("| charges | processes | a second | transactions | in vain |\n| --- | ---: | ---: | ---: | ---: |")
        for point in curve(client, options.processes):
            print(point.row(), flush=True)


if __name__ == "__main__":
    main()
