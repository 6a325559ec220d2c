"""A Chromium, and how somebody comes to the billing page in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from tests.flows.client import Account

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


@contextmanager
def launched(playwright: Playwright) -> Iterator[Browser]:
    """A browser, closed after the block."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    # It starts in a second, and on a busy machine in a minute.
    browser = playwright.chromium.launch(executable_path=path, args=SWITCHES, timeout=180_000)
    yield browser
    browser.close()


def sign_in(page: Page, account: Account, query: str = "", view: str = "") -> None:
    """Open the page with a token in the fragment, go to a view, and wait until all of it is there."""
    page.goto(f"{account.api.stack.base_url}/{query}#token={account.token}")
    wait_until_loaded(page)
    if view:
        go_to(page, view)


def go_to(page: Page, view: str) -> None:
    """Show another view, by the name that its address has."""
    if page.evaluate("location.hash") == f"#{view}":
        return
    before = page.get_by_role("heading", level=1).element_handle()
    page.evaluate("view => { location.hash = view }", view)
    before.wait_for_element_state("hidden")
    wait_until_loaded(page)


def wait_until_loaded(page: Page) -> None:
    """Return once no section waits for its data."""
    expect(page.locator("main section").first).to_be_attached()
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)


def section(page: Page, name: str) -> Locator:
    """A section of the page by its heading."""
    return page.get_by_role("region", name=name, exact=True)


def todo(page: Page) -> Locator:
    """What the overview says needs doing."""
    return section(page, "What needs doing")


def result_bar(page: Page) -> Locator:
    """Where the page says how an act ended."""
    return page.locator("#result")
