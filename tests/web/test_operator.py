"""An operator looks at an account on the page: its timeline, what belongs together, nothing to change."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.flows.client import Account
from tests.web import scenes
from tests.web.browsing import section, sign_in, wait_until_loaded
from tests.web.conftest import OpenPage
from tests.web.test_access import PHONE, check_accessible, check_fits

pytestmark = pytest.mark.browser

OPERATE = "billing:operate"


def look_at(page: Page, account: Account, scopes: str = OPERATE) -> None:
    """Open the account's timeline with an operator's token."""
    stack = account.api.stack
    page.goto(f"{stack.base_url}/?as={account.id}#token={stack.token('ops_ada', scopes)}")
    wait_until_loaded(page)


@pytest.fixture
def lived(account: Account) -> Account:
    """An account with a deposit, a charge with a long reference, and Stripe's events of it."""
    scenes.deposit(account, 2_000)
    scenes.spend(account, 50, "work", reference="a-reference-without-a-single-gap-" + "x" * 120)
    account.api.deliver()
    return account


def test_a_correlation_id_leads_to_what_belongs_together_and_the_back_button_back(lived: Account, page: Page) -> None:
    look_at(page, lived)
    everything = section(page, "What happened")
    charge = everything.get_by_role("row").filter(has_text="a-reference-without")
    expect(charge).to_contain_text("-$0.50")
    expect(everything.get_by_text("Stripe’s event").first).to_be_visible()
    before = everything.get_by_role("row").count()
    charge.get_by_role("link", name="Related").click()
    related = section(page, "What belongs together")
    expect(related.get_by_role("row").filter(has_text="a-reference-without")).to_be_visible()
    assert related.get_by_role("row").count() < before
    page.go_back()
    expect(section(page, "What happened").get_by_role("row")).to_have_count(before)


def test_nothing_is_shown_or_sent_that_changes_anything(lived: Account, page: Page) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - playwright marks what it is given
    look_at(page, lived)
    expect(page.get_by_role("navigation")).to_have_count(0)
    buttons = {button.inner_text() for button in page.get_by_role("button").all()}
    assert buttons <= {"Skip to the content", "Sign out", "Show more"}
    to_the_api = [request for request in asked if "/api/" in request.url]
    assert {request.method for request in to_the_api} == {"GET"}
    assert all(f"/api/operators/accounts/{lived.id}/timeline" in request.url for request in to_the_api)
    # Whoever finds the page's own parts is not let through either.
    script = """async () => {
        const { readOnly } = await import("/lib/api.js");
        const api = readOnly({ get: () => "got", post: () => "sent", put: () => "sent", del: () => "sent" });
        const tries = ["post", "put", "del"].map((name) => api[name]("/x").then(() => "sent", (error) => error.code));
        return Promise.all(tries);
    }"""
    assert page.evaluate(script) == ["READ_ONLY"] * 3


def test_a_user_s_token_shows_nothing_of_another_account_and_says_what_is_needed(lived: Account, page: Page) -> None:
    look_at(page, lived, "")
    expect(page.get_by_role("alert")).to_contain_text("billing:operate")
    expect(page.get_by_role("row")).to_have_count(0)


def test_an_operator_s_token_and_a_user_s_in_one_tab_are_kept_apart(lived: Account, page: Page) -> None:
    sign_in(page, lived)
    page.goto(f"{lived.api.stack.base_url}/?as={lived.id}")
    expect(page.get_by_text("For operators")).to_be_visible()
    page.get_by_role("button", name="Sign in").click()
    expect(section(page, "What happened").get_by_role("row").first).to_be_visible()
    page.goto(lived.api.stack.base_url)
    wait_until_loaded(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_axe_finds_nothing_and_all_fits_by_day_on_a_desk_and_by_night_on_a_phone(lived: Account, page: Page) -> None:
    desk = page.viewport_size
    look_at(page, lived)
    for window, scheme in ((desk, "light"), (PHONE, "dark")):
        page.set_viewport_size(window)
        page.emulate_media(color_scheme=scheme)
        check_fits(page, f"timeline, {window}")
        check_accessible(page, f"timeline, {scheme}, {window}")


@pytest.mark.parametrize(
    ("locale", "words"), [("de-DE", ["Was geschehen ist", "Buchung"]), ("es-ES", ["Qué ha ocurrido", "Movimiento"])]
)
def test_an_operator_reads_it_in_their_language(
    lived: Account, open_page: OpenPage, locale: str, words: list[str]
) -> None:
    page = open_page(locale=locale)
    look_at(page, lived)
    for each in words:
        expect(page.get_by_text(re.compile(each)).first).to_be_visible()
