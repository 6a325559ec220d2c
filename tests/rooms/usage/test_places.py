"""Places for resources: as many as the plan has, at any concurrency; read-only, never deleted, after a downgrade."""

from __future__ import annotations

from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import correlation
from aerostack_billing.usage.models import Place
from aerostack_billing.usage.places import PlaceStore
from aerostack_billing.values.errors import PlanLimitExceeded, UnknownResourceKind
from tests.rooms.conftest import Time
from tests.rooms.worlds.usage import batch, claim, consume, free, move_to, take


def listed(parts: Runtime, account: str, kind: str = "projects") -> list[tuple[str, bool]]:
    items: Any = parts.usage.resources.view(account)["resources"]
    return [(item["id"], item["read_only"]) for item in items[kind]["items"]]


def test_the_plan_has_as_many_places_as_it_says_and_no_grace(parts: Runtime, account: str) -> None:
    for i in range(3):
        assert claim(parts, account, f"ws{i}", "mcp_workspaces")["read_only"] is False
    with pytest.raises(PlanLimitExceeded) as refused:
        claim(parts, account, "ws3", "mcp_workspaces")
    assert (refused.value.details["used"], refused.value.details["limit"]) == (3, 3)
    assert len(listed(parts, account, "mcp_workspaces")) == 3


def test_claiming_again_takes_no_second_place_also_when_all_are_taken(parts: Runtime, account: str) -> None:
    first = claim(parts, account, "me", "team_members")
    again = claim(parts, account, "me", "team_members")
    assert (again["used"], again["created_at"]) == (1, first["created_at"])


def test_freeing_gives_the_place_back_once(parts: Runtime, account: str) -> None:
    claim(parts, account, "a")
    claim(parts, account, "b")
    assert free(parts, account, "a") == {"kind": "projects", "id": "a", "freed": True, "used": 1, "limit": 10}
    assert free(parts, account, "a")["used"] == 1
    assert free(parts, account, "never", "team_members")["used"] == 0


def test_freeing_in_an_account_never_seen_changes_nothing(parts: Runtime, account: str) -> None:
    assert free(parts, account, "a")["freed"] is False
    assert parts.usage.store.read(account, ["resources"], consistent=True) == {}


def test_64_at_once_for_ten_places_take_exactly_ten(parts: Runtime, account: str) -> None:
    def attempt(i: int) -> bool:
        try:
            claim(parts, account, f"p{i}")
        except PlanLimitExceeded:
            return False
        return True

    with ThreadPoolExecutor(32) as pool:
        taken = Tally(pool.map(attempt, range(64)))
    assert taken[True] == 10
    assert len(listed(parts, account)) == 10


def test_the_same_resource_claimed_by_16_at_once_takes_one_place(parts: Runtime, account: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: claim(parts, account, "same"), range(16)))
    assert listed(parts, account) == [("same", False)]
    assert parts.usage.store.read(account, ["resources"], consistent=True)["resources"].counters["projects"].used == 1


def test_an_unknown_kind_is_refused(parts: Runtime, account: str) -> None:
    with pytest.raises(UnknownResourceKind):
        claim(parts, account, "a", "project")


def test_after_a_downgrade_the_newest_are_read_only_and_come_back_in_order(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    move_to(parts, account, "starter")
    for i in range(5):
        claim(parts, account, f"api{i}", "gateway_apis")
        time_stands.forward(1)
    move_to(parts, account, "free")
    marks = listed(parts, account, "gateway_apis")
    assert marks == [("api0", False), ("api1", False), ("api2", False), ("api3", True), ("api4", True)]
    with pytest.raises(PlanLimitExceeded):
        claim(parts, account, "api5", "gateway_apis")
    again = {name: claim(parts, account, name, "gateway_apis")["read_only"] for name in ("api2", "api3", "api4")}
    assert again == {"api2": False, "api3": True, "api4": True}
    free(parts, account, "api0", "gateway_apis")
    marks = listed(parts, account, "gateway_apis")
    assert marks == [("api1", False), ("api2", False), ("api3", False), ("api4", True)]
    move_to(parts, account, "starter")
    assert not any(read_only for _, read_only in listed(parts, account, "gateway_apis"))


def test_starter_has_fewer_projects_than_free_as_published(parts: Runtime, account: str, time_stands: Time) -> None:
    for i in range(10):
        claim(parts, account, f"p{i}")
        time_stands.forward(1)
    move_to(parts, account, "starter")
    assert [read_only for _, read_only in listed(parts, account)] == [False] * 5 + [True] * 5


def test_a_place_that_is_freed_while_it_is_ranked_is_answered_like_any_other(
    parts: Runtime, account: str, time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_to(parts, account, "starter")
    for i in range(5):
        claim(parts, account, f"api{i}", "gateway_apis")
        time_stands.forward(1)
    move_to(parts, account, "free")
    every = PlaceStore.all

    def freed_meanwhile(places: PlaceStore, account_id: str) -> list[Place]:
        free(parts, account, "api4", "gateway_apis")
        return every(places, account_id)

    monkeypatch.setattr(PlaceStore, "all", freed_meanwhile)
    assert claim(parts, account, "api4", "gateway_apis")["read_only"] is True


def test_who_claimed_a_place_is_kept_and_who_frees_one_or_gives_storage_back_leaves_a_line(
    parts: Runtime, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    with correlation.using("r1", "svc_a"):
        claim(parts, account, "one")
        take(parts, account, idempotency_key="k")
        consume(parts, account, 500, "storage_bytes")
    kept = {str(item["period"]).split("#")[0]: item.get("caller") for item in items(parts, account)}
    assert (kept["place"], kept["lease"]) == ("svc_a", "svc_a")
    with correlation.using("r2", "svc_b"):
        free(parts, account, "one")
        free(parts, account, "one")
        consume(parts, account, -200, "storage_bytes")
        batch(parts, {"account_id": account, "metric": "storage_bytes", "quantity": -100})
    told = [vars(record) for record in caplog.records if record.message == "quota given back"]
    assert [(line["metric"], line["quantity"], line["caller"]) for line in told] == [
        ("projects/one", 1, "svc_b"),
        ("storage_bytes", 200, "svc_b"),
        ("storage_bytes", 100, "svc_b"),
    ]


def items(parts: Runtime, account: str) -> list[dict[str, object]]:
    return list(parts.dynamo.query(parts.settings.usage_table, "account_id = :a", {":a": account}))
