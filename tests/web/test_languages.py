"""The languages of the billing page: one file each, all saying the same, chosen by the reader's browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from local.paths import DASHBOARD
from tests.flows.client import Account, Api
from tests.web import scenes
from tests.web.browsing import go_to, section, sign_in, todo
from tests.web.conftest import OpenPage
from tests.web.test_access import VIEWS, check_fits

pytestmark = pytest.mark.browser

LANGUAGES = sorted(file.stem for file in (DASHBOARD / "messages").glob("*.js"))
Messages = dict[str, str | dict[str, str]]


@pytest.fixture(scope="module")
def window(api: Api, browser: Browser) -> Iterator[Page]:
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()
        page.goto(f"{api.stack.base_url}/icon.svg")
        yield page


def messages(window: Page, language: str) -> Messages:
    script = "async (name) => (await import(`/messages/${name}.js`)).messages"
    found: Messages = window.evaluate(script, language)
    return found


def places(message: str | dict[str, str]) -> list[set[str]]:
    forms = [message] if isinstance(message, str) else list(message.values())
    return [set(re.findall(r"\{(\w+)\}", form)) for form in forms]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_words_for_the_same_with_the_same_places(window: Page, language: str) -> None:
    english, other = messages(window, "en"), messages(window, language)
    assert list(other) == list(english)
    for key, message in other.items():
        expected = places(english[key])[0]
        for found in places(message):
            # "one" may say the number in words.
            assert found == expected or found | {"n"} == expected | {"n"}, key
        assert isinstance(message, str) == isinstance(english[key], str), key
    assert [key for key, message in other.items() if message == ""] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_number_has_the_forms_that_its_language_tells_apart(window: Page, language: str) -> None:
    told_apart = window.evaluate("(name) => new Intl.PluralRules(name).resolvedOptions().pluralCategories", language)
    for key, message in messages(window, language).items():
        if isinstance(message, dict):
            assert set(message) == set(told_apart), key


def test_what_the_page_says_is_in_the_messages_and_nothing_else_is(window: Page) -> None:
    code = "\n".join(
        file.read_text()
        for file in DASHBOARD.rglob("*.js")
        if file.parent.name != "messages" and file.name != "types.js"
    )
    called = set(re.findall(r'\bt\(\s*"([\w.]+)"', code)) | set(re.findall(r'[?:]\s*"([a-z]\w*\.\w[\w.]*)"', code))
    begun = set(re.findall(r"`([a-zA-Z]+\.(?:\w+\.)?)\$\{", code))
    known = set(messages(window, "en"))
    assert {key for key in called if not key.endswith(".js")} <= known
    literal = set(re.findall(r'"([a-z]\w*\.\w[\w.]*)"', code))
    assert {key for key in known - literal if not any(key.startswith(start) for start in begun)} == set()


def test_a_german_reader_sees_german_with_german_figures_in_every_view(account: Account, open_page: OpenPage) -> None:
    scenes.deposit(account, 12_345)
    scenes.grace(account)
    page = open_page(locale="de-DE", viewport={"width": 375, "height": 740})
    sign_in(page, account)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(section(page, "Ihr Guthaben")).to_contain_text(re.compile(r"123,45\s\$"))
    expect(section(page, "Was zu tun ist")).to_contain_text("Über der Grenze: API-Anfragen")
    for view in VIEWS:
        go_to(page, view)
        check_fits(page, view)
    go_to(page, "usage")
    usage = section(page, "Dieser Monat")
    expect(usage).to_contain_text("Über der Grenze: noch 3.500 Kulanz")
    expect(usage).to_contain_text(re.compile(r"Beginnt in \d+ Tag(en)? neu, am \d+\. \w+ 20\d\d \(UTC\)"))


def test_a_spanish_reader_sees_spanish(account: Account, open_page: OpenPage) -> None:
    page = open_page(locale="es-MX")
    sign_in(page, account)
    expect(page.get_by_role("heading", level=1)).to_have_text("Resumen")
    expect(section(page, "Qué hay que hacer")).to_contain_text("Nada requiere su atención.")
    go_to(page, "wallet")
    page.get_by_role("button", name="Añadir dinero").click()
    expect(page.get_by_role("dialog", name="Añadir dinero")).to_contain_text(re.compile(r"De \S+\s5 a \S+\s500\."))


def test_who_reads_none_of_the_languages_sees_english(account: Account, open_page: OpenPage) -> None:
    page = open_page(locale="ja-JP")
    sign_in(page, account)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(todo(page)).to_contain_text("Nothing needs your attention.")
