"""The local console, the API's reference and Stripe's pages, as a newcomer uses them."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.flows.client import Account
from tests.web import scenes
from tests.web.browsing import go_to, result_bar, section, sign_in

pytestmark = pytest.mark.browser


def console(page: Page, account: Account) -> None:
    page.goto(f"{account.api.stack.base_url}/_local/")
    expect(page.get_by_role("button", name="+ 1 hour")).to_be_visible()


def test_the_clock_is_moved_on_and_the_console_says_what_it_did(account: Account, page: Page) -> None:
    console(page, account)
    before = account.api.stack.clock.unix()
    page.get_by_role("button", name="+ 1 hour").click()
    expect(page.get_by_role("status")).to_contain_text("schedules fired")
    assert account.api.stack.clock.unix() >= before + 3_600
    assert Axe().run(page).response["violations"] == []


def test_an_account_s_ledger_and_billing_page_are_one_press_away(account: Account, page: Page) -> None:
    scenes.deposit(account)
    scenes.spend(account, 42, "spent", reference="run-7")
    console(page, account)
    page.get_by_label("Account", exact=True).fill(account.id)
    page.get_by_role("button", name="Show ledger").click()
    ledger = page.get_by_role("region", name="Ledger")
    expect(ledger.locator("tbody tr")).to_have_count(2)
    expect(ledger).to_contain_text("-$0.42")
    expect(ledger).to_contain_text("run-7")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open billing page").click()
    expect(opened.value.get_by_role("banner")).to_contain_text(account.id)


def test_webhooks_are_held_back_shown_and_sent(account: Account, page: Page) -> None:
    console(page, account)
    page.get_by_role("button", name="Hold back").click()
    expect(page.get_by_role("status")).to_have_text("Webhooks are held back.")
    account.buy("starter")
    events = page.get_by_role("region", name="Events of Stripe")
    expect(events.get_by_role("row", name="customer.subscription.created").first).to_contain_text("pending")
    page.get_by_role("group", name="Webhooks").get_by_role("button", name="Deliver").click()
    expect(events.get_by_role("row", name="customer.subscription.created").first).to_contain_text("delivered (200)")


def test_a_fault_is_ordered_for_the_next_call(account: Account, page: Page) -> None:
    console(page, account)
    page.get_by_label("Call").select_option("checkout.sessions.create")
    page.get_by_label("goes wrong as").select_option("403")
    page.get_by_role("button", name="Order the fault").click()
    expect(page.get_by_role("status")).to_have_text("The next checkout.sessions.create goes wrong: 403.")
    body = {"tier": "pro", "billing_interval": "monthly", **scenes.LINKS}
    assert account.send("POST", "/api/billing/checkout", body).status_code >= 500
    assert account.send("POST", "/api/billing/checkout", body).status_code == 200


def test_a_schedule_is_run_and_its_answer_shown(account: Account, page: Page) -> None:
    console(page, account)
    page.get_by_role("button", name="Audit").click()
    expect(page.locator("#answer")).to_contain_text('"violations": []')


def test_the_reference_lists_each_route_and_tries_one_without_signing_in(account: Account, page: Page) -> None:
    page.goto(f"{account.api.stack.base_url}/docs")
    routes = page.locator(".opblock")
    expect(routes.first).to_be_visible()
    assert routes.count() > 25
    page.locator(".opblock-summary-path", has_text="/api/billing/plans").click()
    page.get_by_role("button", name="Execute").first.click()
    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")


def test_a_test_card_is_pressed_instead_of_typed(account: Account, page: Page) -> None:
    sign_in(page, account, view="plans")
    section(page, "All plans").get_by_role("button", name="Choose Pro").click()
    page.get_by_role("button", name="Declines", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
    page.get_by_role("button", name="3-D Secure each time").click()
    page.get_by_role("button", name="Complete authentication").click()
    expect(result_bar(page)).to_contain_text("You are now on Pro, billed monthly.")
    go_to(page, "invoices")
    page.get_by_role("button", name="Update card").click()
    page.get_by_role("button", name="Declines when charged later").click()
    expect(section(page, "Your plan")).to_contain_text("Pro")
