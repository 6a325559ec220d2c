"""Notifications on the billing page: whom to tell of what, the webhook's secret shown once, what became of messages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.flows.client import Account
from tests.web.browsing import result_bar, section, sign_in

pytestmark = pytest.mark.browser

SETTINGS = "/api/billing/notifications"


def test_addresses_events_and_the_threshold_are_set_in_place(account: Account, page: Page) -> None:
    sign_in(page, account, view="notifications")
    tell = section(page, "What we tell you by e-mail")
    expect(tell).to_contain_text("Nobody is told by e-mail yet.")
    tell.get_by_role("button", name="Set up").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail addresses").fill("ada@example.com\ngrace@example.com")
    dialog.get_by_label("Usage comes near a limit").check()
    dialog.get_by_label("The plan changed").uncheck()
    dialog.get_by_label("The balance is low below").fill("12.50")
    dialog.get_by_role("button", name="Save").click()
    expect(result_bar(page)).to_contain_text("Your notifications are saved.")
    expect(tell).to_contain_text("ada@example.com")
    expect(tell).to_contain_text("The balance is low below $12.50.")
    kept = account.get(SETTINGS)
    assert kept["emails"] == ["ada@example.com", "grace@example.com"]
    assert kept["balance_low_cents"] == 1_250
    assert "usage.limit_near" in kept["events"]
    assert "plan.changed" not in kept["events"]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("ada@localhost", "ada@localhost is no e-mail address."),
        (" ".join(f"a{number}@example.com" for number in range(6)), "Name five addresses at most."),
        ("a@127.0.0.1", ""),
    ],
)
def test_an_address_that_cannot_be_is_said_at_its_field_and_nothing_is_changed(
    account: Account, page: Page, typed: str, says: str
) -> None:
    sign_in(page, account, view="notifications")
    section(page, "What we tell you by e-mail").get_by_role("button", name="Set up").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail addresses").fill(typed)
    dialog.get_by_role("button", name="Save").click()
    field = dialog.locator(".field", has=page.get_by_label("E-mail addresses"))
    # The last one only the API refuses; its words stand at the field too.
    expect(field.get_by_role("alert")).to_have_text(re.compile(re.escape(says) or "."))
    expect(dialog.get_by_label("E-mail addresses")).to_be_focused()
    assert account.get(SETTINGS)["emails"] == []


def test_the_webhook_s_secret_is_shown_once_and_made_anew(account: Account, page: Page) -> None:
    sign_in(page, account, view="notifications")
    webhook = section(page, "Webhook")
    webhook.get_by_role("button", name="Add a webhook").click()
    dialog = page.get_by_role("dialog", name="Webhook", exact=True)
    dialog.get_by_label("Address").fill("nowhere")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("This is no address.")).to_be_visible()
    dialog.get_by_label("Address").fill("http://127.0.0.1:9000/billing")
    dialog.get_by_role("button", name="Save").click()
    secret = page.get_by_role("dialog", name="Your webhook secret")
    first = secret.locator("#webhook-secret")
    expect(first).to_have_text(re.compile("^whsec_"))
    shown = first.inner_text()
    secret.get_by_role("button", name="Close", exact=True).click()
    expect(webhook).to_contain_text("http://127.0.0.1:9000/billing")
    page.reload()
    expect(webhook).to_contain_text("http://127.0.0.1:9000/billing")
    expect(page.locator("main")).not_to_contain_text(shown)
    webhook.get_by_role("button", name="Make a new secret").click()
    page.get_by_role("dialog", name="Make a new secret?").get_by_role("button", name="Make a new secret").click()
    expect(first).to_have_text(re.compile("^whsec_"))
    assert first.inner_text() != shown
    expect(secret).to_contain_text("The one before is valid too, until ")
    secret.get_by_role("button", name="Close", exact=True).click()
    webhook.get_by_role("button", name="Remove the webhook").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(webhook.get_by_role("button", name="Add a webhook")).to_be_visible()
    assert account.get(SETTINGS)["webhook_url"] is None
