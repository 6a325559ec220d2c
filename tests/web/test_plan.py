"""The plan on the billing page: what it is, what it costs, how it is bought, changed, cancelled and kept."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, Route, expect

from tests.flows.client import DECLINES, WORKS, Account
from tests.web import scenes
from tests.web.browsing import go_to, result_bar, section, sign_in, todo, wait_until_loaded

pytestmark = pytest.mark.browser


def pay(page: Page, card: str = WORKS) -> None:
    """Pay on Stripe's page."""
    page.get_by_label("Card number").fill(card)
    page.get_by_role("button", name=re.compile("^Pay")).click()


def date_in(text: str) -> str:
    """The first date in a text."""
    found = re.search(r"[A-Z][a-z]+ \d+, 20\d\d", text)
    assert found, text
    return found[0]


def test_somebody_signs_in_at_the_local_stack_and_sees_that_they_are_on_free(account: Account, page: Page) -> None:
    page.goto(account.api.stack.base_url)
    page.get_by_label("Account").fill(account.id)
    page.get_by_role("button", name="Sign in").click()
    wait_until_loaded(page)
    expect(section(page, "Your plan")).to_contain_text("Free Active")
    expect(page.get_by_role("banner")).to_contain_text(account.id)
    assert page.url == f"{account.api.stack.base_url}/"
    page.reload()
    expect(section(page, "Your plan")).to_contain_text("Free Active")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Account")).to_be_visible()


def test_a_token_in_the_fragment_signs_in_and_leaves_the_address_bar(account: Account, page: Page) -> None:
    sign_in(page, account)
    assert "token" not in page.url
    expect(section(page, "Your plan")).to_contain_text("Free")


def test_the_five_plans_stand_side_by_side_by_month_and_year_with_the_saving(account: Account, page: Page) -> None:
    sign_in(page, account, view="plans")
    plans = section(page, "All plans")
    cards = plans.locator(".plan")
    expect(cards).to_have_count(5)
    tops = {card.bounding_box()["y"] for card in cards.all()}
    assert len(tops) == 1
    expect(cards.nth(2)).to_contain_text("$49 a month")
    expect(plans).not_to_contain_text("twelve months of limits")
    plans.get_by_label("Yearly, save 25%").check(force=True)
    expect(cards.nth(2)).to_contain_text("$441 a year")
    expect(cards.nth(2)).to_contain_text("$36.75 a month, saves $147")
    expect(plans).to_contain_text("A year pays for twelve months of limits.")
    expect(cards.nth(4).get_by_role("link", name="Talk to sales")).to_have_attribute("href", re.compile("^mailto:"))
    plans.get_by_text("Compare all limits").click()
    plans.get_by_text("Monthly", exact=True).click()
    # What was opened stays open when it is shown again.
    expect(plans.get_by_role("row", name=re.compile("^Log retention days"))).to_contain_text("Custom")
    expect(plans.get_by_role("row", name=re.compile("^Grace"))).to_contain_text("10%")


def test_a_person_upgrades_through_checkout_and_comes_back_to_a_clear_result(account: Account, page: Page) -> None:
    sign_in(page, account, view="plans")
    plans = section(page, "All plans")
    plans.get_by_label(re.compile("^Yearly")).check(force=True)
    plans.get_by_role("button", name="Choose Pro").click()
    expect(page.get_by_text("$441.00").first).to_be_visible()
    pay(page)
    expect(result_bar(page)).to_contain_text("You are now on Pro, billed yearly. It renews on ")
    expect(section(page, "Your plan")).to_contain_text("Pro Active$441 a yearRenews on ")
    expect(section(page, "Close to a limit").locator("[data-metric=api_requests]")).to_contain_text("of 2,000,000")
    assert account.tier() == "pro"
    assert page.url == f"{account.api.stack.base_url}/"
    page.reload()
    wait_until_loaded(page)
    expect(result_bar(page)).to_be_empty()


def test_a_card_that_declines_is_told_at_stripe_and_turning_back_has_bought_nothing(
    account: Account, page: Page
) -> None:
    sign_in(page, account, view="plans")
    section(page, "All plans").get_by_role("button", name="Choose Starter").click()
    pay(page, DECLINES)
    expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
    page.get_by_role("button", name="Cancel").click()
    expect(result_bar(page)).to_contain_text("Nothing was bought and nothing was charged.")
    expect(section(page, "Your plan")).to_contain_text("Free Active")
    assert account.tier() == "free"


