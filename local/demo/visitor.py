"""Someone who uses the stack from inside its process: calls its API as an account, and pays on Stripe's pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from werkzeug.test import Client
from werkzeug.wrappers import Response

from local.gateway.messages import HttpRequest, HttpResponse
from local.seam import Stripe

CARD = "4242424242424242"
DECLINES_WHEN_CHARGED = "4000000000000341"

_BACK = "http://localhost/demo"


class DemoFailed(Exception):
    """The stack refused what the demo asked for; the text has the answer."""


@dataclass(frozen=True)
class Visitor:
    """`api` answers a request to the HTTP API; `token` makes a token for an account with scopes."""

    api: Callable[[HttpRequest], HttpResponse]
    token: Callable[[str, str], str]
    stripe: Stripe
    stripe_path: str
    port: int

    def call(self, account: str, method: str, path: str, body: object = None, *, scopes: str = "") -> dict[str, str]:
        """The answer of a route, which must be a success. DemoFailed for any other."""
        bare, _, query = path.partition("?")
        headers = (("Authorization", f"Bearer {self.token(account, scopes)}"), ("Content-Type", "application/json"))
        sent = b"" if body is None else json.dumps(body).encode()
        answer = self.api(HttpRequest(method, bare, query, headers, sent, "127.0.0.1", self.port))
        if answer.status >= 400:
            raise DemoFailed(f"{method} {path}: {answer.status} {answer.body.decode()}")
        found: dict[str, str] = json.loads(answer.body)
        return found

    def subscribe(self, account: str, tier: str) -> None:
        """Buy a plan, pay it and come back."""
        self._buy(account, "/api/billing/checkout", {"tier": tier, "billing_interval": "monthly"})

    def deposit(self, account: str, cents: int) -> None:
        """Fill the wallet, pay and come back."""
        self._buy(account, "/api/balance/deposit", {"amount_cents": cents})

    def use_card(self, account: str, card: str) -> None:
        """Put another card on file, at Stripe's portal."""
        page = self.call(account, "GET", "/api/billing/portal")["url"]
        self._post(page, {"action": "update_card", "card": card})

    def _buy(self, account: str, route: str, what: dict[str, object]) -> None:
        page = self.call(account, "POST", route, {**what, "success_url": _BACK, "cancel_url": _BACK})["url"]
        back = self._post(page, {"card": CARD}).headers["Location"]
        session = parse_qs(urlsplit(back).query)["session_id"][0]
        self.call(account, "GET", f"/api/billing/verify-session?session_id={session}")

    def _post(self, url: str, form: dict[str, str]) -> Response:
        """Press a button on one of Stripe's pages."""
        path = urlsplit(url).path.removeprefix(self.stripe_path)
        answer = Client(self.stripe.wsgi_app).post(path, data=form)
        if answer.status_code != 303:
            raise DemoFailed(f"POST {path}: {answer.status_code}")
        return answer
