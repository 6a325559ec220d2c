"""`make smoke BASE=…`: see that a stack that runs serves what was published, before anybody else does.

It makes the requests of the published document and a deposit. Against a local stack it mints its own token and pays at
the local Stripe; elsewhere `TOKEN` is a user's bearer token, and a page of Stripe's sandbox is paid in a browser.
Nothing is ever paid in live mode: there the page is asked for and left.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import requests

ACCOUNT = "acct_smoke"
CARD = "4242424242424242"
DEPOSIT_CENTS = 500
TIMEOUT_SECONDS = 60
CREDITED_WITHIN_SECONDS = 60
LOCAL = frozenset({"127.0.0.1", "localhost"})
BILLING = frozenset(
    {
        "plan_tier",
        "status",
        "billing_interval",
        "stripe_customer_id",
        "stripe_subscription_id",
        "current_period_start",
        "current_period_end",
    }
)
PRICES = {"free": (0, 0), "starter": (19, 171), "pro": (49, 441), "business": (149, 1341)}

Json = dict[str, object]


class Broken(Exception):
    """What the stack did, and what it should have done."""


@dataclass(frozen=True)
class Target:
    """The stack that is looked at, and who asks."""

    base: str
    token: str
    back: str
    """Where Stripe's pages lead back to: a host that the stack allows."""
    webhook: str = ""
    """The webhook's URL, where it is to be looked at too."""
    session: requests.Session = field(default_factory=requests.Session)

    def ask(self, method: str, path: str, body: object = None, *, as_user: bool = True) -> tuple[int, Json]:
        """The status and the body of an answer. Broken where it is no JSON object."""
        headers = {"Authorization": f"Bearer {self.token}"} if as_user else {}
        url = path if path.startswith("http") else f"{self.base}{path}"
        answer = self.session.request(method, url, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Broken(f"{method} {path} answered {answer.status_code} and no JSON object")
        return answer.status_code, found

    def expect(self, method: str, path: str, *statuses: int, body: object = None, as_user: bool = True) -> Json:
        """The body of an answer with one of the statuses; Broken for any other."""
        status, found = self.ask(method, path, body, as_user=as_user)
        if status not in statuses:
            raise Broken(f"{method} {path} answered {status}, not {' or '.join(map(str, statuses))}: {found}")
        return found


def check_plan(target: Target) -> None:
    """`GET /api/billing`: every published field."""
    _needs("GET /api/billing", target.expect("GET", "/api/billing", 200), BILLING)


def check_plans(target: Target) -> None:
    """`GET /api/billing/plans`: public, at the published prices."""
    plans = target.expect("GET", "/api/billing/plans", 200, as_user=False)["plans"]
    assert isinstance(plans, list)
    seen = {plan["tier"]: (plan["price"]["monthly"], plan["price"]["yearly"]) for plan in plans}
    wrong = {tier: seen.get(tier) for tier, price in PRICES.items() if seen.get(tier) != price}
    if wrong:
        raise Broken(f"GET /api/billing/plans tells other prices: {wrong}")


def check_usage(target: Target) -> None:
    """`GET /api/billing/usage`: the published shape."""
    usage = target.expect("GET", "/api/billing/usage", 200)
    _needs("GET /api/billing/usage", usage, {"tier", "period", "usage", "resource_counts"})


def check_checkout(target: Target) -> None:
    """`POST /api/billing/checkout`: a page, which is not paid. An account that is on the plan is told so."""
    wanted = {"tier": "pro", "billing_interval": "yearly", "success_url": target.back, "cancel_url": target.back}
    answer = target.expect("POST", "/api/billing/checkout", 200, 409, body=wanted)
    if "url" not in answer and _code(answer) != "ALREADY_ON_PLAN":
        raise Broken(f"POST /api/billing/checkout gave no page: {answer}")


def check_cancel(target: Target) -> None:
    """`POST /api/billing/cancel` of an account that pays nothing. One that pays is left as it is."""
    if target.expect("GET", "/api/billing", 200)["plan_tier"] == "free":
        _needs_code(target.expect("POST", "/api/billing/cancel", 409), "NO_ACTIVE_SUBSCRIPTION")


def check_portal(target: Target) -> None:
    """`GET /api/billing/portal`: a page, once the account is a customer at Stripe."""
    answer = target.expect("GET", "/api/billing/portal", 200, 409)
    if "url" not in answer:
        _needs_code(answer, "NO_STRIPE_CUSTOMER")


def check_strangers(target: Target) -> None:
    """Without a token nothing is told; without a scope nothing is counted; without a signature nothing is taken."""
    target.expect("GET", "/api/billing", 401, as_user=False)
    counted = {"account_id": ACCOUNT, "metric": "api_requests"}
    target.expect("POST", "/api/billing/usage/consume", 401, 403, body=counted)
    if target.webhook:
        answer = target.session.post(target.webhook, data="{}", timeout=TIMEOUT_SECONDS)
        if answer.status_code != 400:
            raise Broken(f"the webhook answered an unsigned event with {answer.status_code}, not 400")


def check_deposit(target: Target) -> None:
    """`POST /api/balance/deposit`: paid, and credited once, where it is no live mode."""
    before = _balance(target)
    wanted = {"amount_cents": DEPOSIT_CENTS, "success_url": target.back, "cancel_url": target.back}
    page = str(target.expect("POST", "/api/balance/deposit", 200, body=wanted)["url"])
    session_id = _pay(page)
    if session_id is None:
        print("      (a page of live mode: not paid)")
        return
    for _ in range(2):
        target.expect("GET", f"/api/billing/verify-session?session_id={session_id}", 200)
    after = _balance(target)
    end = time.monotonic() + CREDITED_WITHIN_SECONDS
    while after == before and time.monotonic() < end:
        time.sleep(1)
        after = _balance(target)
    if after != before + DEPOSIT_CENTS:
        raise Broken(f"a deposit of {DEPOSIT_CENTS} cents moved the balance from {before} to {after} cents")


CHECKS: tuple[Callable[[Target], None], ...] = (
    check_plans,
    check_strangers,
    check_plan,
    check_usage,
    check_portal,
    check_cancel,
    check_checkout,
    check_deposit,
)


def run(target: Target) -> int:
    """Make every check, and say of each what came of it; 1 where one failed."""
    failed = 0
    for check in CHECKS:
        try:
            check(target)
        except (Broken, requests.RequestException, KeyError, TypeError, AssertionError) as error:
            failed += 1
            print(f"FAIL  {check.__name__.removeprefix('check_')}: {error or type(error).__name__}", flush=True)
        else:
            print(f"ok    {check.__name__.removeprefix('check_')}", flush=True)
    return 1 if failed else 0


def _pay(page: str) -> str | None:
    """Pay at a page; the session's id, or None in live mode, where nothing is paid."""
    host = urlsplit(page).hostname
    if host in LOCAL:
        paid = requests.post(page, data={"card": CARD}, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        if paid.status_code != 303:
            raise Broken(f"the local Stripe answered {paid.status_code} to a payment")
        return _session_of(paid.headers["Location"])
    if "cs_test_" not in page:
        return None
    return _session_of(_paid_in_browser(page))


def _paid_in_browser(page: str) -> str:
    """Fill in Stripe's hosted page of the sandbox; the address that it leads back to."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only a sandbox needs a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM") or None)
        tab = browser.new_page()
        tab.goto(page)
        fields = {"email": "smoke@example.com", "cardNumber": CARD, "cardExpiry": "12 / 40", "cardCvc": "123"}
        for name, value in (fields | {"billingName": "Smoke Test", "billingPostalCode": "94107"}).items():
            box = tab.locator(f"input[name={name}]")
            if name in {"cardNumber", "cardExpiry", "cardCvc"} or box.count():
                box.fill(value)
        tab.locator("button[type=submit]").click()
        tab.wait_for_url(lambda url: "session_id=" in url, timeout=TIMEOUT_SECONDS * 1_000, wait_until="commit")
        return tab.url


def _session_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["session_id"][0]


def _balance(target: Target) -> int:
    balance = target.expect("GET", "/api/balance", 200)["balance_cents"]
    assert isinstance(balance, int)
    return balance


def _needs(what: str, answer: Mapping[str, object], names: set[str] | frozenset[str]) -> None:
    if names - answer.keys():
        raise Broken(f"{what} lacks {', '.join(sorted(names - answer.keys()))}")


def _code(answer: Mapping[str, object]) -> object:
    error = answer.get("error")
    return error.get("code") if isinstance(error, dict) else None


def _needs_code(answer: Json, code: str) -> None:
    if _code(answer) != code:
        raise Broken(f"refused with {_code(answer)}, not with {code}")


def target_of(base: str, token: str, back: str, webhook: str) -> Target:
    """The stack at an address. Broken where it needs a token and none is given."""
    base = base.rstrip("/")
    if urlsplit(base).hostname not in LOCAL:
        if not token or not back:
            raise Broken("TOKEN must hold a user's bearer token, and BACK a URL on a host that the stack allows")
        return Target(base, token, back, webhook)
    answer = requests.post(f"{base}/_local/token", json={"account": ACCOUNT}, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    webhook = webhook or f"{base}/_local/url/StripeWebhookFunction"
    return Target(base, token or str(answer.json()["token"]), back or "http://localhost/done", webhook)


def main(arguments: list[str]) -> int:
    """Look at the stack that the arguments, or the environment, name."""
    parser = argparse.ArgumentParser(prog="make smoke")
    parser.add_argument("--base", default=os.environ.get("BASE") or "http://127.0.0.1:3000")
    options = parser.parse_args(arguments)
    given = {name: os.environ.get(name, "") for name in ("TOKEN", "BACK", "WEBHOOK")}
    try:
        return run(target_of(options.base, given["TOKEN"], given["BACK"], given["WEBHOOK"]))
    except (Broken, requests.RequestException) as error:
        print(f"FAIL  {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