def test_a_payment_of_somebody_else_is_refused_and_said_so(account: Account, page: Page) -> None:
    sign_in(page, account, "?session_id=cs_test_of_nobody&back=plan&tier=pro&interval=monthly")
    expect(result_bar(page)).to_contain_text("This payment belongs to another account")
    assert page.url == f"{account.api.stack.base_url}/"


def test_who_pays_already_moves_up_at_once_and_down_at_the_period_s_end(account: Account, page: Page) -> None:
    account.buy("starter")
    sign_in(page, account, view="plans")
    section(page, "All plans").get_by_role("button", name="Upgrade to Business").click()
    page.get_by_role("dialog").get_by_role("button", name="Continue to payment").click()
    page.get_by_role("button", name="Confirm").click()
    expect(result_bar(page)).to_contain_text("You are now on Business, billed monthly.")
    go_to(page, "plans")
    section(page, "All plans").get_by_role("button", name="Change to Pro").click()
    page.get_by_role("dialog").get_by_role("button", name="Continue at Stripe").click()
    page.get_by_role("button", name="Confirm").click()
    expect(result_bar(page)).to_contain_text("Pro starts on ")
    notice = todo(page)
    expect(notice).to_contain_text("Your plan changes to Pro, billed monthly, on ")
    notice.get_by_role("button", name="Keep Business").click()
    expect(result_bar(page)).to_contain_text("You stay on Business.")
    expect(notice).to_contain_text("Nothing needs your attention.")
    expect(notice.get_by_role("heading")).to_be_focused()
    assert account.billing()["pending_change"] is None


def test_another_change_than_the_one_that_waits_is_asked_about_since_opening_its_page_takes_that_back(
    account: Account, page: Page
) -> None:
    account.buy("business")
    account.confirm("pro")
    sign_in(page, account, view="plans")
    change = section(page, "All plans").get_by_role("button", name="Change to Starter")
    change.click()
    dialog = page.get_by_role("dialog", name="Starter, billed monthly, instead?")
    expect(dialog).to_contain_text("A change is scheduled: Pro, billed monthly, from ")
    dialog.get_by_role("button", name="Leave it as it is").click()
    expect(change).to_be_focused()
    assert account.billing()["pending_change"]["plan_tier"] == "pro"
    change.click()
    dialog.get_by_role("button", name="Continue at Stripe").click()
    page.get_by_role("link", name=re.compile("back|return", re.IGNORECASE)).click()
    expect(result_bar(page)).to_contain_text("Your scheduled change was undone: you stay on your current plan.")
    expect(section(page, "Your plan")).to_contain_text("Business Active")
    assert account.billing()["pending_change"] is None


def test_while_a_payment_is_checked_nothing_else_is_offered_to_buy(account: Account, page: Page) -> None:
    held: list[Route] = []
    page.route("**/verify-session*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright sets a mark on it
    url = account.send("POST", "/api/billing/checkout", {"tier": "pro", "billing_interval": "monthly", **scenes.LINKS})
    session = account.pay(url.json()["url"])
    page.goto(f"{account.api.stack.base_url}/?back=plan&session_id={session}#token={account.token}")
    plan = section(page, "Your plan")
    expect(plan).to_contain_text("Checking your payment")
    expect(plan.get_by_role("link", name="Upgrade")).to_have_count(0)
    go_to(page, "plans")
    expect(section(page, "All plans").get_by_role("button")).to_have_count(0)
    held[0].continue_()
    expect(result_bar(page)).to_contain_text("You are now on Pro")
    expect(section(page, "All plans").get_by_role("button", name="Upgrade to Business")).to_be_visible()


def test_pressing_twice_opens_one_page(account: Account, page: Page) -> None:
    sign_in(page, account, view="plans")
    asked: list[str] = []

    def take_a_while(route: Route) -> None:
        time.sleep(0.3)
        route.continue_()

    page.on("request", lambda request: request.url.endswith("/checkout") and asked.append(request.url))
    page.route("**/_local/stripe/pay/**", take_a_while)
    page.evaluate(
        "const page = document.querySelector('aerostack-billing').shadowRoot;"
        "setInterval(() => page.getElementById('choose-pro').click(), 10)"
    )
    expect(page.get_by_label("Card number")).to_be_visible()
    assert len(asked) == 1


def test_a_plan_is_cancelled_and_taken_back_with_the_keyboard_alone(account: Account, page: Page) -> None:
    account.buy("pro")
    sign_in(page, account)
    opener = section(page, "Your plan").get_by_role("button", name="Cancel plan")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Cancel Pro?")
    expect(dialog).to_contain_text("You keep Pro until ")
    for _ in range(4):
        # The focus never leaves for the page behind; between the dialog's ends lies the browser itself.
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement.shadowRoot?.activeElement?.closest('dialog') != null || !document.hasFocus()"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Keep Pro")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(result_bar(page)).to_contain_text("Your plan is cancelled.")
    expect(section(page, "Your plan")).to_contain_text("Ends soon")
    notices = todo(page)
    expect(notices).to_contain_text("Your Pro plan ends on ")
    # The day on which it ends is said once, with what follows. (Each cheaper plan says from when on it would be.)
    ends = date_in(notices.inner_text())
    expect(result_bar(page)).not_to_contain_text(ends)
    expect(section(page, "Your plan")).not_to_contain_text(ends)
    assert account.billing()["cancel_at_period_end"] is True
    # The button that was pressed is gone: the focus stays in its section, where Tab goes on.
    expect(section(page, "Your plan").get_by_role("heading", name="Your plan")).to_be_focused()
    notices.get_by_role("button", name="Keep Pro").focus()
    page.keyboard.press("Enter")
    expect(result_bar(page)).to_contain_text("You stay on Pro.")
    expect(section(page, "Your plan")).to_contain_text("Pro Active")
    assert account.billing()["cancel_at_period_end"] is False


