"""Notices as a mail: the words are in templates/, one file for each type of event and two frames around them."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

from aerostack_billing.notifications.mail import Mail, MailRefused, Tracking, as_one_line
from aerostack_billing.notifications.models import Notice
from aerostack_billing.notifications.wording import figures

TEMPLATES: Final = Path(__file__).parent / "templates"
MOST_LINES: Final = 30
"""Events that one mail lists; how many more there are, it says."""
LONGEST_SUBJECT: Final = 150


@dataclass(frozen=True)
class Wording:
    """One file: what a mail of this type says of one event, and of several."""

    subject: str
    subject_of_several: str
    line: str
    advice: str
    button: str
    view: str


def wording(event_type: str) -> Wording:
    """The words for a type of event. MailRefused, for good, where there are none."""
    path = TEMPLATES / f"{event_type}.txt"
    if path.parent != TEMPLATES or not path.is_file():
        raise MailRefused(f"there are no words for {event_type}", for_good=True)
    return _read(path)


@cache
def _read(path: Path) -> Wording:
    """`name: text`, lines that begin with a space going on. ValueError for a field too few or too many."""
    found: dict[str, str] = {}
    name = ""
    for row in path.read_text(encoding="utf-8").splitlines():
        if row.startswith(" ") and name:
            found[name] += f" {row.strip()}"
        elif row.strip() and not row.startswith("#"):
            name, _, text = row.partition(":")
            found[name := name.strip().replace(" ", "_")] = text.strip()
    if set(found) != {field.name for field in fields(Wording)}:
        raise ValueError(f"{path.name} must have the fields {', '.join(field.name for field in fields(Wording))}")
    return Wording(**found)


class Composer:
    """Writes mails whose links lead to the billing page at `page_url`."""

    def __init__(self, page_url: str) -> None:
        self._page_url = page_url.partition("#")[0]

    def compose(self, notices: Sequence[Notice], tracking: Tracking) -> Mail:
        """One mail of notices of one type and address. MailRefused, for good, for an event that has not its figures."""
        first = notices[0]
        words = wording(first.type)
        try:
            of_each = [figures(first.type, json.loads(notice.detail)["data"]) for notice in notices]
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise MailRefused("the event has not the figures of its type", for_good=True) from error
        about = of_each[0]
        try:
            subject = _filled(words.subject, about)
            if len(notices) > 1:
                subject = _filled(words.subject_of_several, {"count": str(len(notices))})
            lines = [_filled(words.line, each) for each in of_each[:MOST_LINES]]
            advice = _filled(words.advice, about)
        except KeyError as error:
            raise MailRefused(f"the words for {first.type} ask for what the event has not", for_good=True) from error
        if len(of_each) > MOST_LINES:
            lines.append(f"And {len(of_each) - MOST_LINES} more.")
        settings = f"{self._page_url}#notifications"
        texts = {
            "subject": subject,
            "advice": advice,
            "button": words.button,
            "link": f"{self._page_url}#{words.view}",
            "settings": settings,
            "account": first.account_id,
            "recipient": first.recipient,
        }
        marked = "" if len(lines) == 1 else "- "
        text = _frame("frame.txt").substitute(texts, lines="\n".join(f"{marked}{line}" for line in lines))
        escaped = {name: html.escape(each) for name, each in texts.items()}
        rows = "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)
        if len(lines) > 1:
            rows = "<ul>\n" + "\n".join(f"<li>{html.escape(line)}</li>" for line in lines) + "\n</ul>"
        page = _frame("frame.html").substitute(escaped, lines=rows)
        return Mail(first.recipient, subject[:LONGEST_SUBJECT], text, page, settings, tracking)


def _filled(words: str, about: Mapping[str, str]) -> str:
    return Template(words).substitute({name: as_one_line(text) for name, text in about.items()})


@cache
def _frame(name: str) -> Template:
    return Template((TEMPLATES / name).read_text(encoding="utf-8"))
