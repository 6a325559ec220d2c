"""The page for everyone: with a screen reader, on a phone, in the dark, in another language, with a bad connection."""

from __future__ import annotations

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from local.paths import DASHBOARD
from tests.flows.client import ASKS_EACH_TIME, Account
from tests.web import scenes
from tests.web.browsing import go_to, result_bar, section, sign_in, todo, wait_until_loaded
from tests.web.conftest import OpenPage

pytestmark = pytest.mark.browser

PHONE = {"width": 375, "height": 740}
VIEWS = (
    "overview",
    "plans",
    "usage",
    "wallet",
    "spending",
    "budgets",
    "invoices",
    "notifications",
    "earnings",
)
HOSTILE = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"


def check_accessible(page: Page, where: str) -> None:
    """Axe finds nothing, however small."""
    # Without fetching the styles anew: axe would put them into the page, which the page's policy refuses.
    found = Axe().run(page, options={"preload": False}).response["violations"]
    seen = [(finding["id"], finding["impact"], [node["target"] for node in finding["nodes"]][:3]) for finding in found]
    assert seen == [], where


def check_fits(page: Page, where: str) -> None:
    """Nothing is wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], where


@pytest.fixture
def eventful(account: Account) -> Account:
    """An account with much to say: grace, a block, a confirmation to give, read-only resources, spending, a hold."""
    scenes.reload_with(account, ASKS_EACH_TIME, authenticate="complete")
    scenes.downgraded(account)
    scenes.hold(account, 100)
    scenes.spend(account, 50, "tool", "tool_call", reference="a-reference-without-a-single-gap-" + "x" * 120)
    assert account.consume("ai_tokens", 105_000).status_code == 200
    assert account.consume("email_sends", 1_100).status_code == 200
    return account


def test_nobody_is_shut_out_of_signing_in(account: Account, page: Page) -> None:
    page.goto(account.api.stack.base_url)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    check_accessible(page, "sign-in")


def test_axe_finds_nothing_in_any_view_by_day_on_a_desk_and_by_night_on_a_phone(eventful: Account, page: Page) -> None:
    desk = page.viewport_size
    sign_in(page, eventful)
    for view in VIEWS:
        go_to(page, view)
        for details in page.locator("details").all():
            details.evaluate("element => { element.open = true }")
        for window, scheme in ((desk, "light"), (PHONE, "dark")):
            page.set_viewport_size(window)
            page.emulate_media(color_scheme=scheme)
            check_fits(page, f"{view}, {window}")
            check_accessible(page, f"{view}, {scheme}, {window}")


@pytest.mark.parametrize(
    ("view", "button"),
    [
        ("wallet", "Add money"),
        ("wallet", "Change"),
        ("wallet", "Set a monthly cap"),
        ("budgets", "Set a budget"),
        ("earnings", "Publish a tool"),
    ],
)
def test_axe_finds_nothing_in_a_dialog_and_it_fits_on_a_phone(
    eventful: Account, open_page: OpenPage, view: str, button: str
) -> None:
    page = open_page(viewport=PHONE)
    sign_in(page, eventful, view=view)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check_accessible(page, button)
    check_fits(page, button)


def test_what_others_wrote_is_shown_as_text_and_never_run(account: Account, page: Page) -> None:
    scenes.deposit(account)
    charge = scenes.spend(account, 100, "spent", reference=HOSTILE)
    body = {"idempotency_key": "back", "reason": HOSTILE}
    scenes.service(account, f"charges/{charge}/refund", body, 200)

    def spoil(route: Route) -> None:
        answer = route.fetch().json()
        answer["resources"]["projects"]["items"] = [{"id": HOSTILE, "created_at": "2026-03-01T00:00:00Z"}]
        route.fulfill(json=answer)

    page.route("**/api/billing/resources", spoil)
    sign_in(page, account, view="wallet")
    statement = section(page, "Transactions").locator("tbody tr")
    expect(statement.nth(0)).to_contain_text(HOSTILE)
    expect(statement.nth(1)).to_contain_text(HOSTILE)
    expect(page.locator("main img, main script")).to_have_count(0)
    go_to(page, "usage")
    expect(section(page, "Resources").locator(".items")).to_contain_text(HOSTILE)
    expect(page.locator("main img, main script")).to_have_count(0)
    expect(page).to_have_title("Usage · Billing · Aerostack")


def test_an_address_that_would_run_code_is_no_link(account: Account, page: Page) -> None:
    def spoil(route: Route) -> None:
        issue = {"reason": "past_due", "message": "", "next_attempt_at": None}
        route.fulfill(json={**route.fetch().json(), "payment_issue": {**issue, "invoice_url": "javascript:alert(1)"}})

    page.route("**/api/billing", spoil)
    sign_in(page, account)
    expect(todo(page)).to_contain_text("Your last payment failed")
    expect(page.locator('a[href^="javascript"]')).to_have_count(0)


def test_a_session_that_ends_asks_to_sign_in_again_and_goes_on(account: Account, page: Page) -> None:
    sign_in(page, account, view="wallet")
    page.route("**/api/balance/spend-cap", lambda route: route.fulfill(status=401, json={"message": "Unauthorized"}))
    section(page, "Your wallet").get_by_role("button", name="Set a monthly cap").click()
    page.get_by_label("Spend at most in a month").fill("10")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_label("Account").fill(account.id)
    page.get_by_role("button", name="Sign in").click()
    # Where the session ended is where it goes on.
    expect(section(page, "Your wallet")).to_contain_text("$0.00")


def test_a_refusal_of_an_older_session_does_not_end_the_one_after_it(account: Account, page: Page) -> None:
    sign_in(page, account, view="earnings")
    waiting: list[Route] = []

    def keep_waiting(route: Route) -> None:
        waiting.append(route)

    page.route("**/api/creators/onboard", keep_waiting)
    with page.expect_request("**/api/creators/onboard"):
        section(page, "Your earnings").get_by_role("button", name="Set up payouts").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Account").fill(f"{account.id}_again")
    page.get_by_role("button", name="Sign in").click()
    wait_until_loaded(page)
    with page.expect_response("**/api/creators/onboard"):
        waiting[0].fulfill(status=401, json={"message": "Unauthorized"})
    page.reload()
    wait_until_loaded(page)
    expect(page.get_by_role("banner")).to_contain_text(f"{account.id}_again")


def test_a_token_that_is_over_leads_to_sign_in_and_the_payment_is_told_after_it(account: Account, page: Page) -> None:
    session = account.pay(account.page("starter"))
    old = account.api.stack.token(account.id, expires_in_seconds=-600)
    page.goto(f"{account.api.stack.base_url}/?back=plan&session_id={session}#token={old}")
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    page.get_by_label("Account").fill(account.id)
    page.get_by_role("button", name="Sign in").click()
    expect(result_bar(page)).to_contain_text("You are now on Starter, billed monthly.")


def test_what_cannot_be_had_is_said_where_it_would_stand_and_can_be_asked_for_again(
    account: Account, page: Page
) -> None:
    error = {"error": {"code": "STORE_UNAVAILABLE", "message": "DynamoDB is busy.", "details": {}}}
    page.route("**/api/billing/usage", lambda route: route.fulfill(status=503, json=error))
    sign_in(page, account, view="usage")
    usage = section(page, "This month")
    expect(usage.get_by_role("alert")).to_have_text(
        "The billing service is busy. Nothing was changed: try again in a moment."
    )
    expect(section(page, "Resources")).to_contain_text("Projects")
    page.unroute("**/api/billing/usage")
    usage.get_by_role("button", name="Try again").click()
    expect(usage).to_contain_text("API requests")
    expect(usage.get_by_role("heading")).to_be_focused()


def test_an_act_that_fails_says_so_keeps_what_was_typed_and_repeats_with_the_same_key(
    account: Account, page: Page
) -> None:
    sign_in(page, account, view="wallet")
    keys: list[str] = []

    def fail(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.abort()
        else:
            route.fallback()

    page.route("**/api/balance/deposit", fail)
    section(page, "Your wallet").get_by_role("button", name="Add money").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount in US dollars").fill("77")
    dialog.get_by_role("button", name="Go to payment").click()
    expect(dialog.get_by_role("alert")).to_contain_text("could not be reached")
    expect(dialog.get_by_label("Amount in US dollars")).to_have_value("77")
    dialog.get_by_role("button", name="Go to payment").click()
    expect(page.get_by_text("$77.00").first).to_be_visible()
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_while_it_loads_the_sections_wait_and_offline_it_is_said(account: Account, page: Page) -> None:
    waiting: list[Route] = []

    def keep_waiting(route: Route) -> None:
        waiting.append(route)

    page.route("**/api/balance", keep_waiting)
    page.goto(f"{account.api.stack.base_url}/#token={account.token}")
    wallet = section(page, "Your balance")
    expect(wallet).to_have_attribute("aria-busy", "true")
    expect(wallet.locator(".skeleton")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    for route in waiting:
        route.abort()
    expect(wallet.get_by_role("alert")).to_contain_text("could not be reached")
    page.unroute("**/api/balance")
    page.context.set_offline(False)
    expect(wallet).to_contain_text("$0.00")
    expect(page.get_by_text("You are offline.")).to_be_hidden()


def test_figures_are_written_as_the_reader_writes_them_where_the_page_speaks_another_language(
    account: Account, open_page: OpenPage
) -> None:
    scenes.deposit(account, 12_345)
    account.buy("pro")
    page = open_page(locale="fr-FR")
    sign_in(page, account)
    expect(section(page, "Your balance")).to_contain_text(re.compile(r"123,45\s\$"))
    expect(section(page, "Your plan")).to_contain_text(re.compile(r"Renews on \d+ [A-Z][a-z]+ 20\d\d\."))
    go_to(page, "usage")
    usage = section(page, "This month")
    expect(usage.locator("[data-metric=api_requests]")).to_contain_text(re.compile(r"of 2\s000\s000"))
    expect(usage).to_contain_text(re.compile(r"Resets in \d+ days?, on 1 [A-Z][a-z]+ 20\d\d"))


def test_a_deployment_hands_in_the_token_and_is_asked_again_when_one_is_refused(account: Account, page: Page) -> None:
    config = (DASHBOARD / "config.js").read_text()
    hook = f"({{ expired }}) => (expired ? {json.dumps(account.token)} : 'an.old.token')"
    handed = config.replace("getToken: null", f"getToken: {hook}").replace('signIn: "local"', "signIn: null")
    assert handed.count(hook) == 1
    page.route("**/config.js", lambda route: route.fulfill(body=handed, content_type="text/javascript"))
    page.goto(account.api.stack.base_url)
    wait_until_loaded(page)
    expect(section(page, "Your plan")).to_contain_text("Free Active")
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    assert page.evaluate("sessionStorage.length") == 0


@pytest.mark.parametrize("mine", [False, True])
def test_a_link_with_a_token_that_the_page_did_not_ask_for_signs_in_nobody_by_itself(
    account: Account, page: Page, mine: bool
) -> None:
    """Else a stranger's link shows the stranger's wallet, and the reader pays into it."""
    config = (DASHBOARD / "config.js").read_text().replace('signIn: "local"', "signIn: null")
    page.route("**/config.js", lambda route: route.fulfill(body=config, content_type="text/javascript"))
    page.goto(f"{account.api.stack.base_url}/#token={account.token}")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"A link signs you in as {account.id}")
    assert "token" not in page.url
    assert page.evaluate("sessionStorage.length") == 0
    if mine:
        page.get_by_role("button", name="Continue").click()
        wait_until_loaded(page)
        expect(section(page, "Your plan")).to_contain_text("Free Active")
    else:
        page.get_by_role("button", name="Not my account").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        assert page.evaluate("sessionStorage.length") == 0


def test_a_token_that_the_pages_own_sign_in_led_to_signs_in(account: Account, page: Page) -> None:
    back = f"{account.api.stack.base_url}/#token={account.token}"
    login = f"<!doctype html><title>Log in</title><a href='{back}'>Log in</a>"
    config = (DASHBOARD / "config.js").read_text().replace('signIn: "local"', 'signIn: "/log-in"')
    page.route("**/config.js", lambda route: route.fulfill(body=config, content_type="text/javascript"))
    page.route("**/log-in", lambda route: route.fulfill(body=login, content_type="text/html"))
    page.goto(account.api.stack.base_url)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Log in").click()
    wait_until_loaded(page)
    expect(section(page, "Your plan")).to_contain_text("Free Active")


def test_on_a_host_of_its_own_it_calls_the_api_across_origins(account: Account, browser: Browser) -> None:
    served, called = "https://app.aerostack.dev/settings/billing/", "https://api.aerostack.test"
    config = (DASHBOARD / "config.js").read_text().replace('apiBaseUrl: ""', f'apiBaseUrl: "{called}"')
    types = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

    def serve(route: Route) -> None:
        file = DASHBOARD / (route.request.url.removeprefix(served).partition("#")[0] or "index.html")
        body = config if file.name == "config.js" else file.read_text()
        route.fulfill(body=body, content_type=types[file.suffix])

    def forward(route: Route) -> None:
        answer = route.fetch(url=route.request.url.replace(called, account.api.stack.base_url))
        # The browser lets the page read it because the API itself allows this origin.
        assert answer.headers["access-control-allow-origin"] == "https://app.aerostack.dev"
        route.fulfill(response=answer)

    with browser.new_context() as context:
        page = context.new_page()
        page.route(f"{served}**", serve)
        page.route(f"{called}/**", forward)
        page.route("**/_local/**", lambda route: route.fulfill(status=404))
        page.goto(f"{served}#token={account.token}")
        wait_until_loaded(page)
        expect(section(page, "Your plan")).to_contain_text("Free Active")
        expect(section(page, "Close to a limit")).to_contain_text("API requests")
        page.unroute_all(behavior="wait")


def test_it_asks_for_less_motion_where_the_reader_does(account: Account, page: Page) -> None:
    sign_in(page, account)
    assert page.locator(".skeleton, .button").first.evaluate("one => getComputedStyle(one).animationName") == "none"


def test_every_view_is_in_sight_of_the_navigation_on_a_phone(account: Account, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE, has_touch=True)
    sign_in(page, account)
    links = page.get_by_role("navigation").get_by_role("link")
    assert links.count() == len(VIEWS)
    boxes = [links.nth(number).bounding_box() for number in range(len(VIEWS))]
    assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"] for box in boxes)


def test_what_is_touched_is_44_pixels_wide_and_high(eventful: Account, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE, has_touch=True)
    sign_in(page, eventful)
    too_small = """() => [...document.querySelector("aerostack-billing").shadowRoot
        .querySelectorAll("a, button, select, summary, input, .segmented label")]
        .filter((one) => one.checkVisibility() && !one.matches(".skip, [type=radio]"))
        .map((one) => [one.textContent || one.id, one.getBoundingClientRect()])
        .filter(([, box]) => box.height < 44 || box.width < 44)
        .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""
    for view in VIEWS:
        go_to(page, view)
        assert page.evaluate(too_small) == [], view
    go_to(page, "wallet")
    section(page, "Your wallet").get_by_role("button", name="Change", exact=True).click()
    small_fields = """() => [...document.querySelector("aerostack-billing").shadowRoot
        .querySelectorAll("dialog button, dialog [type=text], dialog .check label")]
        .filter((one) => one.getBoundingClientRect().height < 44).map((one) => one.textContent || one.id)"""
    assert page.evaluate(small_fields) == []


def test_the_local_stack_offers_its_accounts_to_sign_in_as(account: Account, page: Page) -> None:
    person = {"account": account.id, "about": "Empty, as after signing up"}
    page.route("**/_local/accounts", lambda route: route.fulfill(json={"accounts": [person]}))
    page.goto(account.api.stack.base_url)
    expect(page.get_by_text("Empty, as after signing up")).to_be_visible()
    check_accessible(page, "sign-in")
    page.get_by_role("button", name=account.id).click()
    expect(section(page, "Your plan")).to_contain_text("Free Active")