def test_a_renewal_that_failed_is_said_in_words_with_the_ways_out(account: Account, page: Page) -> None:
    scenes.past_due(account)
    sign_in(page, account)
    plan = section(page, "Your plan")
    expect(plan).to_contain_text("Past due")
    expect(plan).to_contain_text(re.compile(r"\$49 was due on .+ and is not paid\. We try again on "))
    expect(plan).not_to_contain_text("Renews")
    notice = todo(page)
    expect(notice).to_contain_text("Your last payment failed")
    expect(notice).to_contain_text("You keep your plan while we try again.")
    expect(notice.get_by_role("link", name="Pay the invoice")).to_have_attribute("href", re.compile("^http"))
    notice.get_by_role("button", name="Update card").click()
    expect(page.get_by_role("heading", name="Subscription")).to_be_visible()


def test_the_grace_zone_is_drawn_and_warned_of(account: Account, page: Page) -> None:
    scenes.grace(account)
    sign_in(page, account)
    expect(todo(page)).to_contain_text("Over the limit: API requests")
    go_to(page, "usage")
    meter = section(page, "This month").locator("[data-metric=api_requests]")
    expect(meter).to_contain_text("51,500 of 50,000")
    expect(meter).to_contain_text("Over the limit: 3,500 of grace left")
    bar = meter.get_by_role("meter")
    expect(bar).to_have_attribute("aria-valuenow", "51500")
    expect(bar).to_have_attribute("aria-valuemax", "55000")
    width, zone = (meter.locator(name).bounding_box()["width"] for name in (".bar", ".bar-grace"))
    assert zone / width == pytest.approx(5_000 / 55_000, abs=0.01)
    expect(section(page, "This month")).to_contain_text(re.compile(r"Resets in \d+ days?, on \w+ 1, 20\d\d \(UTC\)"))


def test_what_is_blocked_is_a_stop_with_the_way_out(account: Account, page: Page) -> None:
    scenes.blocked(account)
    sign_in(page, account)
    notice = todo(page)
    expect(notice).to_contain_text("Blocked: API requests")
    expect(notice).to_contain_text(re.compile(r"Counting starts again on .+, in \d+ days?\."))
    metric = section(page, "Close to a limit").locator("[data-metric=api_requests]")
    expect(metric).to_contain_text("Blocked: nothing more passes")
    notice.get_by_role("link", name="See plans").click()
    expect(section(page, "All plans")).to_be_in_viewport()


def test_after_a_downgrade_it_is_shown_which_resources_are_read_only(account: Account, page: Page) -> None:
    scenes.downgraded(account)
    sign_in(page, account)
    notice = page.locator("#notice-read-only")
    expect(notice).to_contain_text("Read-only: some of your MCP workspaces")
    notice.get_by_role("link", name="See which").click()
    expect(section(page, "Resources")).to_be_in_viewport()
    kind = section(page, "Resources").locator("details", has_text="MCP workspaces")
    expect(kind).to_contain_text("2 read-only")
    expect(kind).to_contain_text("5 of 3")
    items = kind.locator(".items li")
    expect(items.nth(4)).to_be_visible()
    expect(items.nth(0)).not_to_contain_text("Read-only")
    expect(items.nth(4)).to_contain_text("night-shift")
    expect(items.nth(4)).to_contain_text("Read-only")
