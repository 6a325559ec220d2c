"""The views of the billing page: one address each, fetched when they are shown, and nothing that jumps."""

from __future__ import annotations

import gzip
import posixpath
import re
import time
from pathlib import PurePosixPath

import pytest
from playwright.sync_api import Page, Route, expect

from local.paths import DASHBOARD
from tests.flows.client import Account
from tests.web import scenes
from tests.web.browsing import go_to, result_bar, section, sign_in, todo, wait_until_loaded

pytestmark = pytest.mark.browser

MOST_BYTES_OF_THE_FIRST_VIEW = 60_000
MOST_LINES = 400
GOOD_LAYOUT_SHIFT = 0.1  # Google's Core Web Vitals call a page good up to here.


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def current(page: Page) -> list[str]:
    return page.locator("nav [aria-current]").all_inner_texts()


def test_each_view_has_an_address_and_the_buttons_for_back_and_forward_lead_between_them(
    account: Account, page: Page
) -> None:
    sign_in(page, account)
    heading(page, "Overview")
    nav = page.get_by_role("navigation")
    for name in ("Wallet", "Budgets"):
        nav.get_by_role("link", name=name).click()
        heading(page, name)
        expect(page).to_have_title(f"{name} · Billing · Aerostack")
        assert page.url.endswith(f"#{name.lower()}")
        assert current(page) == [name]
        expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.go_back()
    heading(page, "Wallet")
    page.go_back()
    heading(page, "Overview")
    page.go_forward()
    heading(page, "Wallet")
    page.reload()
    heading(page, "Wallet")
    assert current(page) == ["Wallet"]


@pytest.mark.parametrize(
    ("address", "view", "region"),
    [
        ("plan", "Overview", "Your plan"),
        ("resources", "Usage", "Resources"),
        ("plans", "Plans", "All plans"),
        ("wallet", "Wallet", "Your wallet"),
        ("spending", "Spending", "By day"),
        ("who-spent", "Spending", "Who spent it"),
        ("prices", "Spending", "Prices"),
        ("transactions", "Wallet", "Transactions"),
        ("check", "Wallet", "Check my bill"),
        ("earnings", "Earnings", "Your earnings"),
        ("nothing-that-there-is", "Overview", "Your plan"),
    ],
)
def test_addresses_from_when_the_page_was_one_long_scroll_still_lead_there(
    account: Account, page: Page, address: str, view: str, region: str
) -> None:
    sign_in(page, account)
    page.goto("about:blank")
    page.goto(f"{account.api.stack.base_url}/#{address}")
    heading(page, view)
    wait_until_loaded(page)
    expect(section(page, region)).to_be_in_viewport()
    assert current(page) == [view]


def test_the_overview_says_what_needs_doing_each_with_a_button_or_that_nothing_does(
    account: Account, page: Page
) -> None:
    sign_in(page, account)
    expect(todo(page)).to_contain_text("Nothing needs your attention.")
    expect(section(page, "Close to a limit")).to_contain_text("Nothing is close to its limit.")
    scenes.grace(account)
    page.reload()
    expect(todo(page)).to_contain_text("Over the limit: API requests")
    expect(section(page, "Close to a limit")).to_contain_text("API requests are near their limit.")
    section(page, "Close to a limit").get_by_role("link", name="See usage").click()
    heading(page, "Usage")
    go_to(page, "overview")
    section(page, "Your balance").get_by_role("link", name="Open wallet").click()
    heading(page, "Wallet")


def test_a_view_is_fetched_when_it_is_first_shown_and_asks_for_no_more_than_it_shows(
    account: Account, page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(account.api.stack.base_url)))
    sign_in(page, account)
    first = list(asked)
    assert not [
        path for path in first if re.search(r"views/(wallet|plans|earnings|budgets)\.js|balance/spend|creators", path)
    ]
    asked.clear()
    go_to(page, "earnings")
    assert {path for path in asked if path.startswith("/api/")} == {"/api/creators/me", "/api/creators/tools"}
    asked.clear()
    go_to(page, "overview")
    # What was fetched a moment ago is shown at once.
    assert [path for path in asked if path.startswith("/api/")] == []


