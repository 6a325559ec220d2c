"""The same charge three times: by this service's handler, by bare boto3, and by stapel-billing on PostgreSQL."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from local.paths import ROOT
from tests.benchmarks.place import Place
from tests.benchmarks.points import Point
from tests.benchmarks.rates import Charging, timed

_LONGEST_WAIT_SECONDS = 0.02
STAPEL_PYTHON = ROOT / ".venv-bench" / "bin" / "python"


class Unavailable(Exception):
    """What is compared with is not here; the message says why."""


def by_handler(place: Place, requests: Callable[[], int]) -> Charging:
    """By the function's handler, with everything on."""
    asked = {"kind": "bot_conversation", "amount_cents": 2, "billing_mode": "wallet", "reference": "conversation"}
    return timed(lambda key: place.service("charge", {**asked, "idempotency_key": key}, expect=201), requests)


def by_boto3(place: Place, requests: Callable[[], int]) -> Charging:
    """By the two calls alone, one after another and by many threads."""
    settings = place.parts.settings
    return timed(bare_charge(place.client, settings.wallets_table, settings.ledger_table, "acct_bare"), requests)


def bare_charge(client: Any, *tables_and_account: str) -> Callable[[str], None]:
    """A charge by two calls: read the wallet, and in one transaction debit it as read and put the transfer.

    Nothing is checked, validated or logged, and the dedupe is a transfer's id. A collision is tried again.
    """
    *tables, account = tables_and_account
    wallet = {"account_id": {"S": account}, "item": {"S": "wallet"}}
    client.put_item(TableName=tables[0], Item={**wallet, "version": {"N": "0"}, "balance": {"N": "100000000"}})

    def once(key: str) -> None:
        read = client.get_item(TableName=tables[0], Key=wallet, ConsistentRead=True)["Item"]
        version, left = int(read["version"]["N"]), int(read["balance"]["N"]) - 20_000
        transfer = {"account_id": {"S": account}, "transfer_id": {"S": key}, "seq": {"N": str(version + 1)}}
        after = {**wallet, "version": {"N": str(version + 1)}, "balance": {"N": str(left)}}
        debit = {
            "TableName": tables[0],
            "Item": after,
            "ConditionExpression": "version = :read",
            "ExpressionAttributeValues": {":read": {"N": str(version)}},
        }
        put = {
            "TableName": tables[1],
            "Item": {**transfer, "amount": {"N": "20000"}, "balance_after": {"N": str(left)}},
            "ConditionExpression": "attribute_not_exists(account_id)",
        }
        client.transact_write_items(TransactItems=[{"Put": debit}, {"Put": put}])

    def charge(key: str) -> None:
        done = False
        while not done:
            with suppress(client.exceptions.TransactionCanceledException):
                once(key)
                done = True
            if not done:
                time.sleep(random.uniform(0, _LONGEST_WAIT_SECONDS))

    return charge


def by_stapel() -> Charging:
    """By stapel-billing's `debit` with an idempotency key, on a PostgreSQL of its own with its default durability.

    Unavailable where its environment or PostgreSQL is not here.
    """
    return Charging(**json.loads(_stapel()))


def stapel_points(processes: Sequence[int]) -> list[Point]:
    """What crowds get of one wallet by it; Unavailable as `by_stapel`. A thread has a connection of its own."""
    told = json.loads(_stapel("curve", *map(str, processes)))
    return [Point(number, "stapel-billing on PostgreSQL", rate, 0, 0) for number, rate in told]


def _stapel(*arguments: str) -> str:
    """The last line that its script prints."""
    if not STAPEL_PYTHON.exists():
        raise Unavailable("its packages could not be installed (see requirements-bench.txt)")
    with _postgres() as url:
        script = Path(__file__).parent / "stapel_charges.py"
        answer = subprocess.run(
            [str(STAPEL_PYTHON), str(script), *arguments],
            env={**os.environ, "STAPEL_TEST_DATABASE_URL": url, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
            text=True,
        )
    if answer.returncode != 0:
        raise Unavailable(f"it failed: {answer.stderr.strip().splitlines()[-1:]}")
    return answer.stdout.splitlines()[-1]


@contextmanager
def _postgres() -> Iterator[str]:
    found = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    initdb = shutil.which("initdb") or (str(found / "initdb") if found else None)
    if initdb is None:
        raise Unavailable("PostgreSQL is not here (on Debian: apt-get install postgresql)")
    programs = Path(initdb).resolve().parent
    # PostgreSQL does not run as root.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="bench-postgres-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        if as_user:
            shutil.chown(folder, "postgres")
        data = f"{folder}/data"
        quiet: Any = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
        subprocess.run([*as_user, programs / "initdb", "-A", "trust", "-U", "bench", "-D", data], **quiet)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        control = [*as_user, programs / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-l", f"{folder}/log", "-o", options, "start"], **quiet)
        try:
            yield f"postgresql://bench@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
