"""`/_local/mail`: what was sent, as an inbox that a person opens and as JSON; and how a mailbox is made to refuse."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from string import Template

from local.clock import iso
from local.gateway.messages import HttpRequest, HttpResponse, json_response
from local.gateway.pages import security_headers
from local.mail.ses import FAULTS, OUTCOMES, LocalSes, Sent
from local.template.loader import Value

_FOLDER = Path(__file__).parent
_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_MESSAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups; frame-ancestors 'self'"


class MailDoors:
    """Answers under /_local/mail."""

    def __init__(self, ses: LocalSes, poll: Callable[[], None]) -> None:
        self._ses = ses
        self._poll = poll

    def show(self, request: HttpRequest, below: str) -> HttpResponse:
        """The inbox, `messages` as JSON (`?to=` for one address), or a message: `{id}`, `{id}/html`, `{id}/text`."""
        name, _, form = below.partition("/")
        if not name:
            return _page("inbox.html", rows=_rows(self._ses.newest_first()))
        if name == "messages":
            _, _, to = request.query.partition("to=")
            found = [sent.view() for sent in self._ses.newest_first() if to in {"", sent.recipient}]
            messages: Value = list(found)
            return json_response(200, {"messages": messages})
        sent = next((each for each in self._ses.newest_first() if each.message_id == name), None)
        if sent is None:
            return _error(404, "NOT_FOUND", "There is no such message.")
        if form == "html":
            headers = (("content-type", "text/html; charset=utf-8"), *security_headers(_MESSAGE_POLICY))
            return HttpResponse(200, headers, sent.html.encode())
        if form == "text":
            headers = (("content-type", "text/plain; charset=utf-8"), *security_headers())
            return HttpResponse(200, headers, sent.text.encode())
        return _page(
            "message.html",
            id=html.escape(sent.message_id),
            subject=html.escape(sent.subject),
            sender=html.escape(sent.sender),
            recipient=html.escape(sent.recipient),
            sent_at=iso(sent.sent_at),
            headers=html.escape("\n".join(f"{name}: {value}" for name, value in sent.headers.items())),
            events=html.escape(", ".join(sent.events)),
            text=html.escape(sent.text),
        )

    def act(self, request: HttpRequest, below: str) -> HttpResponse:
        """`bounce` `{email, what}`: let the newest mail to an address bounce, or its reader complain.

        `faults` `{kind}`: spoil the next mail.
        """
        try:
            asked = json.loads(request.body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            return _invalid("The body is a JSON object.")
        if below == "faults":
            return self._spoil(asked)
        if below == "bounce":
            return self._bounce(asked)
        return _error(404, "NOT_FOUND", "There are POST /_local/mail/bounce and /_local/mail/faults.")

    def _spoil(self, asked: dict[str, Value]) -> HttpResponse:
        kind = next((known for known in FAULTS if known == asked.get("kind")), None)
        if kind is None:
            return _invalid(f"kind is one of {', '.join(FAULTS)}.")
        self._ses.faults.append(kind)
        return json_response(200, {"faults": [*self._ses.faults]})

    def _bounce(self, asked: dict[str, Value]) -> HttpResponse:
        what = next((known for known in OUTCOMES if known == asked.get("what", "bounce")), None)
        if what is None:
            return _invalid(f"what is one of {', '.join(OUTCOMES)}.")
        sent = next((each for each in self._ses.newest_first() if each.recipient == asked.get("email")), None)
        if sent is None:
            return _invalid("email names an address that a mail was sent to.")
        self._ses.play(sent, what)
        self._poll()
        return json_response(200, {"id": sent.message_id, "what": what})


def _rows(sent: list[Sent]) -> str:
    if not sent:
        return '<p class="empty">No mail yet. Name an address under Notifications on the billing page.</p>'
    rows = "\n".join(map(_row, sent))
    return f"<ol>\n{rows}\n</ol>"


def _row(sent: Sent) -> str:
    at = iso(sent.sent_at)
    return (
        f'<li><a href="/_local/mail/{html.escape(sent.message_id)}">'
        f'<span class="to">{html.escape(sent.recipient)}</span> <strong>{html.escape(sent.subject)}</strong> '
        f'<time datetime="{at}">{at}</time></a></li>'
    )


def _page(name: str, **texts: str) -> HttpResponse:
    page = Template((_FOLDER / name).read_text(encoding="utf-8")).substitute(texts)
    headers = (("content-type", "text/html; charset=utf-8"), *security_headers(_POLICY))
    return HttpResponse(200, headers, page.encode())


def _invalid(text: str) -> HttpResponse:
    return _error(422, "INVALID_REQUEST", text)


def _error(status: int, code: str, text: str) -> HttpResponse:
    return json_response(status, {"error": {"code": code, "message": text, "details": {}}})
