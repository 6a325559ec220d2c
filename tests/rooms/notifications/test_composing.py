"""The mails: one for each event that a person is told of, with its figures, which are text and nothing else."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aerostack_billing.notifications.composing import LONGEST_SUBJECT, MOST_LINES, TEMPLATES, wording
from aerostack_billing.notifications.events import TEST, TYPES
from aerostack_billing.notifications.mail import Mail, MailRefused, Tracking
from local.mail.previews import files, mail_of
from local.mail.samples import SAMPLES
from tests.rooms.conftest import ROOT

NOWHERE = Tracking("acct_1", "notice#1", "0")
HOSTILE = '<script>alert(1)</script>"><img src=x>'


def test_each_event_that_is_told_has_its_words_and_its_sample() -> None:
    assert set(SAMPLES) == {*TYPES, TEST}
    assert {path.stem for path in TEMPLATES.glob("*.txt")} == {*TYPES, TEST, "frame"}


@pytest.mark.parametrize("event_type", SAMPLES)
@pytest.mark.parametrize("count", [1, 2, MOST_LINES + 5])
def test_a_mail_says_it_in_text_and_in_html_with_one_thing_to_do(event_type: str, count: int) -> None:
    mail = mail_of(event_type, count)
    words = wording(event_type)
    for form in (mail.text, mail.html):
        assert re.search(r"\$\D", form) is None
        assert f"https://billing.example.com/#{words.view}" in form
        assert "https://billing.example.com/#notifications" in form
        assert words.button in form
    assert mail.html.count('class="act"') == 1
    assert len(mail.subject) < 70
    assert ("And 5 more." in mail.text) == (count > MOST_LINES)
    assert mail.unsubscribe_url == "https://billing.example.com/#notifications"


def test_a_mail_can_be_read_on_a_dark_screen() -> None:
    page = mail_of("usage.blocked").html
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "@media (prefers-color-scheme: dark)" in page


class Tags(HTMLParser):
    """The elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)


@pytest.mark.parametrize("count", [1, 3])
def test_what_an_event_holds_is_text_in_the_page(count: int) -> None:
    data = {**SAMPLES["budget.reached"], "value": HOSTILE}
    plain, hostile = Tags(), Tags()
    plain.feed(mail_of("budget.reached", count).html)
    hostile.feed(mail_of("budget.reached", count, data).html)
    assert hostile.found == plain.found
    assert HOSTILE in mail_of("budget.reached", 1, data).text


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\r", "\x00", "\u2028", "\u202e", "\x7f"])
def test_an_event_s_figures_cannot_add_a_header_or_a_line(sign: str) -> None:
    data = {**SAMPLES["budget.reached"], "value": f"a{sign}Bcc: b@example.com"}
    mail = mail_of("budget.reached", 1, data)
    assert sign not in mail.subject
    assert "a Bcc: b@example.com" in mail.text
    for header in ("recipient", "subject", "unsubscribe_url"):
        given = {
            "recipient": "a@example.com",
            "subject": "x",
            "unsubscribe_url": "https://x.example",
            header: f"a{sign}b",
        }
        with pytest.raises(MailRefused) as refused:
            Mail(text="", html="", tracking=NOWHERE, **given)
        assert refused.value.for_good


def test_a_subject_has_a_bound() -> None:
    data = {**SAMPLES["budget.reached"], "value": "v" * 5_000}
    assert len(mail_of("budget.reached", 1, data).subject) <= LONGEST_SUBJECT


@pytest.mark.parametrize("event_type", [name for name in SAMPLES if name != TEST])
def test_an_event_without_its_figures_is_refused_for_good(event_type: str) -> None:
    for data in ({}, dict.fromkeys(SAMPLES[event_type], object.__name__), {name: [1] for name in SAMPLES[event_type]}):
        broken = {**data, "label": [], "changed": 1, "code": 5, "message": 1, "amount_cents": True}
        with pytest.raises(MailRefused) as refused:
            mail_of(event_type, 1, broken)
        assert refused.value.for_good


@pytest.mark.parametrize("event_type", ["../templates/usage.blocked", "usage.unheard_of", ""])
def test_there_are_no_words_for_what_is_no_event(event_type: str) -> None:
    with pytest.raises(MailRefused):
        wording(event_type)


