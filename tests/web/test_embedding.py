"""The billing page in another app's page: plain HTML, and React. Both are the examples of docs/embedding."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from local.paths import ROOT
from tests.flows.client import Account
from tests.web import scenes
from tests.web.browsing import section

pytestmark = pytest.mark.browser

EXAMPLES = ROOT / "docs" / "embedding"
REACT = Path(__file__).parent / "react" / "node_modules"
VENDORED = {
    "react": "react/cjs/react.production.js",
    "scheduler": "scheduler/cjs/scheduler.production.js",
    "react-dom": "react-dom/cjs/react-dom.production.js",
    "react-dom-client": "react-dom/cjs/react-dom-client.production.js",
}


def module(name: str) -> str:
    """A module of React's as a browser imports it: what a bundler would make of its CommonJS."""
    text = (REACT / VENDORED[name]).read_text()
    needed = [other for other in VENDORED if f'require("{other}")' in text]
    imports = "".join(f'import _{index} from "/vendor/{other}.js";\n' for index, other in enumerate(needed))
    given = ", ".join(f"{json.dumps(other)}: _{index}" for index, other in enumerate(needed))
    names = {
        "react": "createElement, StrictMode, useCallback, useState",
        "react-dom-client": "createRoot",
    }.get(name)
    exported = f"export const {{ {names} }} = exports;\n" if names else ""
    return (
        f"{imports}const exports = {{}}, module = {{ exports }}, process = {{ env: {{}} }};\n"
        f"const require = (name) => ({{ {given} }})[name];\n{text}\n{exported}export default exports;\n"
    )


def embed(page: Page, account: Account, example: str, *, at: str = "") -> list[str]:
    """Open an example as an app would serve it; the requests for tokens."""
    base = account.api.stack.base_url
    tokens: list[str] = []

    def hand_out(route: Route) -> None:
        tokens.append(route.request.url)
        renewed = any("renew=1" in url for url in tokens)
        route.fulfill(body=account.token if renewed else "an.old.token", content_type="text/plain")

    def serve(route: Route) -> None:
        route.fulfill(body=(EXAMPLES / example).read_text(), content_type="text/html")

    def forward(route: Route) -> None:
        answer = route.fetch(url=route.request.url.replace("/billing/", "/", 1))
        route.fulfill(response=answer)

    def vendored(route: Route) -> None:
        name = route.request.url.rpartition("/")[2].removesuffix(".js")
        route.fulfill(body=module(name), content_type="text/javascript")

    page.route("**/settings*", serve)
    page.route(f"{base}/billing/**", forward)
    page.route("**/session/token*", hand_out)
    page.route("**/vendor/*.js", vendored)
    page.goto(f"{base}/settings{at}")
    return tokens


def embedded_is_loaded(page: Page) -> None:
    expect(page.locator("aerostack-billing section").first).to_be_attached()
    expect(page.locator("aerostack-billing [aria-busy=true]")).to_have_count(0)


def test_plain_html_embeds_the_page_with_its_own_colours_and_neither_s_styles_reach_the_other(
    account: Account, page: Page
) -> None:
    tokens = embed(page, account, "plain.html")
    embedded_is_loaded(page)
    expect(section(page, "Your plan")).to_contain_text("Free Active")
    # The first token was refused: the app was asked for another one.
    assert "renew=1" not in tokens[0]
    assert [url for url in tokens if "renew=1" in url]
    upgrade = section(page, "Your plan").get_by_role("link", name="Upgrade")
    expect(upgrade).to_have_css("background-color", "rgb(122, 60, 255)")
    expect(upgrade).to_have_css("text-transform", "none")
    expect(page.locator("header h2")).to_have_css("text-transform", "uppercase")
    expect(page.locator("header h2")).to_have_css("font-size", "24px")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("aerostack-billing .page")).to_have_css("background-color", "rgb(251, 248, 255)")
    expect(page).to_have_title("Settings · Your app")
    expect(page.get_by_role("main")).to_have_count(1)
    assert Axe().run(page, options={"preload": False}).response["violations"] == []


def test_in_plain_html_views_have_addresses_and_stripe_leads_back_to_the_app(account: Account, page: Page) -> None:
    embed(page, account, "plain.html", at="?tab=billing#wallet")
    embedded_is_loaded(page)
    section(page, "Your wallet").get_by_role("button", name="Add money").click()
    with page.expect_request("**/api/balance/deposit") as asked:
        page.get_by_role("dialog").get_by_role("button", name="Go to payment").click()
    back = asked.value.post_data_json["success_url"]
    expect(page.get_by_role("button", name=re.compile("^Pay"))).to_be_visible()
    assert back == f"{account.api.stack.base_url}/settings?tab=billing&back=deposit"
    session = account.pay(page.url)
    page.goto(f"{back}&session_id={session}")
    expect(page.locator("#result")).to_contain_text("Your deposit has arrived. You can spend $25.00.")
    assert page.url == f"{account.api.stack.base_url}/settings?tab=billing"
    expect(page.locator("#balance")).to_have_text("$25.00")


@pytest.mark.npm
def test_react_mounts_unmounts_and_mounts_it_again_and_keeps_its_own_address(account: Account, page: Page) -> None:
    assert REACT.exists(), "run scripts/fetch_node_packages"
    scenes.deposit(account)
    embed(page, account, "react.html", at="#/settings/billing")
    page.get_by_role("button", name="Show billing").click()
    embedded_is_loaded(page)
    expect(section(page, "Your balance")).to_contain_text("$25.00")
    section(page, "Your balance").get_by_role("link", name="Open wallet").click()
    expect(page.locator("#balance")).to_have_text("$25.00")
    assert page.url.endswith("#/settings/billing")
    page.get_by_role("button", name="Hide billing").click()
    expect(page.locator("aerostack-billing")).to_have_count(0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("dispatchEvent(new Event('online'))")
    page.get_by_role("button", name="Show billing").click()
    embedded_is_loaded(page)
    expect(section(page, "Your balance")).to_contain_text("$25.00")
    # Of the page that was taken away nothing is left that asks.
    assert len([url for url in asked if url.endswith("/api/balance")]) == 1
