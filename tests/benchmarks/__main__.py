"""`make bench`: what each operation costs, beside its budget and beside others; prints it, and notes it in the docs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from aerostack_billing.platform import clock
from local.aws.dynamodb_local import dynamodb_local
from local.paths import ROOT, STATE
from tests.benchmarks import backlog, charges, cold, crowds, many_wallets, report, warm, wrappers
from tests.benchmarks.acts import due_of
from tests.benchmarks.budgets import Act, Operation
from tests.benchmarks.operations import OPERATIONS
from tests.benchmarks.place import Place, in_process, opened
from tests.rooms.conftest import MARCH, Time, connected, metered
from tests.rooms.worlds.stripe import StripeWorld, serving

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

WALLETS = 100_000
WARM_TIMES = 15
COLD_TIMES = 5
SCHEDULED = frozenset({"auto_reload", "expire_holds", "payout", "publish_events", "reconcile", "audit"})
"""Run by threads of their own, and nobody waits for them: their warm time is no caller's."""

# What a cold start would pay for what was left out: lines before the function's own.
STEPS = {
    "boto3 on top of botocore": "import boto3.session, boto3.dynamodb.types",
    "Powertools' Logger before there is anything to log": "from aws_lambda_powertools import Logger; Logger()",
    "Powertools' event classes": "from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2",
    "the Stripe SDK where Stripe is not asked": "import stripe",
}


class Bench:
    """DynamoDB Local, a local Stripe, and places on them."""

    def __init__(self, endpoint: str, client: DynamoDBClient, stripe: StripeWorld, moment: Time) -> None:
        self.endpoint, self.client, self.stripe, self.moment = endpoint, client, stripe, moment

    @contextmanager
    def place(self, at: float = MARCH) -> Iterator[Place]:
        """A place with tables of its own."""
        with clock.using(self.moment.unix), opened(self.client, self.stripe, self.moment, at=at) as place:
            yield place

    def counts(self) -> Iterator[report.Count]:
        """Requests and capacity units of every operation."""
        for operation in OPERATIONS:
            yield report.Count(operation.name, self._spent(operation.prepare), operation.budget)

        def find(place: Place) -> Act:
            return due_of(place, 10, WALLETS)

        yield report.Count(f"finding 10 due of {WALLETS:,} wallets", self._spent(find), report.FINDING_DUE)

    def _spent(self, prepare: Callable[[Place], Act]) -> tuple[int, float, float]:
        with self.place() as place:
            act = prepare(place)
            with metered(self.client) as meter:
                act()
                return meter.spent()

    def warmth(self) -> list[warm.Warm]:
        """What each handler adds to its calls."""
        places: Callable[[], AbstractContextManager[Place]] = self.place
        measured = [
            warm.measure(operation, places, WARM_TIMES)
            for operation in OPERATIONS
            if operation.function not in SCHEDULED
        ]
        return [one for one in measured if one is not None]

    def colds(self) -> tuple[dict[str, cold.Starts], dict[str, cold.Starts]]:
        """Starts by function, and of variants of `consume`; the floor is a function's and a variant's neighbour."""
        folders = cold.Folders.filled(STATE / "bench")
        code = {name: ROOT / "functions" / name for name in _first_of_each_function()}
        deployed = (folders.layer, folders.runtime)
        variants = {
            "bytecode": ((_without_bytecode(folders), folders.runtime), code["consume"]),
            "botocore's whole data": ((folders.floor, *deployed), code["consume"]),
            **{name: ((*deployed, folders.floor), _with_line(folders, name, line)) for name, line in STEPS.items()},
        }
        functions: dict[str, cold.Starts] = {name: cold.Starts() for name in ("floor", *code)}
        steps: dict[str, cold.Starts] = {name: cold.Starts() for name in variants}
        for _ in range(COLD_TIMES):
            functions["floor"].each.append(cold.start((folders.floor, folders.runtime), folders.floor, {}, _AWS)[1])
            for name, operation in _first_of_each_function().items():
                functions[name].each.append(self._start(operation, deployed, code[name]))
            for name, (paths, folder) in variants.items():
                steps[name].each.append(self._start(_first_of_each_function()["consume"], paths, folder))
        return functions, steps

    def _start(self, operation: Operation, paths: Any, code: Any) -> cold.Started:
        started: list[cold.Started] = []
        # The process that is started goes by the real clock.
        with self.place(time.time()) as place:
            settings = dict(place.parts.settings.environment)
            act = operation.prepare(place)
            with cold.environment(settings, self.endpoint) as variables:

                def invoke(function: str, event: object) -> object:
                    if function != operation.function:
                        return in_process(function, event)
                    answer, took = cold.start(paths, code, event, variables)
                    started.append(took)
                    return answer

                with mock.patch.object(place.hands, "invoke", invoke):
                    act()
        return started[0]

    def charging(self) -> tuple[dict[str, charges.Charging], str]:
        """The same charge by each that is here; and why one is not."""
        found, missing = {}, ""
        with self.place() as place, metered(self.client) as meter:
            place.fund(10_000_000)
            found["bare boto3"] = charges.by_boto3(place, lambda: meter.requests)
            found["Aerostack billing"] = charges.by_handler(place, lambda: meter.requests)
        try:
            found["stapel-billing on PostgreSQL"] = charges.by_stapel()
        except charges.Unavailable as why:
            missing = f"stapel-billing on PostgreSQL was left out: {why}."
        return found, missing


_AWS = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


def _first_of_each_function() -> dict[str, Operation]:
    first: dict[str, Operation] = {}
    for operation in OPERATIONS:
        first.setdefault(operation.function, operation)
    return first


def _without_bytecode(folders: cold.Folders) -> Any:
    copy = folders.layer.parent / "no-bytecode"
    cold.copied(folders.layer, copy)
    return copy


def _with_line(folders: cold.Folders, name: str, line: str) -> Any:
    folder = folders.layer.parent / "variants" / "".join(c if c.isalnum() else "-" for c in name)
    folder.mkdir(parents=True, exist_ok=True)
    own = (ROOT / "functions" / "consume" / "app.py").read_text()
    (folder / "app.py").write_text(f"{line}\n{own}")
    return folder


def main() -> None:
    """Measure everything once, print it, write it."""
    moment = Time()
    with _unheard(), dynamodb_local(STATE / "dynamodb", None) as endpoint, serving(moment) as stripe:
        bench = Bench(endpoint, connected(endpoint), stripe, moment)
        _say("counting ...")
        counts = list(bench.counts())
        _say("a million events ...")
        with bench.place() as place:
            backlogs = list(backlog.measured(place))
        _say("ten thousand wallets ...")
        with bench.place() as place:
            audits = list(many_wallets.measured(place))
        _say("warm handlers ...")
        warmth = bench.warmth()
        _say("the same charge by others ...")
        charged, missing = bench.charging()
        _say("crowds on one wallet ...")
        crowded = crowds.measured(bench.client)
        _say("cold starts ...")
        functions, steps = bench.colds()
        _say("the client's wrappers ...")
        wrapped = list(wrappers.measured())
    many = (backlogs, audits)
    text = report.tables(counts, warmth, functions, steps, charged, missing, wrapped, many, crowds=crowded)
    sys.stdout.write(text)
    for line in report.noted(text):
        _say(line)
    over = [count.name for count in counts if not count.budget.holds(count.spent)]
    sys.exit(f"over budget: {', '.join(over)}" if over else 0)


@contextmanager
def _unheard() -> Iterator[None]:
    """What the functions log goes nowhere: the table is all that is printed."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
