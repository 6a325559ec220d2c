"""A person in a real browser: pays, is declined, turns back, answers the bank, and manages the plan in the portal."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.flows.client import ASKS_EACH_TIME, DECLINES, Account

pytestmark = pytest.mark.browser
# Nothing here takes long, but on a busy machine.
expect.set_options(timeout=60_000)

SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class _Dashboard(BaseHTTPRequestHandler):
    """The app that sends a person to pay and welcomes them back."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>Dashboard</title><h1>Settings</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def dashboard() -> Iterator[str]:
    """The URL of the app."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Dashboard) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}/settings/billing"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES, timeout=180_000)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a browser that nobody used before, on which no script may fail."""
    context = browser.new_context(viewport={"width": 420, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    mistakes: list[str] = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    yield page
    context.close()
    assert mistakes == []


def offer(account: Account, dashboard: str, tier: str = "pro", interval: str = "monthly") -> str:
    """The page on which the plan is sold, which leads back to the dashboard."""
    return account.page(tier, interval, success_url=f"{dashboard}?success=true", cancel_url=dashboard)


def session_in(url: str) -> str:
    return parse_qs(urlsplit(url).query)["session_id"][0]


def test_a_person_pays_and_comes_back_on_the_plan(account: Account, page: Page, dashboard: str) -> None:
    page.goto(offer(account, dashboard))
    expect(page.get_by_role("table")).to_contain_text("Pro")
    expect(page.get_by_role("table")).to_contain_text("every month")
    expect(page.get_by_text("$49.00").first).to_be_visible()
    page.get_by_role("button", name="Pay and subscribe $49.00").click()
    page.wait_for_url(f"{dashboard}?success=true&session_id=*")
    assert account.verify(session_in(page.url)).status_code == 200
    assert account.tier() == "pro"


def test_a_person_sees_what_a_year_costs(account: Account, page: Page, dashboard: str) -> None:
    page.goto(offer(account, dashboard, "business", "yearly"))
    expect(page.get_by_role("table")).to_contain_text("Business")
    expect(page.get_by_role("table")).to_contain_text("every year")
    expect(page.get_by_role("button", name="Pay and subscribe $1,341.00")).to_be_visible()


def test_a_person_who_turns_back_has_bought_nothing(account: Account, page: Page, dashboard: str) -> None:
    page.goto(offer(account, dashboard))
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(dashboard)
    assert account.tier() == "free"


def test_a_person_whose_card_declines_reads_why_and_pays_with_another(
    account: Account, page: Page, dashboard: str
) -> None:
    page.goto(offer(account, dashboard))
    page.get_by_label("Card number").fill(DECLINES)
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
    expect(page.get_by_role("table")).to_contain_text("Pro")
    assert account.tier() == "free"
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url("**session_id=*")
    assert account.verify(session_in(page.url)).json()["plan_tier"] == "pro"


def test_a_person_answers_the_bank(account: Account, page: Page, dashboard: str) -> None:
    page.goto(offer(account, dashboard))
    page.get_by_label("Card number").fill(ASKS_EACH_TIME)
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("heading", name="3-D Secure")).to_be_visible()
    page.get_by_role("button", name="Fail authentication").click()
    expect(page.get_by_role("alert")).to_contain_text("unable to authenticate")
    page.get_by_label("Card number").fill(ASKS_EACH_TIME)
    page.get_by_role("button", name="Pay").click()
    page.get_by_role("button", name="Complete authentication").click()
    page.wait_for_url("**session_id=*")
    assert account.verify(session_in(page.url)).json()["plan_tier"] == "pro"


def test_a_person_confirms_an_upgrade_and_sees_what_it_costs_today(
    account: Account, page: Page, dashboard: str
) -> None:
    account.buy("starter")
    page.goto(offer(account, dashboard, "business"))
    confirmation = page.locator("section", has_text="Confirm your new plan")
    expect(confirmation).to_contain_text("Business")
    expect(confirmation).to_contain_text("$149.00 a month")
    expect(confirmation).to_contain_text("Due today$130.00")
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"{dashboard}?success=true")
    account.api.deliver()
    assert account.tier() == "business"


def test_a_person_cancels_and_thinks_better_of_it_in_the_portal(account: Account, page: Page, dashboard: str) -> None:
    account.buy("pro")
    portal = account.get(f"/api/billing/portal?return_url={dashboard}")["url"]
    page.goto(portal)
    page.get_by_role("button", name="Cancel at the end of the period").click()
    page.wait_for_url(dashboard)
    account.api.deliver()
    assert account.billing()["cancel_at_period_end"] is True
    page.goto(portal)
    expect(page.get_by_text("Ends on")).to_be_visible()
    page.get_by_role("button", name="Keep my plan").click()
    page.wait_for_url(dashboard)
    account.api.deliver()
    assert account.billing()["cancel_at_period_end"] is False


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_is_wider_than_its_window(account: Account, page: Page, dashboard: str, width: int) -> None:
    account.buy("pro")
    pages = [offer(account, dashboard, "business"), account.get("/api/billing/portal")["url"]]
    page.set_viewport_size({"width": width, "height": 700})
    for url in pages:
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
