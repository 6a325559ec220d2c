"""The audit of usage: true counters pass, and each kind of false one is named."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM
from tests.rooms.conftest import Time
from tests.rooms.worlds.usage import claim, consume, free, move_to

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

MONTH = "2026-03"


@pytest.fixture
def used(parts: Runtime, account: str) -> str:
    """An account that used requests, holds storage and three projects, and was on two plans."""
    consume(parts, account, 120)
    consume(parts, account, 1_000, metric="storage_bytes")
    for name in "abc":
        claim(parts, account, name)
    free(parts, account, "b")
    move_to(parts, account, "pro")
    return account


def named(parts: Runtime, account: str) -> list[tuple[str, object, object]]:
    """What the audit finds wrong with the account."""
    return [(v.invariant, v.expected, v.found) for v in parts.audit.service.run(account).violations]


def set_to(client: DynamoDBClient, parts: Runtime, account: str, item: str, **values: str) -> None:
    """Write attributes manually, as no code of ours does."""
    client.update_item(
        TableName=parts.settings.usage_table,
        Key={"account_id": {"S": account}, "period": {"S": item}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={
            f":{name}": {"N" if value.lstrip("-").isdigit() else "S": value} for name, value in values.items()
        },
    )


def test_counters_that_were_used_through_a_change_of_plan_are_true(parts: Runtime, used: str) -> None:
    assert named(parts, used) == []
    assert parts.audit.service.run(used).counters > 10


def test_counters_of_older_months_keep_the_limits_they_had(parts: Runtime, used: str, time_stands: Time) -> None:
    time_stands.to(2026, 4, 2)
    move_to(parts, used, "starter")
    assert named(parts, used) == []


def test_a_counter_whose_room_is_false_is_named(client: DynamoDBClient, parts: Runtime, used: str) -> None:
    set_to(client, parts, used, MONTH, api_requests_used="121")
    answer = (f"used and room of api_requests in {MONTH} are the hard limit", 2_400_000, 2_400_001)
    assert named(parts, used) == [answer]


def test_a_false_counter_is_found_among_all(client: DynamoDBClient, parts_alone: Runtime, account: str) -> None:
    consume(parts_alone, account, 120)
    set_to(client, parts_alone, account, MONTH, api_requests_used="121")
    (found,) = parts_alone.audit.service.run(None).violations
    answer = (f"used and room of api_requests in {MONTH} are the hard limit", 55_000, 55_001)
    assert (found.account_id, found.invariant, found.expected, found.found) == (account, *answer)


def test_a_gauge_below_zero_is_named(client: DynamoDBClient, parts: Runtime, used: str) -> None:
    set_to(client, parts, used, STORAGE_ITEM, storage_bytes_used="-1", storage_bytes_room="36000000001")
    assert named(parts, used) == [("used of storage_bytes in storage is not below zero", 0, -1)]


def test_counters_of_another_plan_than_the_accounts_are_named(parts: Runtime, used: str) -> None:
    account = parts.accounts.store.get(used)
    # As if the counters had been forgotten.
    parts.accounts.store.write_plan(account, PlanState(tier="free"), [], None)
    answer = [invariant for invariant, _, _ in named(parts, used)]
    assert answer == [
        f"the counters of {name} carry the account's plan" for name in (MONTH, RESOURCES_ITEM, STORAGE_ITEM)
    ]


def test_a_place_that_is_counted_and_not_there_is_named(client: DynamoDBClient, parts: Runtime, used: str) -> None:
    client.delete_item(
        TableName=parts.settings.usage_table,
        Key={"account_id": {"S": used}, "period": {"S": "place#projects#a"}},
    )
    assert named(parts, used) == [("places of projects are what takes them", 1, 2)]


def test_what_changes_while_it_is_audited_is_no_violation(parts: Runtime, processes: list[Runtime], used: str) -> None:
    over = threading.Event()

    def change() -> None:
        try:
            for number in range(30):
                claim(processes[0], used, f"p{number}")
                move_to(processes[0], used, "business" if number % 2 else "pro")
        finally:
            over.set()

    changing = threading.Thread(target=change)
    changing.start()
    while not over.is_set():
        assert parts.audit.service.run(used).violations == ()
    changing.join()