CHANGES: dict[str, tuple[list[str], dict[str, object], str]] = {
    "an upgrade": (["plan_tier"], {"plan_tier": "pro"}, "The plan was Starter and is Pro now."),
    "a yearly plan": (["billing_interval"], {"billing_interval": "yearly"}, "It is billed yearly."),
    "a cancellation": (
        ["cancel_at_period_end", "cancel_at"],
        {"cancel_at_period_end": True, "cancel_at": "2026-04-01T00:00:00Z"},
        "The plan Starter ends on 1 April 2026.",
    ),
    "a cancellation taken back": (["cancel_at_period_end", "cancel_at"], {}, "The plan Starter goes on."),
    "a cheaper plan later": (
        ["pending_change"],
        {"pending_change": {"plan_tier": "free", "effective_at": "2026-04-01T00:00:00Z"}},
        "From 1 April 2026 on it is Free.",
    ),
    "a cheaper plan taken back": (["pending_change"], {}, "The change that was planned is taken back."),
    "an end": (
        ["plan_tier", "status"],
        {"plan_tier": "free", "status": "canceled"},
        "The plan was Starter and is Free now. It is cancelled.",
    ),
}


@pytest.mark.parametrize(("changed", "after", "said"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_plan_says_what_changed(changed: list[str], after: dict[str, object], said: str) -> None:
    before = SAMPLES["plan.changed"]["before"]
    assert isinstance(before, dict)
    data: dict[str, object] = {"changed": changed, "before": before, "after": {**before, **after}}
    assert f"\n{said}\n" in mail_of("plan.changed", 1, data).text


FIGURES: dict[str, tuple[str, dict[str, object], str]] = {
    "storage": (
        "usage.blocked",
        {"metric": "storage_bytes", "period": "now", "hard_limit": 2_750_000_000, "used": 2_750_000_000},
        "Storage: all 2.75 GB, grace included, are used now. Nothing more passes until something is deleted.",
    ),
    "a part of a cent": ("balance.low", {"balance_cents": 1.25}, "The balance is $0.0125,"),
    "thousands": ("payout.paid", {"amount_cents": 123_456_789}, "$1,234,567.89"),
    "December": ("usage.blocked", {"period": "2026-12"}, "until 1 January 2027"),
    "no next attempt": ("reload.failed", {"next_attempt_at": None}, "It is not tried again by itself."),
    "a budget in all": ("budget.reached", {"window": "total", "resets_at": None}, "until the limit is raised"),
}


@pytest.mark.parametrize(("event_type", "given", "said"), FIGURES.values(), ids=FIGURES)
def test_figures_are_written_as_a_person_reads_them(event_type: str, given: dict[str, object], said: str) -> None:
    assert said in mail_of(event_type, 1, {**SAMPLES[event_type], **given}).text


def test_samples_have_the_fields_of_their_events() -> None:
    for event_type, data in SAMPLES.items():
        if event_type != TEST:
            schema = json.loads((ROOT / "docs" / "events" / f"{event_type}.v1.json").read_text())
            assert set(data) == set(schema["properties"]["data"]["properties"]), event_type


def test_the_previews_in_the_documents_are_up_to_date() -> None:
    written: dict[Path, str] = files()
    assert {path: path.read_text(encoding="utf-8") for path in written} == written
    assert set((ROOT / "docs" / "mail").iterdir()) == {path for path in written if path.suffix == ".html"}


@pytest.mark.parametrize("event_type", ["usage.limit_near", "usage.grace_entered"])
def test_a_limit_that_was_passed_at_once_is_told_as_it_stands(event_type: str) -> None:
    past = {**SAMPLES[event_type], "used": 1_600_000, "limit": 50_000, "hard_limit": 55_000}
    text = mail_of(event_type, 1, past).text
    assert "The grace is used up, too: requests are refused until 1 April 2026." in text
    for untrue in ("80 %", "Nothing stops yet", "still pass"):
        assert untrue not in text


def test_who_reloads_is_not_asked_for_money() -> None:
    on, off = (
        mail_of("balance.low", 1, {**SAMPLES["balance.low"], "auto_reload_enabled": enabled}).text
        for enabled in (True, False)
    )
    assert "You need to do nothing" in on
    assert "Add money" not in on
    assert "Add money to keep your work running." in off
