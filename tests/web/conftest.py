"""One stack and one browser for this folder; an account and a window of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.flows.conftest import account, api, new_account  # noqa: F401 - the same stack, in its own copy
from tests.web.browsing import launched

# Nothing here takes long, but on a busy machine.
expect.set_options(timeout=60_000)

DESKTOP = {"width": 1280, "height": 900}
OpenPage = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launched(playwright) as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens windows of a browser that nobody used before, as the test wants them.

    In none of them may a script fail, the Content-Security-Policy be broken, or anything be asked of another host.
    """
    contexts: list[BrowserContext] = []
    mistakes: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A refused request is reported by the browser as well; whether the page says so is for the test to see.
        if message.type == "error" and "Failed to load resource" not in message.text:
            mistakes.append(message.text)

    def make(**options: object) -> Page:
        wanted = {"viewport": DESKTOP, "locale": "en-US", "timezone_id": "UTC", "reduced_motion": "reduce"}
        context = browser.new_context(**{**wanted, **options})
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("console", note)
        page.on("request", lambda request: request.url.startswith("http://127.0.0.1:") or mistakes.append(request.url))
        return page

    yield make
    for context in contexts:
        context.close()
    assert mistakes == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A window on a desk."""
    return open_page()
