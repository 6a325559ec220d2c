"""The life of a plan: bought, used, cancelled, resumed, changed, renewed, ended."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from tests.flows.client import Account, error_of, until

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def days_of(period: dict[str, str]) -> int:
    start, end = (datetime.fromisoformat(period[name]) for name in ("current_period_start", "current_period_end"))
    return (end - start).days


# Buying


def test_a_paid_checkout_makes_the_plan_at_once_on_return(account: Account) -> None:
    account.api.door("stripe/webhooks", {"paused": True})
    try:
        body = account.buy("pro", "yearly")
    finally:
        account.api.door("stripe/webhooks", {"paused": False})
    assert (body["plan_tier"], body["status"], body["billing_interval"]) == ("pro", "active", "yearly")
    assert body["stripe_customer_id"] == account.customers()[0]["id"]
    assert body["stripe_subscription_id"] == account.subscriptions()[0]["id"]
    assert ISO.fullmatch(body["current_period_start"])
    assert ISO.fullmatch(body["current_period_end"])
    assert days_of(body) in {365, 366}
    assert body["cancel_at_period_end"] is False
    assert body["payment_issue"] is None
    assert account.billing() == body


def test_verifying_twice_changes_nothing(account: Account) -> None:
    session = account.pay(account.page("pro"))
    assert account.verify(session).json() == account.verify(session).json() == account.billing()


def test_webhooks_alone_make_the_plan(account: Account) -> None:
    account.pay(account.page("business"))
    until(lambda: account.tier() == "business")


def test_a_plan_moves_the_limits_of_the_month_under_way_and_keeps_what_was_used(account: Account) -> None:
    assert account.consume(quantity=55_000).status_code == 200
    assert account.consume().status_code == 403
    account.buy("starter")
    answer = account.consume()
    assert answer.status_code == 200
    figures = answer.json()
    assert (figures["used"], figures["limit"], figures["hard_limit"]) == (55_001, 500_000, 575_000)
    assert account.get("/api/billing/usage")["tier"] == "starter"


# Cancelling and resuming


def test_a_cancelled_plan_stays_until_its_period_ends_and_then_is_free(account: Account) -> None:
    bought = account.buy("pro")
    assert account.cancel().status_code == 200
    body = account.billing()
    assert body == {**bought, "cancel_at_period_end": True, "cancel_at": bought["current_period_end"]}
    assert account.usage("api_requests")["limit"] == 2_000_000
    account.api.advance(days=32)
    body = account.billing()
    assert (body["plan_tier"], body["status"], body["billing_interval"]) == ("free", "active", "monthly")
    assert body["stripe_subscription_id"] is None
    assert body["current_period_end"] is None
    assert body["cancel_at_period_end"] is False
    assert body["stripe_customer_id"] == bought["stripe_customer_id"]
    assert account.usage("api_requests")["limit"] == 50_000


def test_cancelling_again_gives_the_same_answer(account: Account) -> None:
    account.buy("pro")
    first, second = account.cancel(), account.cancel()
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert second.status_code == 200


def test_concurrent_requests_that_cancel_a_pending_downgrade_get_the_same_answer(account: Account) -> None:
    account.buy("business")
    account.confirm("starter")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: account.cancel(), range(8)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert account.billing()["cancel_at_period_end"] is True


def test_concurrent_requests_that_resume_get_the_plan_or_hear_that_it_goes_on(account: Account) -> None:
    bought = account.buy("business")
    account.confirm("starter")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: account.resume(), range(8)))
    assert 200 in {answer.status_code for answer in answers} <= {200, 409}
    assert account.billing() == bought


def test_a_resumed_plan_is_renewed(account: Account) -> None:
    bought = account.buy("pro")
    account.cancel()
    resumed = account.resume()
    assert resumed.status_code == 200
    assert resumed.json() == account.billing() == bought
    account.api.advance(days=32)
    body = account.billing()
    assert (body["plan_tier"], body["stripe_subscription_id"]) == ("pro", bought["stripe_subscription_id"])
    assert body["current_period_start"] == bought["current_period_end"]


def test_a_plan_that_ended_cannot_be_cancelled_or_resumed_but_bought_again(account: Account) -> None:
    first = account.buy("starter")
    account.cancel()
    account.api.advance(days=32)
    error_of(account.cancel(), 409, "NO_ACTIVE_SUBSCRIPTION")
    error_of(account.resume(), 409, "NOTHING_TO_RESUME")
    again = account.buy("pro")
    assert again["plan_tier"] == "pro"
    assert again["stripe_customer_id"] == first["stripe_customer_id"]
    assert again["stripe_subscription_id"] != first["stripe_subscription_id"]


def test_a_downgrade_makes_the_newest_resources_read_only_and_takes_nothing_away(account: Account) -> None:
    account.buy("starter")
    names = [f"ws-{n}" for n in range(5)]
    for name in names:
        assert account.claim("mcp_workspaces", name).status_code == 200
    for act in (account.cancel, account.resume, account.cancel):
        assert act().status_code == 200
    account.api.advance(days=32)
    assert account.read_only("mcp_workspaces") == {
        "ws-0": False,
        "ws-1": False,
        "ws-2": False,
        "ws-3": True,
        "ws-4": True,
    }
    error_of(account.claim("mcp_workspaces", "ws-5"), 403, "PLAN_LIMIT_EXCEEDED")
    assert account.free("mcp_workspaces", "ws-1").status_code == 200
    assert account.read_only("mcp_workspaces") == {"ws-0": False, "ws-2": False, "ws-3": False, "ws-4": True}
    account.buy("pro")
    assert not any(account.read_only("mcp_workspaces").values())


# Changing


def test_an_upgrade_is_confirmed_on_stripes_page_and_takes_effect_at_once(account: Account) -> None:
    bought = account.buy("starter")
    account.confirm("business")
    body = account.billing()
    assert body["plan_tier"] == "business"
    assert body["stripe_subscription_id"] == bought["stripe_subscription_id"]
    assert body["pending_change"] is None
    assert len(account.subscriptions()) == 1
    assert account.usage("api_requests")["limit"] == 10_000_000


def test_opening_the_confirmation_page_changes_nothing(account: Account) -> None:
    bought = account.buy("starter")
    account.page("business")
    account.api.deliver()
    assert account.billing() == bought


def test_a_downgrade_takes_effect_when_the_period_ends(account: Account) -> None:
    bought = account.buy("business")
    account.confirm("starter")
    body = account.billing()
    assert body["plan_tier"] == "business"
    assert body["pending_change"] == {
        "plan_tier": "starter",
        "billing_interval": "monthly",
        "effective_at": bought["current_period_end"],
    }
    account.api.advance(days=32)
    body = account.billing()
    assert (body["plan_tier"], body["pending_change"]) == ("starter", None)
    assert body["stripe_subscription_id"] == bought["stripe_subscription_id"]


def test_a_pending_downgrade_is_taken_back_by_resume(account: Account) -> None:
    bought = account.buy("pro")
    account.confirm("starter")
    assert account.billing()["pending_change"] is not None
    assert account.resume().json() == account.billing() == bought


def test_a_newer_wish_replaces_a_pending_downgrade(account: Account) -> None:
    account.buy("pro")
    account.confirm("starter")
    account.confirm("business")
    body = account.billing()
    assert (body["plan_tier"], body["pending_change"]) == ("business", None)
    error_of(account.resume(), 409, "NOTHING_TO_RESUME")


def test_an_upgrade_of_a_cancelled_plan_goes_on(account: Account) -> None:
    account.buy("starter")
    account.cancel()
    account.confirm("pro")
    body = account.billing()
    assert (body["plan_tier"], body["cancel_at_period_end"]) == ("pro", False)


def test_cancelling_drops_a_pending_downgrade(account: Account) -> None:
    account.buy("business")
    account.confirm("starter")
    assert account.cancel().status_code == 200
    body = account.billing()
    assert (body["cancel_at_period_end"], body["pending_change"]) == (True, None)


def test_from_monthly_to_yearly_is_a_change_at_once(account: Account) -> None:
    account.buy("pro", "monthly")
    account.confirm("pro", "yearly")
    body = account.billing()
    assert (body["plan_tier"], body["billing_interval"]) == ("pro", "yearly")
    assert days_of(body) in {365, 366}
    assert len(account.subscriptions()) == 1


def test_from_yearly_to_monthly_waits_for_the_years_end(account: Account) -> None:
    bought = account.buy("starter", "yearly")
    account.confirm("starter", "monthly")
    body = account.billing()
    assert body["billing_interval"] == "yearly"
    assert body["pending_change"] == {
        "plan_tier": "starter",
        "billing_interval": "monthly",
        "effective_at": bought["current_period_end"],
    }


# The portal


def test_the_portal_leads_back_to_the_dashboard_or_where_it_was_told(account: Account) -> None:
    account.buy("pro")
    assert account.in_portal(action="cancel").headers["Location"] == f"{account.api.stack.base_url}/"
    elsewhere = "https://app.aerostack.dev/team"
    page = account.get(f"/api/billing/portal?return_url={elsewhere}")["url"]
    assert account.api.press(page, action="resume").headers["Location"] == elsewhere


@pytest.mark.parametrize(
    "return_url", ["https://evil.example/", "javascript:alert(1)", "//evil.example", "http://app.aerostack.dev/"]
)
def test_the_portal_leads_nowhere_else(account: Account, return_url: str) -> None:
    account.buy("pro")
    answer = account.send("GET", f"/api/billing/portal?return_url={return_url}")
    assert "return_url" in error_of(answer, 422, "INVALID_REDIRECT_URL")["details"]


def test_the_portal_is_opened_by_post_as_by_get_with_a_body_or_without(account: Account) -> None:
    account.buy("pro")
    home = f"{account.api.stack.base_url}/"
    elsewhere = "https://app.aerostack.dev/team"
    for body, back in ((None, home), ({}, home), ({"return_url": None}, home), ({"return_url": elsewhere}, elsewhere)):
        page = account.send("POST", "/api/billing/portal", body)
        assert page.status_code == 200, page.text
        assert account.api.press(page.json()["url"], action="cancel").headers["Location"] == back
    error_of(account.send("POST", "/api/billing/portal", {"return_url": "//evil.example"}), 422, "INVALID_REDIRECT_URL")
    error_of(account.send("POST", "/api/billing/portal", {"return": elsewhere}), 422, "INVALID_REQUEST")
    blank = account.api.send("POST", "/api/billing/portal", token=account.token, data=" ")
    error_of(blank, 400, "INVALID_JSON")


def test_what_is_done_in_the_portal_reaches_the_account(account: Account) -> None:
    account.buy("pro")
    assert account.in_portal(action="cancel").status_code == 303
    until(lambda: account.billing()["cancel_at_period_end"])
    assert account.in_portal(action="resume").status_code == 303
    until(lambda: not account.billing()["cancel_at_period_end"])


# What cannot be done


def test_there_is_nothing_to_cancel_or_resume_on_free(account: Account) -> None:
    error_of(account.cancel(), 409, "NO_ACTIVE_SUBSCRIPTION")
    error_of(account.resume(), 409, "NOTHING_TO_RESUME")


def test_there_is_nothing_to_resume_on_a_plan_that_goes_on(account: Account) -> None:
    account.buy("starter")
    error_of(account.resume(), 409, "NOTHING_TO_RESUME")


def test_there_is_no_portal_before_the_first_purchase(account: Account) -> None:
    error_of(account.send("GET", "/api/billing/portal"), 409, "NO_STRIPE_CUSTOMER")
