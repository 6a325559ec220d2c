"""docs/mail.md and docs/mail/*.html: each message as it is sent. `python -m local.mail.previews` writes them."""

from __future__ import annotations

import json
from pathlib import Path

from aerostack_billing.notifications.composing import Composer
from aerostack_billing.notifications.mail import Mail, Tracking
from aerostack_billing.notifications.models import Notice
from local.mail.samples import SAMPLES
from local.paths import ROOT

_HEAD = """\
# The mails

Each notice as it is sent by e-mail. The words are in `notifications/templates` of the layer: one file for
each event, and a frame around them as text and as HTML. `make mails` writes this page anew.
"""


def mail_of(event_type: str, count: int = 1, data: dict[str, object] | None = None) -> Mail:
    """The mail of so many events of a type, to an example's address."""
    data = SAMPLES[event_type] if data is None else data
    notices = [
        Notice(
            account_id="acct_demo",
            event_id=f"evt_{number}",
            type=event_type,
            occurred_at="2026-03-10T12:00:00.000000Z",
            channel="email",
            recipient="billing@example.com",
            detail=json.dumps({"data": data}),
            created_at=0,
        )
        for number in range(count)
    ]
    compose = Composer("https://billing.example.com/").compose
    return compose(notices, Tracking("acct_demo", notices[0].item, "0"))


def files() -> dict[Path, str]:
    """The documents by their paths, as they are to be."""
    docs = ROOT / "docs"
    parts, pages = [_HEAD], {}
    for event_type in SAMPLES:
        mail = mail_of(event_type)
        pages[docs / "mail" / f"{event_type}.html"] = mail.html
        parts.append(f"## {event_type}\n\n[As HTML](mail/{event_type}.html)\n\n```\n{mail.text.rstrip()}\n```\n")
    return {docs / "mail.md": "\n".join(parts), **pages}


def main() -> None:
    """Write them."""
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
