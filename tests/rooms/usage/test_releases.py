"""A release that changes limits: every counter is right at its next touch, and the audit moves the rest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.plans import catalog
from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.plans.models import CatalogData
from aerostack_billing.platform.dynamo import Dynamo
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM
from aerostack_billing.values.errors import PlanLimitExceeded
from tests.rooms.conftest import ROOT, Meter
from tests.rooms.worlds.usage import batch, claim, consume, counter, event, free, move_to, settle, take

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

Change = Callable[[dict[str, Any]], None]
LIMITS = (
    "tiers grace_percent monthly_quotas resources storage_bytes burst_requests_per_minute".split()  # noqa: SIM905
)


def released(parts: Runtime, client: DynamoDBClient, change: Change) -> Runtime:
    """The next release on the same tables: its catalog is this one with the change."""
    data = json.loads(parts.catalog.data.model_dump_json())
    data["limits_version"] += 1
    change(data)
    after = Runtime(parts.settings)
    after.dynamo = Dynamo(client)
    after.catalog = Catalog(CatalogData.model_validate_json(json.dumps(data)))
    return after


def free_requests(limit: int) -> Change:
    """The release that gives Free that many API requests a month."""
    return lambda data: data["monthly_quotas"]["api_requests"].update(free=limit)


def wrong(parts: Runtime, account: str) -> list[object]:
    return list(parts.audit.service.run(account).violations)


def test_limits_do_not_change_without_a_new_version_of_them() -> None:
    """The counters carry the version: a change without it would reach none of them."""
    data = json.loads((ROOT / "layers/common/aerostack_billing/plans/catalog.json").read_text())
    kept = json.loads((ROOT / "tests/rooms/plans/limits.json").read_text())
    limits = hashlib.sha256(json.dumps({name: data[name] for name in LIMITS}, sort_keys=True).encode()).hexdigest()
    raise_it = "raise limits_version in catalog.json, then write it and this digest into tests/rooms/plans/limits.json"
    assert kept == {"limits_version": data["limits_version"], "sha256": limits}, raise_it


@pytest.mark.parametrize("limit", [100_000, 20_000, 45_000])
def test_a_limit_that_was_changed_holds_at_the_next_touch(
    parts: Runtime, client: DynamoDBClient, account: str, limit: int
) -> None:
    consume(parts, account, 40_000)
    after = released(parts, client, free_requests(limit))
    hard = limit * 110 // 100
    if hard > 40_000:
        shown = consume(after, account)
        assert (shown["used"], shown["limit"], shown["hard_limit"]) == (40_001, limit, hard)
        consume(after, account, hard - 40_001)
    with pytest.raises(PlanLimitExceeded) as refused:
        consume(after, account)
    assert refused.value.details["hard_limit"] == hard
    assert wrong(after, account) == []


@pytest.mark.parametrize("touch", ["consume", "keyed", "batch", "keyed batch", "lease", "keyed lease"])
def test_every_way_to_count_meets_the_new_limit(
    parts: Runtime, client: DynamoDBClient, account: str, touch: str
) -> None:
    consume(parts, account, 55_000)
    after = released(parts, client, free_requests(100_000))
    ways: dict[str, Callable[[], object]] = {
        "consume": lambda: consume(after, account, 100),
        "keyed": lambda: consume(after, account, 100, idempotency_key="k"),
        "batch": lambda: batch(after, event(account, 60), event(account, 40)),
        "keyed batch": lambda: batch(after, event(account, 60, idempotency_key="k"), event(account, 40)),
        "lease": lambda: take(after, account, 100),
        "keyed lease": lambda: take(after, account, 100, idempotency_key="k"),
    }
    ways[touch]()
    assert counter(after, account) == (55_100, 110_000 - 55_100)


def test_what_is_shown_is_the_new_limit_before_any_touch(parts: Runtime, client: DynamoDBClient, account: str) -> None:
    consume(parts, account, 40_000)
    after = released(parts, client, free_requests(20_000))
    shown = after.usage.overview.view(account, None)["usage"]["api_requests"]
    assert (shown["used"], shown["limit"], shown["hard_limit"], shown["state"]) == (40_000, 20_000, 22_000, "blocked")


def test_storage_and_places_meet_the_new_limit_and_can_always_be_given_back(
    parts: Runtime, client: DynamoDBClient, account: str
) -> None:
    consume(parts, account, 1_000, "storage_bytes")
    for name in "abc":
        claim(parts, account, name)

    def change(data: dict[str, Any]) -> None:
        data["storage_bytes"]["free"] = 500
        data["resources"]["projects"]["free"] = 2

    after = released(parts, client, change)
    assert free(after, account, "a")["freed"]
    with pytest.raises(PlanLimitExceeded):
        claim(after, account, "d")
    consume(after, account, -600, "storage_bytes")
    consume(after, account, 150, "storage_bytes")
    with pytest.raises(PlanLimitExceeded):
        consume(after, account, 1, "storage_bytes")
    assert wrong(after, account) == []


def test_a_metric_that_a_release_adds_begins_at_zero_and_one_that_it_removes_is_refused(
    parts: Runtime, client: DynamoDBClient, account: str
) -> None:
    consume(parts, account, 10)
    consume(parts, account, 10, "email_sends")

    def change(data: dict[str, Any]) -> None:
        data["monthly_quotas"]["sms_sends"] = data["monthly_quotas"].pop("email_sends")

    after = released(parts, client, change)
    assert consume(after, account, 7, "sms_sends")["used"] == 7
    assert consume(after, account)["used"] == 11
    with pytest.raises(Exception, match="no metric"):
        consume(after, account, 1, "email_sends")
    assert "email_sends" not in after.usage.overview.view(account, None)["usage"]
    assert wrong(after, account) == []


def test_the_audit_moves_what_nobody_touches(
    parts: Runtime, client: DynamoDBClient, account: str, meter: Meter
) -> None:
    consume(parts, account, 40_000)
    consume(parts, account, 1_000, "storage_bytes")
    claim(parts, account, "a")
    after = released(parts, client, free_requests(100_000))
    assert wrong(after, account) == []
    counters_items = after.usage.store.read(account, ["2026-03", STORAGE_ITEM, RESOURCES_ITEM], consistent=True)
    assert {item.limits_version for item in counters_items.values()} == {after.catalog.data.limits_version}
    assert counters_items["2026-03"].counters["api_requests"].room == 70_000
    meter.reset()
    assert wrong(after, account) == []
    assert meter.spent()[1] == 0


def test_a_plan_that_changes_after_a_release_carries_the_new_limits(
    parts: Runtime, client: DynamoDBClient, account: str
) -> None:
    consume(parts, account, 40_000)
    after = released(parts, client, lambda data: data["monthly_quotas"]["api_requests"].update(pro=3_000_000))
    move_to(after, account, "pro")
    assert counter(after, account) == (40_000, 3_600_000 - 40_000)
    assert wrong(after, account) == []


def test_an_older_release_that_still_runs_leaves_the_newer_limits_alone(
    parts: Runtime, client: DynamoDBClient, account: str
) -> None:
    after = released(parts, client, free_requests(100_000))
    consume(after, account, 60_000)
    assert consume(parts, account)["used"] == 60_001
    assert counter(after, account) == (60_001, 110_000 - 60_001)


def test_a_release_under_load_counts_each_request_once(parts: Runtime, client: DynamoDBClient, account: str) -> None:
    consume(parts, account, 54_000)
    after = [released(parts, client, free_requests(54_000)) for _ in range(4)]

    def one(process: Runtime) -> int:
        try:
            consume(process, account, 100, "ai_tokens")
            consume(process, account, 10)
        except PlanLimitExceeded:
            return 0
        return 10

    with ThreadPoolExecutor(8) as pool:
        counted = sum(pool.map(one, [parts, *after] * 12))
    used, room = counter(after[0], account)
    assert (used, used + room) == (54_000 + counted, 59_400)


def test_a_lease_outlives_a_release(parts: Runtime, client: DynamoDBClient, account: str) -> None:
    lease = take(parts, account, 1_000)
    after = released(parts, client, free_requests(20_000))
    assert settle(after, account, lease, 400) == 600
    assert consume(after, account)["hard_limit"] == 22_000
    assert counter(after, account) == (401, 22_000 - 401)


def test_a_threshold_is_announced_again_only_where_its_limit_moved(
    parts: Runtime, client: DynamoDBClient, account: str
) -> None:
    consume(parts, account, 45_000)
    consume(parts, account, 90_000, "ai_tokens")
    after = released(parts, client, free_requests(100_000))
    consume(after, account)
    counters_item = after.usage.store.counters_item(account, "2026-03")
    assert (counters_item.counters["api_requests"].announced, counters_item.counters["ai_tokens"].announced) == (0, 1)


def test_the_catalog_that_ships_is_the_one_that_is_loaded() -> None:
    assert catalog.load().data.limits_version >= 1
