"""A creator's tools on the billing page: published, changed and taken away in place."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.flows.client import Account
from tests.web.browsing import result_bar, section, sign_in

pytestmark = pytest.mark.browser


def test_a_tool_is_published_repriced_and_removed_in_place(account: Account, page: Page) -> None:
    sign_in(page, account, view="earnings")
    tools = section(page, "Your tools")
    expect(tools).to_contain_text("No tools yet.")
    tools.get_by_role("button", name="Publish a tool").click()
    dialog = page.get_by_role("dialog", name="Publish a tool")
    dialog.get_by_label("Name").fill("Web search")
    dialog.get_by_label("Id").fill(f"{account.id}-search")
    dialog.get_by_label("Price a call").fill("0.0025")
    dialog.get_by_role("button", name="Save").click()
    expect(result_bar(page)).to_contain_text("Web search is published at $0.0025 a call.")
    expect(tools.get_by_role("row", name=re.compile(r"Web search .*\$0\.0025"))).to_be_visible()
    assert account.get("/api/creators/tools")["tools"][0]["price_cents"] == 0.25
    change = tools.get_by_role("button", name="Change Web search")
    change.click()
    dialog = page.get_by_role("dialog", name="Change Web search")
    expect(dialog.get_by_label("Price a call")).to_have_value("0.0025")
    expect(dialog.get_by_label("Id")).to_have_count(0)
    dialog.get_by_label("Price a call").fill("0")
    dialog.get_by_role("button", name="Save").click()
    expect(tools).to_contain_text("Free")
    expect(change).to_be_focused()
    tools.get_by_role("button", name="Remove Web search").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(result_bar(page)).to_contain_text("Web search is removed.")
    expect(tools).to_contain_text("No tools yet.")
    assert account.get("/api/creators/tools")["tools"] == []


@pytest.mark.parametrize(
    ("label", "typed", "says"),
    [
        ("Name", " ", "Give it a name."),
        ("Id", "my tool", "Use letters, digits and"),
        ("Price a call", "100.01", "Enter a price from 0 to 100 dollars."),
        ("Price a call", "free", "Enter a price from 0 to 100 dollars."),
    ],
)
def test_what_cannot_be_meant_is_said_at_its_field(
    account: Account, page: Page, label: str, typed: str, says: str
) -> None:
    sign_in(page, account, view="earnings")
    page.get_by_role("button", name="Publish a tool").click()
    dialog = page.get_by_role("dialog")
    for name, value in (("Name", "Search"), ("Id", "search-1"), ("Price a call", "0.10")):
        dialog.get_by_label(name).fill(typed if name == label else value)
    dialog.get_by_role("button", name="Save").click()
    field = dialog.locator(".field", has=page.get_by_label(label))
    expect(field.get_by_role("alert")).to_contain_text(says)
    expect(dialog.get_by_label(label)).to_be_focused()
    assert account.get("/api/creators/tools")["tools"] == []


def test_an_id_that_another_creator_has_is_said_to_be_taken(account: Account, page: Page) -> None:
    other = Account(account.api, f"{account.id}_other")
    body = {"name": "Theirs", "price_cents": 5}
    assert other.send("PUT", f"/api/creators/tools/{other.id}-tool", body).status_code == 200
    sign_in(page, account, view="earnings")
    page.get_by_role("button", name="Publish a tool").click()
    dialog = page.get_by_role("dialog")
    for name, value in (("Name", "Mine"), ("Id", f"{other.id}-tool"), ("Price a call", "0.10")):
        dialog.get_by_label(name).fill(value)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert").filter(has_text="taken by another creator")).to_be_visible()
