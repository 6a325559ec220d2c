"""Each curl of the published document gets the published answer: no field renamed, none dropped, no type changed."""

from __future__ import annotations

import pytest

from tests.flows.client import Account, Api, Json


def test_a_new_account_is_told_as_the_document_says(account: Account) -> None:
    assert account.billing() == {
        "plan_tier": "free",
        "status": "active",
        "billing_interval": "monthly",
        "stripe_customer_id": None,
        "stripe_subscription_id": None,
        "current_period_start": None,
        "current_period_end": None,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "trial_ends_at": None,
        "pending_change": None,
        "payment_issue": None,
    }


def test_plans_are_told_to_anyone_with_pricing_and_features(api: Api) -> None:
    answer = api.send("GET", "/api/billing/plans")
    assert answer.status_code == 200
    plans = {plan["tier"]: plan for plan in answer.json()["plans"]}
    assert {tier: (plan["price"]["monthly"], plan["price"]["yearly"]) for tier, plan in plans.items()} == {
        "free": (0, 0),
        "starter": (19, 171),
        "pro": (49, 441),
        "business": (149, 1341),
        "enterprise": ("custom", "custom"),
    }
    assert all(plan["features"] and all(isinstance(line, str) for line in plan["features"]) for plan in plans.values())


TABLE = {
    "projects": (10, 5, None, 50, None),
    "mcp_workspaces": (3, 10, 50, 200, None),
    "api_requests": (50_000, 500_000, 2_000_000, 10_000_000, None),
    "ai_tokens": (100_000, 1_000_000, 10_000_000, 100_000_000, None),
    "storage_bytes": (2_500_000_000, 7_000_000_000, 30_000_000_000, 110_000_000_000, None),
    "team_members": (1, 3, 10, 25, None),
    "gateway_apis": (3, 10, 50, 200, None),
}


def test_the_plan_overview_holds_row_by_row(api: Api) -> None:
    plans = api.send("GET", "/api/billing/plans").json()["plans"]
    body = {name: tuple(plan["limits"][name]["limit"] for plan in plans) for name in TABLE}
    assert body == TABLE
    assert [plan["grace_percent"] for plan in plans] == [10, 15, 20, 20, None]


def test_usage_of_a_starter_account_is_told_as_the_document_says(account: Account) -> None:
    account.buy("starter")
    used = {"api_requests": 42_000, "ai_tokens": 150_000, "gateway_requests": 3_000, "mcp_proxy_calls": 1_200}
    for metric, quantity in used.items():
        assert account.consume(metric, quantity).status_code == 200
    body = account.get("/api/billing/usage")
    assert body["tier"] == "starter"
    assert body["period"] == account.api.door("clock")["now"][:7]
    limits = {"api_requests": 500_000, "ai_tokens": 1_000_000, "gateway_requests": 50_000, "mcp_proxy_calls": 50_000}
    for metric, limit in limits.items():
        assert body["usage"][metric]["used"] == used[metric]
        assert body["usage"][metric]["limit"] == limit
        assert body["usage"][metric]["hard_limit"] == limit * 115 // 100
        assert body["usage"][metric]["state"] == "ok"
    assert {kind: figures["limit"] for kind, figures in body["resource_counts"].items()} == {
        "projects": 5,
        "team_members": 3,
        "gateway_apis": 10,
        "mcp_workspaces": 10,
        "realtime_connections": 1000,
    }


def test_checkout_answers_the_url_of_a_page_to_pay_on(account: Account) -> None:
    answer = account.send(
        "POST",
        "/api/billing/checkout",
        {
            "tier": "pro",
            "billing_interval": "yearly",
            "success_url": "https://app.aerostack.dev/settings/billing?success=true",
            "cancel_url": "https://app.aerostack.dev/settings/billing",
        },
    )
    assert answer.status_code == 200
    assert set(answer.json()) == {"url"}
    paid = account.api.press(answer.json()["url"])
    assert paid.status_code == 303
    assert paid.headers["Location"].startswith("https://app.aerostack.dev/settings/billing?success=true&session_id=cs_")


def test_cancel_answers_the_published_words(account: Account) -> None:
    account.buy("starter")
    answer = account.cancel()
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "Subscription will be canceled at end of billing period",
    }


def test_portal_answers_a_url(account: Account) -> None:
    account.buy("starter")
    answer = account.get("/api/billing/portal")
    assert set(answer) == {"url"}
    assert answer["url"].startswith("http")


@pytest.mark.parametrize(
    ("quantity", "status", "state"),
    [(50_000, 200, "ok"), (50_001, 200, "grace"), (54_999, 200, "grace"), (55_000, 200, "blocked")],
)
def test_the_grace_zone_of_the_free_plan_is_as_published(
    account: Account, quantity: int, status: int, state: str
) -> None:
    answer = account.consume(quantity=quantity)
    assert (answer.status_code, answer.json()["state"]) == (status, state)
    body: Json = account.usage("api_requests")
    assert (body["used"], body["state"]) == (quantity, state)


def test_above_the_grace_zone_a_request_is_blocked_with_a_403(account: Account) -> None:
    assert account.consume(quantity=55_000).status_code == 200
    assert account.consume().status_code == 403
