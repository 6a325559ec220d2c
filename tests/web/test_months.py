"""Usage over time on the billing page: the last twelve months, and what this one comes to at its pace."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.flows.client import Account
from tests.web.browsing import section, sign_in

pytestmark = pytest.mark.browser


def test_the_last_twelve_months_are_drawn_and_told_as_a_table(account: Account, page: Page) -> None:
    assert account.consume("email_sends", 40).status_code == 200
    sign_in(page, account, view="months")
    months = section(page, "The last twelve months")
    months.get_by_label("Of", exact=True).select_option("email_sends")
    chart = months.get_by_role("img")
    expect(chart).to_have_attribute("aria-label", re.compile(r"^Emails by month\. Most in \w+ 20\d\d: 40\.$"))
    expect(chart.locator("g")).to_have_count(12)
    months.get_by_text("Show as a table").click()
    rows = months.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(12)
    expect(rows.first).to_contain_text("40")


def test_what_the_month_comes_to_at_its_pace_is_said_beside_its_counter_and_on_the_overview(
    account: Account, page: Page
) -> None:
    assert account.consume("email_sends", 40).status_code == 200

    def paced(route: Route) -> None:
        answer = route.fetch().json()
        answer["usage"]["email_sends"] |= {"projected": 1_300, "limit_reached_at": "2027-01-23T04:00:00Z"}
        answer["usage"]["api_requests"] |= {"used": 5, "projected": 1_234}
        answer["spending"] = {"spent_cents": 10, "projected_cents": 1_234.5}
        route.fulfill(json=answer)

    page.route("**/api/billing/usage/forecast", paced)
    sign_in(page, account)
    words = "Emails: at this pace the limit is reached on January 23, 2027."
    expect(section(page, "Close to a limit")).to_contain_text(words)
    section(page, "Close to a limit").get_by_role("link", name="See usage").click()
    usage = section(page, "This month")
    expect(usage.locator("[data-metric=email_sends]")).to_contain_text(
        "At this pace the limit is reached on January 23, 2027."
    )
    expect(usage.locator("[data-metric=api_requests]")).to_contain_text("At this pace 1,234 by the month’s end.")


def test_without_a_forecast_the_usage_stands_as_it_is(account: Account, page: Page) -> None:
    page.route("**/api/billing/usage/forecast", lambda route: route.fulfill(status=404, json={"message": "Not Found"}))
    page.route("**/api/billing/usage?months=12", lambda route: route.fulfill(json={"usage": {}}))
    sign_in(page, account, view="usage")
    expect(section(page, "This month")).to_contain_text("API requests")
    expect(page.get_by_text("At this pace")).to_have_count(0)
    expect(page.locator("#months")).to_be_hidden()
