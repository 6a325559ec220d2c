"""The catalog says what the product publishes, and a figure that does not hang together stops the load."""

from __future__ import annotations

import copy
import json
from importlib import resources

import pytest
from pydantic import ValidationError

from aerostack_billing.plans import catalog
from aerostack_billing.plans.models import UNLIMITED_ROOM, CatalogData, Limit
from aerostack_billing.values.errors import UnknownMetric, UnknownResourceKind

PUBLISHED = {
    "price_monthly": (0, 19, 49, 149, "custom"),
    "price_yearly": (0, 171, 441, 1341, "custom"),
    "projects": (10, 5, None, 50, None),
    "mcp_workspaces": (3, 10, 50, 200, None),
    "api_requests": (50_000, 500_000, 2_000_000, 10_000_000, None),
    "ai_tokens": (100_000, 1_000_000, 10_000_000, 100_000_000, None),
    "storage_bytes": (2_500_000_000, 7_000_000_000, 30_000_000_000, 110_000_000_000, None),
    "team_members": (1, 3, 10, 25, None),
    "gateway_apis": (3, 10, 50, 200, None),
    "realtime_connections": (200, 1_000, 5_000, 25_000, None),
    "gateway_requests": (5_000, 50_000, 500_000, 5_000_000, None),
    "grace_percent": (10, 15, 20, 20, None),
}
"""The source document's tables, tier by tier."""


def data() -> dict[str, object]:
    found: dict[str, object] = json.loads(resources.files(catalog.__package__).joinpath("catalog.json").read_text())
    return found


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_catalog_publishes_the_documents_table(name: str) -> None:
    plans = catalog.load().published()["plans"]
    assert isinstance(plans, list)

    def value(plan: dict[str, dict[str, object]]) -> object:
        if name.startswith("price_"):
            return plan["price"][name.removeprefix("price_")]
        if name == "grace_percent":
            return plan["grace_percent"]
        limit = plan["limits"][name]
        assert isinstance(limit, dict)
        return limit["limit"]

    assert tuple(value(plan) for plan in plans) == PUBLISHED[name]
    assert [plan["tier"] for plan in plans] == ["free", "starter", "pro", "business", "enterprise"]


def test_everything_in_the_catalog_is_published() -> None:
    loaded = catalog.load()
    plans = loaded.published()["plans"]
    assert isinstance(plans, list)
    named = {*loaded.data.monthly_quotas, *loaded.data.resources, *loaded.data.listed_limits, "storage_bytes"}
    for plan in plans:
        assert set(plan["limits"]) == named
        assert plan["features"]
    assert plans[4]["limits"]["log_retention_days"] == {"limit": "custom"}
    assert [plan["burst_requests_per_minute"] for plan in plans] == [100, 500, 2000, 10000, None]


@pytest.mark.parametrize(
    ("limit", "grace", "hard"),
    [(50_000, 10, 55_000), (500_000, 15, 575_000), (2_000_000, 20, 2_400_000), (1, 10, 1), (19, 10, 20), (0, 20, 0)],
)
def test_the_hard_limit_is_the_limit_and_its_grace_rounded_down(limit: int, grace: int, hard: int) -> None:
    assert Limit(limit, grace).hard_limit == hard


def test_unlimited_has_no_hard_limit_and_a_ceiling_no_account_reaches() -> None:
    assert Limit(None, 20).hard_limit is None
    assert Limit(None, 20).ceiling == UNLIMITED_ROOM


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("price_usd", "yearly", "pro"), 442),
        (("price_usd", "yearly", "enterprise"), 100),
        (("monthly_quotas", "api_requests", "free"), -1),
        (("monthly_quotas", "api_requests", "free"), "50000"),
        (("monthly_quotas", "api_requests", "free"), 0.5),
        (("grace_percent", "starter"), "15"),
        (("tiers", 0), "gratis"),
    ],
)
def test_a_wrong_figure_stops_the_load(path: tuple[str | int, ...], value: object) -> None:
    wrong = copy.deepcopy(data())
    at: object = wrong
    for step in path[:-1]:
        at = at[step]  # type: ignore[index]
    at[path[-1]] = value  # type: ignore[index]
    with pytest.raises(ValidationError):
        CatalogData.model_validate_json(json.dumps(wrong))


def test_a_missing_tier_or_a_name_used_twice_stops_the_load() -> None:
    missing, twice = data(), data()
    del missing["grace_percent"]["pro"]  # type: ignore[attr-defined]
    twice["resources"]["api_requests"] = twice["resources"]["projects"]  # type: ignore[index]
    for wrong in (missing, twice):
        with pytest.raises(ValidationError):
            CatalogData.model_validate_json(json.dumps(wrong))


@pytest.mark.parametrize("name", ["", "API_REQUESTS", "api_requests ", "projects", "log_retention_days"])
def test_a_metric_that_is_not_counted_is_refused(name: str) -> None:
    with pytest.raises(UnknownMetric):
        catalog.load().check_metric(name)


@pytest.mark.parametrize("name", ["", "project", "api_requests", "storage_bytes"])
def test_a_kind_that_takes_no_place_is_refused(name: str) -> None:
    with pytest.raises(UnknownResourceKind):
        catalog.load().check_kind(name)
