"""What each operation costs at DynamoDB, through the function's own handler, is within its budget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from aerostack_billing.platform import clock
from local.paths import ROOT
from local.template import load_app
from tests.benchmarks.acts import due_of
from tests.benchmarks.budgets import Operation
from tests.benchmarks.operations import OPERATIONS
from tests.benchmarks.place import Place, opened
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.stripe import StripeWorld, serving

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


@pytest.fixture(scope="module")
def stripe() -> Iterator[tuple[StripeWorld, Time]]:
    """One local Stripe for all operations, and the time that it goes by."""
    time = Time()
    with serving(time) as world:
        yield world, time


@pytest.fixture
def place(client: DynamoDBClient, stripe: tuple[StripeWorld, Time], time_stands: Time) -> Iterator[Place]:
    with opened(client, *stripe) as place, clock.using(place.time.unix):
        yield place


def test_every_function_has_an_operation_whose_cost_is_known() -> None:
    functions = {function.code_dir.name for function in load_app(ROOT / "template.yaml").functions.values()}
    assert {operation.function for operation in OPERATIONS} == functions


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_costs_no_more_than_its_budget(operation: Operation, place: Place, meter: Meter) -> None:
    act = operation.prepare(place)
    meter.reset()
    act()
    assert operation.budget.holds(meter.spent()), (meter.spent(), meter.operations)


def test_finding_what_is_due_costs_by_what_is_due_and_not_by_the_wallets_there_are(place: Place, meter: Meter) -> None:
    costs = []
    for wallets in (20, 2_000):
        find = due_of(place, 10, wallets)
        meter.reset()
        find()
        costs.append(meter.spent())
    assert costs[0] == costs[1]
    assert costs[0][:2] <= (2, 0)
