"""What a whole life writes to the logs of functions and gateway: nothing that opens, pays or names a person."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import traceback
from dataclasses import dataclass
from typing import IO

import pytest
import requests
from pydantic import BaseModel, ValidationError

from aerostack_billing.payments.secrets import SigningSecrets, StripeKey
from local.paths import KEY_FILE, ROOT, STATE, TEMPLATE
from local.template import ServerlessApp, load_app
from local.tokens import SigningKey, authorizer_for, mint, signing_key
from local.values import STRIPE_API_KEY, WEBHOOK_SECRET
from tests.flows.client import ASKS_EACH_TIME, BACK, DECLINES, DECLINES_LATER, WORKS, Account, Api, until
from tests.flows.test_webhooks import event, post, signature
from tests.security.people import CHARGES, CONNECT_BACK, DEPOSIT, ONBOARD, SERVICE, deposit, new_account, priced

EMAIL = "payer@example.com"
CARDS = (WORKS, DECLINES, DECLINES_LATER, ASKS_EACH_TIME)


@dataclass(frozen=True)
class OtherProcess:
    """A stack that `make run` would start, as the client of the flows needs it."""

    base_url: str
    port: int
    app: ServerlessApp
    key: SigningKey

    def token(self, account: str, scopes: str = "", expires_in_seconds: int = 86_400 * 3650) -> str:
        unix = requests.get(f"{self.base_url}/_local/clock", timeout=120).json()["unix"]
        return mint(
            self.key,
            authorizer_for(self.app, scopes),
            account=account,
            now=unix,
            scopes=scopes,
            expires_in_seconds=expires_in_seconds,
        )


@dataclass(frozen=True)
class Life:
    """What was logged, and the tokens that were used meanwhile."""

    log: str
    tokens: tuple[str, ...]
    accounts: tuple[str, ...]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    file = tmp_path_factory.mktemp("logs") / "log"
    with file.open("wb") as log:
        tokens, accounts = _live(log)
    return Life(file.read_text(), tokens, accounts)


def _live(log: IO[bytes]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # The banner on stdout shows a token by design; the log, functions' stdout and all, goes to stderr.
    running = subprocess.Popen(
        [sys.executable, "-m", "local", "run"],
        cwd=ROOT,
        env={**os.environ, "PORT": "0", "STORE": "moto", "LOG": "json"},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    assert running.stdout is not None
    try:
        lines = (re.search(r"http://127\.0\.0\.1:(\d+)", line) for line in running.stdout)
        said = next(filter(None, lines))
        base_url, port = said[0], int(said[1])
        stack = OtherProcess(base_url, port, load_app(TEMPLATE), signing_key(STATE / KEY_FILE))
        api = Api(stack)  # type: ignore[arg-type]
        buyer, creator = new_account(api), new_account(api)
        _buy(api, buyer)
        _pay_creator(api, buyer, creator)
        _fail_to_reload(api, buyer)
        _be_refused(api, buyer)
        api.advance(days=32)
        tokens = (buyer.token, creator.token, stack.token("svc_all", SERVICE))
        return tokens, (buyer.id, creator.id)
    finally:
        running.terminate()
        running.wait(60)
        # Not before: who prints to nobody ends.
        running.stdout.close()


def _buy(api: Api, buyer: Account) -> None:
    buyer.buy("pro")
    api.press(buyer.page("business", "yearly"), action="confirm")
    deposit(buyer, 2_000)
    customer = buyer.customers()[0]["id"]
    api.stripe(f"customers/{customer}", "POST", email=EMAIL, name="Pat Payer")
    declined = buyer.send("POST", DEPOSIT, {"amount_cents": 500, **BACK}).json()["url"]
    assert api.press(declined, card=DECLINES).status_code == 402
    asked = buyer.send("POST", DEPOSIT, {"amount_cents": 500, **BACK}).json()["url"]
    api.press(asked, card=ASKS_EACH_TIME)
    api.press(asked, authenticate="complete")
    buyer.consume(quantity=9_000_000, metric="api_requests")
    buyer.claim("projects", "p")
    buyer.free("projects", "p")
    buyer.get("/api/billing/portal")
    api.deliver()


def _pay_creator(api: Api, buyer: Account, creator: Account) -> None:
    assert api.press(creator.send("POST", ONBOARD, CONNECT_BACK).json()["url"]).status_code == 303
    for _ in range(2):
        priced(buyer, CHARGES, kind="tool_call", billing_mode="wallet", creator_id=creator.id, amount_cents=700)
    api.advance(days=9)
    until(lambda: creator.get("/api/creators/me")["payouts"])


def _fail_to_reload(api: Api, buyer: Account) -> None:
    assert buyer.in_portal(action="update_card", card=DECLINES_LATER).status_code == 303
    settings = {"enabled": True, "threshold_cents": 1_900, "amount_cents": 1_000}
    assert buyer.send("PUT", "/api/balance/auto-reload", settings).status_code == 200
    api.advance(hours=2)
    until(lambda: buyer.get("/api/balance")["auto_reload"]["last_error"])
    api.stripe(f"customers/{buyer.customers()[0]['id']}", "POST", email=EMAIL)
    payment = api.events("payment_intent.succeeded", customer=buyer.customers()[0]["id"])[0]["data"]["object"]["id"]
    api.door("stripe/refunds", {"payment_intent": payment})
    api.deliver()


def _be_refused(api: Api, buyer: Account) -> None:
    token, wrong = buyer.token, {"email": EMAIL, "card": WORKS, "api_key": STRIPE_API_KEY}
    for path in ("/api/billing/checkout", DEPOSIT, ONBOARD):
        assert api.send("POST", path, token=token, body=wrong).status_code == 422
        assert api.send("POST", path, token=token, data=f"{token} {EMAIL} {WORKS}").status_code == 400
    assert api.send("GET", f"/api/billing/verify-session?session_id={token}", token=token).status_code == 404
    assert api.send("GET", f"/api/balance/transactions?cursor={EMAIL}", token=token).status_code == 422
    assert api.send("GET", "/api/billing", token=f"{token}x").status_code == 401
    assert api.send("POST", CHARGES, token=token, body=wrong).status_code == 403
    refused = event(customer="cus_unknown", receipt_email=EMAIL)
    for payload, header in (
        (f"{refused}".encode(), f"t=1,v1={WEBHOOK_SECRET}"),
        (str({**refused, "email": EMAIL}).encode(), None),
        (f'{{"type": "invoice.paid", "email": "{EMAIL}", "card": "{WORKS}"}}'.encode(), ""),
    ):
        post(api, payload, header if header != "" else signature(payload, api.now()))
    api.door("stripe/faults", {"on": "billing_portal.sessions.create", "kind": "500_before"})
    assert buyer.send("GET", "/api/billing/portal").status_code == 502
    api.door("stripe/faults", {"on": "customers.retrieve", "kind": "timeout_before", "times": 3})
    assert buyer.send("POST", "/api/billing/cancel").status_code in {200, 503}
    api.send("POST", "/_local/invoke/CheckoutFunction", body={"headers": {"authorization": f"Bearer {token}"}})


def test_the_log_tells_of_the_whole_life(life: Life) -> None:
    for answer in ("webhook", "refused", "auto-reload", "payout", "ledger"):
        assert f'"message":"{answer}"' in life.log
    for answer in ("usage threshold passed", "webhook dead", "scheduled run", "PAYMENT_PROVIDER", "local.access"):
        assert answer in life.log
    assert re.search(r'"level":"ERROR".*"exception"', life.log)


def test_no_token_is_logged(life: Life) -> None:
    assert not re.search(r"eyJ[\w-]{10,}\.", life.log)
    for token in life.tokens:
        assert not [part for part in token.split(".") if part in life.log]


def test_no_header_that_opens_anything_is_logged(life: Life) -> None:
    assert not re.search(r"bearer\s|authorization|stripe-signature\W+[:=]|v1=[0-9a-f]{8}", life.log, re.IGNORECASE)


@pytest.mark.parametrize("secret", [STRIPE_API_KEY, WEBHOOK_SECRET, "sk_test", "sk_live", "rk_live", "whsec_"])
def test_no_secret_of_stripes_is_logged(life: Life, secret: str) -> None:
    assert secret not in life.log


@pytest.mark.parametrize(
    ("read_as", "malformed"),
    [
        (StripeKey, {"api_key": ["sk_live_a"], "webhook_secrets": ["whsec_a"]}),
        (SigningSecrets, {"api_key": "sk_live_a", "webhook_secrets": "whsec_a"}),
        (StripeKey, {"webhook_secrets": ["whsec_a"], "apikey": "sk_live_a"}),
        (StripeKey, ["sk_live_a", "whsec_a"]),
        (SigningSecrets, ["sk_live_a", "whsec_a"]),
    ],
)
def test_a_secret_that_is_malformed_is_not_shown_by_the_error_that_says_so(
    read_as: type[BaseModel], malformed: object
) -> None:
    with pytest.raises(ValidationError) as refused:
        read_as.model_validate(malformed)
    for shown in str(refused.value), repr(refused.value), "".join(traceback.format_exception(refused.value)):
        assert "sk_live_a" not in shown
        assert "whsec_a" not in shown


def test_no_card_is_logged(life: Life) -> None:
    assert not [card for card in CARDS if card in life.log]
    # Four groups of four that stand alone: part of a longer id, such as a UUID, is no card.
    numbers = re.finditer(r"(?<![\w.-])\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}(?![\w.-])", life.log)
    assert not [number[0] for number in numbers if luhn(re.sub(r"\D", "", number[0]))]


def luhn(digits: str) -> bool:
    doubled = (int(d) * (2 if place % 2 else 1) for place, d in enumerate(reversed(digits)))
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def test_no_email_and_no_name_is_logged(life: Life) -> None:
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w", life.log)
    assert "Pat Payer" not in life.log


def test_no_page_of_stripes_and_no_address_with_an_id_is_logged_by_the_functions(life: Life) -> None:
    functions = [line for line in life.log.splitlines() if line.startswith("{")]
    assert functions
    assert not [line for line in functions if "http://" in line or "cs_test_" in line]