def test_the_first_view_comes_in_less_than_60_kilobytes(account: Account, page: Page) -> None:
    fetched: dict[str, int] = {}

    def measure(route: Route) -> None:
        answer = route.fetch()
        fetched[route.request.url] = len(gzip.compress(answer.body()))
        route.fulfill(response=answer)

    page.route(re.compile(r"\.(js|css|svg)$|/(#.*)?$"), measure)
    sign_in(page, account)
    assert any(url.endswith("views/overview.js") for url in fetched)
    assert sum(fetched.values()) < MOST_BYTES_OF_THE_FIRST_VIEW, fetched


def imported(start: list[str]) -> set[str]:
    """The modules that these import, without those that they fetch later."""
    found: set[str] = set()
    while start:
        module = start.pop()
        if module in found:
            continue
        found.add(module)
        text = re.sub(r"/\*.*?\*/", "", (DASHBOARD / module).read_text(), flags=re.DOTALL)
        named = re.findall(r'^(?:import|export)\b[^;]*?from "(\.[^"]+)"', text, re.MULTILINE)
        start += [posixpath.normpath(str(PurePosixPath(module).parent / other)) for other in named]
    return found


def test_what_the_first_view_needs_is_named_for_loading_at_once() -> None:
    index = (DASHBOARD / "index.html").read_text()
    needed = imported(["app.js", "views/overview.js"])
    assert set(re.findall(r'modulepreload" href="([^"]+)"', index)) == needed


def test_every_file_is_short_and_used() -> None:
    files = [file for file in DASHBOARD.rglob("*.js") if file.name != "types.js" and file.parent.name != "messages"]
    assert [file.name for file in files if len(file.read_text().splitlines()) > MOST_LINES] == []
    text = "\n".join(file.read_text() for file in files)
    named = {posixpath.basename(name) for name in re.findall(r'"(\.\.?/[^"]+\.js)"', text)} | {"app.js"}
    assert {file.name for file in files} <= named


@pytest.mark.parametrize("view", ["overview", "plans", "usage", "wallet", "spending", "budgets", "earnings"])
def test_nothing_jumps_when_the_data_arrives(account: Account, page: Page, view: str) -> None:
    scenes.deposit(account)
    scenes.spend(account, 120, "one")
    scenes.grace(account)
    sign_in(page, account)

    def late(route: Route) -> None:
        # Each answer a little later than the one before: what comes last must move nothing that stands.
        time.sleep(0.15)
        route.continue_()

    page.route("**/api/**", late)
    page.add_init_script(
        """window.jumped = 0;
        new PerformanceObserver((list) => {
            for (const shift of list.getEntries()) window.jumped += shift.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    page.goto("about:blank")
    page.goto(f"{account.api.stack.base_url}/#{view}")
    wait_until_loaded(page)
    page.wait_for_timeout(100)
    assert page.evaluate("window.jumped") < GOOD_LAYOUT_SHIFT


def test_a_module_that_cannot_be_fetched_is_said_where_the_view_would_stand(account: Account, page: Page) -> None:
    sign_in(page, account)
    page.route("**/views/budgets.js", lambda route: route.abort())
    page.get_by_role("navigation").get_by_role("link", name="Budgets").click()
    expect(page.get_by_role("main").get_by_role("alert")).to_contain_text("could not be reached")
    page.unroute("**/views/budgets.js")
    page.get_by_role("button", name="Reload the page").click()
    expect(section(page, "Your budgets")).to_contain_text("No budgets yet.")


def test_the_keyboard_skips_to_the_content(account: Account, page: Page) -> None:
    sign_in(page, account)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(section(page, "Your plan").get_by_role("link", name="Upgrade")).to_be_focused()


def test_what_is_told_covers_no_heading_that_the_reader_is_led_to(account: Account, page: Page) -> None:
    sign_in(page, account, "?back=turned")
    expect(result_bar(page)).not_to_be_empty()
    for address, name in (("check", "Check my bill"), ("resources", "Resources")):
        page.evaluate("named => { location.hash = named }", address)
        wait_until_loaded(page)
        title = section(page, name).get_by_role("heading", name=name)
        expect(title).to_be_focused()
        bar, box = result_bar(page).bounding_box(), title.bounding_box()
        assert bar is not None
        assert box is not None
        assert box["y"] >= bar["y"] + bar["height"]
