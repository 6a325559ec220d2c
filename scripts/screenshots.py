"""Take the pictures of the billing page in docs/images again, from a stack of its own: `make screenshots`.

A picture that is given by name alone is taken alone: `scripts/screenshots.py grace phone`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from local import timeline
from local.paths import ROOT
from local.testing import running_stack
from tests.flows.client import ASKS_EACH_TIME, Account, Api
from tests.web import scenes
from tests.web.browsing import launched, sign_in, wait_until_loaded
from tests.web.test_embedding import embed

IMAGES = ROOT / "docs" / "images"
DESKTOP = (1200, 860)
PHONE = (390, 844)


@dataclass(frozen=True)
class Picture:
    """What is to be seen: an account in a state, and which view, or section of one, by its address."""

    name: str
    scene: Callable[[Account], None]
    view: str = ""
    dark: bool = False
    size: tuple[int, int] = DESKTOP
    press: tuple[str, ...] = ()
    choose: tuple[str, str] | None = None
    locale: str = "en-US"
    embedded: bool = False
    operator: bool = False


def main() -> None:
    """Take all pictures, or those that are named."""
    wanted = set(sys.argv[1:])
    IMAGES.mkdir(parents=True, exist_ok=True)
    timeline.MOST_FIRINGS = 20
    logging.disable()
    # What functions print is log.
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        running_stack() as stack,
        sync_playwright() as playwright,
    ):
        api = Api(stack)
        until_the_month_begins(api)
        made: dict[object, Account] = {}
        with launched(playwright) as browser:
            for picture in PICTURES:
                if wanted and picture.name not in wanted:
                    continue
                account = made.get(picture.scene)
                if account is None:
                    account = made[picture.scene] = Account(api, f"acct_{uuid.uuid4().hex[:8]}")
                    picture.scene(account)
                take(browser, account, picture)


def until_the_month_begins(api: Api) -> None:
    """Move on to the second of the next month: weeks of a life then fit into one period."""
    now = datetime.fromtimestamp(api.now(), tz=UTC)
    begins = datetime(now.year + now.month // 12, now.month % 12 + 1, 2, 9, tzinfo=UTC)
    api.advance(minutes=(begins - now).total_seconds() / 60)


def take(browser: Browser, account: Account, picture: Picture) -> None:
    """One picture, as a file."""
    width, height = picture.size
    scheme = "dark" if picture.dark else "light"
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale=picture.locale, reduced_motion="reduce"
    )
    page = context.new_page()
    if picture.embedded:
        embed(page, account, "plain.html")
    elif picture.operator:
        stack = account.api.stack
        page.goto(f"{stack.base_url}/?as={account.id}#token={stack.token('ops_ada', 'billing:operate')}")
    else:
        sign_in(page, account, view=picture.view)
    wait_until_loaded(page)
    for name in picture.press:
        page.get_by_role("button", name=name).first.click()
    if picture.choose is not None:
        label, option = picture.choose
        page.get_by_label(label, exact=True).select_option(label=option)
    # What was pressed asks for figures: a picture of waiting for them shows nothing.
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    file = IMAGES / f"{picture.name}.png"
    page.screenshot(path=file)
    context.close()
    print(f"{file.relative_to(ROOT)}  {file.stat().st_size // 1024} KB", file=sys.stderr)


def creator(account: Account) -> None:
    """A creator with earnings of several days, and a payout."""
    api = account.api
    caller = Account(api, f"acct_caller_{uuid.uuid4().hex[:6]}")
    scenes.deposit(caller, 20_000)
    scenes.onboard(api, account)
    scenes.earn(caller, account, 4_200)
    api.advance(days=9)
    for tool, name, cents in (
        ("search", "Web search", 2.5),
        ("invoice-ocr", "Invoice reader", 12),
        ("geo", "Geocoder", 0.25),
    ):
        answer = account.send("PUT", f"/api/creators/tools/{tool}", {"name": name, "price_cents": cents})
        assert answer.status_code == 200, answer.text
    for amount in (1_180, 960, 1_430):
        scenes.earn(caller, account, amount)
        api.advance(days=1)


def confirming(account: Account) -> None:
    """A reload that the bank asks about."""
    scenes.reload_with(account, ASKS_EACH_TIME, authenticate="complete")


def notified(account: Account) -> None:
    """Somebody who is told by e-mail and by webhook."""
    events = [
        "usage.grace_entered",
        "usage.blocked",
        "balance.low",
        "budget.reached",
        "reload.failed",
        "payment.past_due",
    ]
    settings = {"emails": ["ada@example.com", "billing@example.com"], "events": events}
    webhook = {"webhook_url": "http://127.0.0.1:9000/billing", "balance_low_cents": 1_000}
    assert account.send("PUT", "/api/billing/notifications", {**settings, **webhook}).status_code == 200


PICTURES = (
    Picture("overview", scenes.full_life),
    Picture("overview-dark", scenes.full_life, dark=True),
    Picture("plans", scenes.full_life, view="plans"),
    Picture("usage", scenes.full_life, view="usage"),
    Picture("wallet", scenes.full_life, view="wallet"),
    Picture("deposit", scenes.full_life, view="wallet", press=("Add money",)),
    Picture("phone", scenes.full_life, size=PHONE),
    Picture("phone-wallet-dark", scenes.full_life, view="wallet", dark=True, size=PHONE),
    Picture("german", scenes.full_life, view="wallet", locale="de-DE"),
    Picture("spending", scenes.full_life, view="spending"),
    Picture("who-spent-it", scenes.full_life, view="who-spent", choose=("By", "Agent")),
    Picture("preview", scenes.full_life, view="plans", press=("Change to Starter",)),
    Picture("invoices", scenes.full_life, view="invoices"),
    Picture("notifications", notified, view="notifications"),
    Picture("budgets", scenes.full_life, view="budgets"),
    Picture("check-my-bill", scenes.full_life, view="check", press=("Check my bill",)),
    Picture("earnings", creator, view="earnings"),
    Picture("blocked", scenes.blocked),
    Picture("confirm-reload", confirming, view="wallet"),
    Picture("suspended-reload", scenes.suspend_reload, dark=True),
    Picture("past-due", scenes.past_due),
    Picture("read-only", scenes.downgraded, view="resources"),
    Picture("embedded", scenes.full_life, embedded=True),
    Picture("timeline", scenes.full_life, operator=True),
    Picture("spanish", scenes.full_life, view="plans", locale="es-ES"),
)


if __name__ == "__main__":
    main()
