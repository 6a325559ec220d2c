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
from tests.web.browsing import launched, sign_in

IMAGES = ROOT / "docs" / "images"
DESKTOP = (1200, 860)
PHONE = (390, 844)


@dataclass(frozen=True)
class Picture:
    """What is to be seen: an account in a state, and where on the page."""

    name: str
    scene: Callable[[Account], None]
    at: str | None = None
    dark: bool = False
    size: tuple[int, int] = DESKTOP
    press: tuple[str, ...] = ()
    choose: tuple[str, str] | None = None


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
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-US", reduced_motion="reduce"
    )
    page = context.new_page()
    sign_in(page, account)
    for name in picture.press:
        page.get_by_role("button", name=name).first.click()
    if picture.choose is not None:
        label, option = picture.choose
        page.get_by_label(label, exact=True).select_option(label=option)
        page.wait_for_timeout(300)
    if picture.at is not None:
        page.locator(picture.at).evaluate("element => element.scrollIntoView({block: 'start'})")
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
    for amount in (1_180, 960, 1_430):
        scenes.earn(caller, account, amount)
        api.advance(days=1)


def confirming(account: Account) -> None:
    """A reload that the bank asks about."""
    scenes.reload_with(account, ASKS_EACH_TIME, authenticate="complete")


PICTURES = (
    Picture("plan", scenes.full_life),
    Picture("plan-dark", scenes.full_life, dark=True),
    Picture("plans", scenes.full_life, at="#plans"),
    Picture("wallet", scenes.full_life, at="#wallet"),
    Picture("wallet-dark", scenes.full_life, at="#wallet", dark=True),
    Picture("deposit", scenes.full_life, at="#wallet", press=("Add money",)),
    Picture("phone", scenes.full_life, size=PHONE),
    Picture("phone-wallet-dark", scenes.full_life, at="#wallet", dark=True, size=PHONE),
    Picture("who-spent-it", scenes.full_life, at="#who-spent", choose=("By", "Agent")),
    Picture("budgets", scenes.full_life, at="#budgets"),
    Picture("check-my-bill", scenes.full_life, at="#check", press=("Check my bill",)),
    Picture("earnings", creator, at="#earnings"),
    Picture("blocked", scenes.blocked),
    Picture("confirm-reload", confirming, at="#wallet"),
    Picture("suspended-reload", scenes.suspend_reload, at="#wallet", dark=True),
    Picture("past-due", scenes.past_due),
    Picture("read-only", scenes.downgraded, at="#resources"),
)


if __name__ == "__main__":
    main()
