"""Paper on the billing page: what a change costs before it is made, invoices and receipts, the card that pays."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.flows.client import Account
from tests.web import scenes
from tests.web.browsing import go_to, result_bar, section, sign_in, todo, wait_until_loaded

pytestmark = pytest.mark.browser


def test_a_dearer_plan_is_previewed_with_what_is_due_now_and_nothing_is_bought_by_looking(
    account: Account, page: Page
) -> None:
    account.buy("starter")
    sign_in(page, account, view="plans")
    section(page, "All plans").get_by_role("button", name="Upgrade to Business").click()
    dialog = page.get_by_role("dialog", name="Change to Business, billed monthly?")
    expect(dialog).to_contain_text("Business starts at once, with a new period.")
    due = dialog.locator("#due-now")
    expect(due).to_have_text(re.compile(r"^\$\d+\.\d\d$"))
    asked = account.send("POST", "/api/billing/preview", {"tier": "business", "billing_interval": "monthly"}).json()
    expect(due).to_have_text(f"${asked['due_now_cents'] / 100:,.2f}")
    dialog.get_by_role("button", name="Cancel").click()
    assert account.tier() == "starter"
    section(page, "All plans").get_by_role("button", name="Upgrade to Business").click()
    dialog.get_by_role("button", name="Continue to payment").click()
    page.get_by_role("button", name="Confirm").click()
    expect(result_bar(page)).to_contain_text("You are now on Business")


def test_a_cheaper_plan_is_previewed_with_its_date_and_what_becomes_read_only(account: Account, page: Page) -> None:
    account.buy("pro")
    scenes.claim(account, "projects", *(f"project-{number}" for number in range(8)))
    sign_in(page, account, view="plans")
    section(page, "All plans").get_by_role("button", name="Change to Starter").click()
    dialog = page.get_by_role("dialog", name="Change to Starter, billed monthly?")
    expect(dialog).to_contain_text(re.compile(r"Nothing is due now\. Starter starts on \w+ \d+, 20\d\d"))
    expect(dialog).to_contain_text("Projects: 8 of 5; the newest 3 become read-only.")
    dialog.get_by_role("button", name="Continue at Stripe").click()
    page.get_by_role("button", name="Confirm").click()
    expect(result_bar(page)).to_contain_text("Starter starts on ")


def test_a_preview_that_cannot_be_had_says_why_and_opens_nothing(account: Account, page: Page) -> None:
    account.buy("starter")
    sign_in(page, account, view="plans")
    error = {"error": {"code": "PAYMENT_PROVIDER_UNAVAILABLE", "message": "", "details": {}}}
    page.route("**/api/billing/preview", lambda route: route.fulfill(status=503, json=error))
    section(page, "All plans").get_by_role("button", name="Upgrade to Pro").click()
    expect(result_bar(page)).to_contain_text("Stripe does not answer at the moment. Nothing was charged")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_invoices_of_the_plan_and_of_deposits_are_listed_with_their_pdf(account: Account, page: Page) -> None:
    sign_in(page, account, view="invoices")
    expect(section(page, "Invoices and receipts")).to_contain_text("No invoices yet.")
    expect(section(page, "Payment method")).to_contain_text("No payment method is saved.")
    account.buy("pro")
    scenes.deposit(account)
    page.reload()
    wait_until_loaded(page)
    papers = section(page, "Invoices and receipts")
    rows = papers.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(papers.get_by_role("row", name=re.compile(r"Paid.*\$49\.00"))).to_be_visible()
    expect(papers.get_by_role("row", name=re.compile(r"Paid.*\$25\.00"))).to_be_visible()
    for link in papers.get_by_role("link", name=re.compile("^PDF of ")).all():
        expect(link).to_have_attribute("href", re.compile("^http"))
    expect(papers.get_by_role("link", name=re.compile("^PDF of "))).to_have_count(2)
    expect(section(page, "Payment method")).to_contain_text(re.compile(r"Visa ending in 4242.*Expires \d\d/20\d\d"))


def test_what_is_past_due_shows_its_amount_its_date_its_card_and_the_invoice_to_pay(
    account: Account, page: Page
) -> None:
    scenes.past_due(account)
    sign_in(page, account)
    plan = section(page, "Your plan")
    expect(plan).to_contain_text(re.compile(r"\$49 was due on .+ and is not paid\."))
    expect(plan).to_contain_text("Visa ending in 0341")
    go_to(page, "invoices")
    papers = section(page, "Invoices and receipts")
    expect(papers.get_by_role("row", name=re.compile(r"To be paid.*\$49\.00"))).to_be_visible()
    expect(papers.get_by_role("link", name=re.compile("^Pay .* at Stripe"))).to_have_attribute(
        "href", re.compile("^http")
    )


def test_a_card_that_soon_expires_is_said_before_it_fails(account: Account, page: Page) -> None:
    account.buy("pro")

    def soon(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "exp_month": 3, "exp_year": 2027, "expires_soon": True})

    page.route("**/api/billing/payment-method", soon)
    sign_in(page, account)
    expect(todo(page)).to_contain_text("Your card expires: Visa ending in 4242, 03/2027")
    todo(page).get_by_role("button", name="Update card").click()
    expect(page.get_by_role("heading", name="Subscription")).to_be_visible()


def test_a_stack_that_does_not_serve_papers_yet_leaves_them_out_and_the_rest_stands(
    account: Account, page: Page
) -> None:
    missing = {"message": "Not Found"}
    for path in ("payment-method", "invoices*", "preview"):
        page.route(f"**/api/billing/{path}", lambda route: route.fulfill(status=404, json=missing))
    account.buy("starter")
    sign_in(page, account)
    expect(section(page, "Your plan")).to_contain_text("Starter Active")
    go_to(page, "invoices")
    expect(page.locator("main section:visible")).to_have_count(0)
    go_to(page, "plans")
    section(page, "All plans").get_by_role("button", name="Upgrade to Pro").click()
    expect(page.get_by_role("button", name="Confirm")).to_be_visible()
