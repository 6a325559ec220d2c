"""The stack as its callers meet it: HTTP, tokens, Stripe's pages and the local doors; nothing of its inside."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import requests

from local.stack import Stack
from local.values import STRIPE_API_KEY, WEBHOOK_SECRET

Json = dict[str, Any]
Got = TypeVar("Got")

DASHBOARD = "https://app.aerostack.dev/settings/billing"
BACK = {"success_url": f"{DASHBOARD}?success=true", "cancel_url": DASHBOARD}
METER = "billing:meter"

WORKS = "4242424242424242"
DECLINES = "4000000000000002"
DECLINES_LATER = "4000000000000341"
ASKS_EACH_TIME = "4000002760003184"


def until(ask: Callable[[], Got], seconds: float = 60) -> Got:
    """What `ask` returns once it is true: a webhook may land a moment later. AssertionError when it never is."""
    end = time.monotonic() + seconds
    while not (got := ask()):
        assert time.monotonic() < end, f"not so after {seconds} seconds: {got!r}"
        time.sleep(0.02)
    return got


@dataclass(frozen=True)
class Api:
    """Requests to the stack. Every answer of the API and of the webhook is looked through for what must not leak."""

    stack: Stack

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: object = None,
        data: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One request: `body` goes as JSON, `data` as it is."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        answer = requests.request(
            method,
            self.stack.base_url + path,
            data=json.dumps(body) if body is not None else data,
            headers=sent,
            timeout=300,
            allow_redirects=False,
        )
        check_discreet(self.stack, answer)
        return answer

    def service(self, method: str, path: str, body: object = None, **more: Mapping[str, str]) -> requests.Response:
        """A request of the platform's own metering service."""
        return self.send(method, path, body=body, token=self.stack.token("svc_gateway", METER), **more)

    # The local doors

    def door(self, path: str, body: Json | None = None) -> Json:
        """A local door: POST with a body, GET without."""
        url = f"{self.stack.base_url}/_local/{path}"
        answer = requests.get(url, timeout=300) if body is None else requests.post(url, json=body, timeout=300)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, **by: float) -> None:
        """Move the stack's clock on, with all that happens on the way."""
        self.door("advance", by)

    def deliver(self) -> None:
        """Return when every webhook that is due has been sent."""
        self.advance(minutes=0)

    def now(self) -> int:
        """Unix seconds by the stack's clock."""
        return self.door("clock")["unix"]

    # Stripe

    def stripe(self, path: str, method: str = "GET", **params: str | int) -> Json:
        """A call of Stripe's API, as its dashboard would make it."""
        kind = "params" if method == "GET" else "data"
        answer = requests.request(
            method,
            f"{self.stack.base_url}/_local/stripe/v1/{path}",
            auth=(STRIPE_API_KEY, ""),
            timeout=300,
            **{kind: params},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def events(self, kind: str, **about: str) -> list[Json]:
        """Stripe's events of a type whose object has these values, newest first."""
        found = [event for event in self.door("stripe/events")["data"] if event["type"] == kind]
        return [e for e in found if all(e["data"]["object"].get(k) == v for k, v in about.items())]

    def press(self, url: str, **form: str) -> requests.Response:
        """Post a form to one of Stripe's pages, as its buttons do."""
        return requests.post(url, data=form, timeout=300, allow_redirects=False)


@dataclass(frozen=True)
class Account:
    """One account: what its user does, and what the platform's services do in its name."""

    api: Api
    id: str

    @property
    def token(self) -> str:
        """The user's token."""
        return self.api.stack.token(self.id)

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """A request of the user's."""
        return self.api.send(method, path, body=body, token=self.token, headers=headers)

    def get(self, path: str) -> Json:
        """An answer that is expected to be 200."""
        answer = self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def billing(self) -> Json:
        """`GET /api/billing`."""
        return self.get("/api/billing")

    def tier(self) -> str:
        """The plan it is on."""
        return self.billing()["plan_tier"]

    def usage(self, metric: str) -> Json:
        """One metric's figures of this month."""
        return self.get("/api/billing/usage")["usage"][metric]

    # Buying

    def checkout(
        self, tier: str, interval: str = "monthly", headers: Mapping[str, str] | None = None, **more: object
    ) -> requests.Response:
        """`POST /api/billing/checkout`."""
        body = {"tier": tier, "billing_interval": interval, **BACK, **more}
        return self.send("POST", "/api/billing/checkout", body, headers)

    def page(self, tier: str, interval: str = "monthly", **more: object) -> str:
        """The URL of the page on which the plan is bought or its change confirmed."""
        answer = self.checkout(tier, interval, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["url"]

    def pay(self, page: str, card: str = WORKS) -> str:
        """Pay on a checkout page; the session id that Stripe sends back."""
        paid = self.api.press(page, card=card)
        assert paid.status_code == 303, paid.text
        return parse_qs(urlsplit(paid.headers["Location"]).query)["session_id"][0]

    def verify(self, session_id: str) -> requests.Response:
        """`GET /api/billing/verify-session`."""
        return self.send("GET", f"/api/billing/verify-session?session_id={session_id}")

    def buy(self, tier: str, interval: str = "monthly") -> Json:
        """Buy a plan as a first-time customer does; the account after it."""
        answer = self.verify(self.pay(self.page(tier, interval)))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def confirm(self, tier: str, interval: str = "monthly") -> None:
        """Change the plan of a paying account on Stripe's confirmation page."""
        confirmed = self.api.press(self.page(tier, interval), action="confirm")
        assert confirmed.status_code == 303, confirmed.text
        assert confirmed.headers["Location"] == BACK["success_url"]
        self.api.deliver()

    def cancel(self) -> requests.Response:
        """`POST /api/billing/cancel`."""
        return self.send("POST", "/api/billing/cancel")

    def resume(self) -> requests.Response:
        """`POST /api/billing/resume`."""
        return self.send("POST", "/api/billing/resume")

    def in_portal(self, **form: str) -> requests.Response:
        """Open Stripe's portal and press one of its buttons."""
        return self.api.press(self.get("/api/billing/portal")["url"], **form)

    def customers(self) -> list[Json]:
        """Stripe's customers that were made for the account."""
        made, after = [], {}
        while page := self.api.stripe("customers", limit=100, **after)["data"]:
            made += [customer for customer in page if customer["metadata"].get("account_id") == self.id]
            after = {"starting_after": page[-1]["id"]}
        return made

    def subscriptions(self) -> list[Json]:
        """Every subscription that the account has or had at Stripe, newest first."""
        return [
            subscription
            for customer in self.customers()
            for subscription in self.api.stripe("subscriptions", customer=customer["id"], status="all", limit=100)[
                "data"
            ]
        ]

    # Metering

    def consume(
        self,
        metric: str = "api_requests",
        quantity: object = 1,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> requests.Response:
        """`POST /api/billing/usage/consume`, by the metering service."""
        body = {"account_id": self.id, "metric": metric, "quantity": quantity, **more}
        return self.api.service("POST", "/api/billing/usage/consume", body, headers=headers or {})

    def batch(self, *events: Mapping[str, object]) -> list[Json]:
        """`POST /api/billing/usage/batch`, of events that are this account's where they name no other; the results."""
        asked = [{"account_id": self.id, "metric": "api_requests", **event} for event in events]
        answer = self.api.service("POST", "/api/billing/usage/batch", {"events": asked})
        assert answer.status_code == 200, answer.text
        return answer.json()["results"]

    def lease(self, quantity: int = 1_000, ttl_seconds: int = 60, **more: object) -> requests.Response:
        """`POST /api/billing/usage/leases`."""
        body = {"account_id": self.id, "metric": "api_requests", "quantity": quantity, "ttl_seconds": ttl_seconds}
        return self.api.service("POST", "/api/billing/usage/leases", {**body, **more})

    def settle(self, lease_id: str, used: int) -> requests.Response:
        """`POST /api/billing/usage/leases/{lease_id}/settle`."""
        body = {"account_id": self.id, "used": used}
        return self.api.service("POST", f"/api/billing/usage/leases/{lease_id}/settle", body)

    def claim(self, kind: str, resource: str) -> requests.Response:
        """`PUT /api/billing/resources/{kind}/{id}`."""
        return self.api.service("PUT", f"/api/billing/resources/{kind}/{resource}", {"account_id": self.id})

    def free(self, kind: str, resource: str) -> requests.Response:
        """`DELETE /api/billing/resources/{kind}/{id}`."""
        return self.api.service("DELETE", f"/api/billing/resources/{kind}/{resource}?account_id={self.id}")

    def read_only(self, kind: str) -> dict[str, bool]:
        """Which resources of a kind are read-only, by id, in the order shown."""
        items = self.get("/api/billing/resources")["resources"][kind]["items"]
        return {item["id"]: item["read_only"] for item in items}


def error_of(answer: requests.Response, status: int, code: str) -> Json:
    """The error of a refusal: the whole of the contract's form and nothing beside it."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    error = body["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["request_id"] == answer.headers.get("apigw-requestid", error["request_id"])
    assert error["code"] == code, error
    assert isinstance(error["message"], str)
    assert len(error["message"]) > 10
    assert isinstance(error["details"], dict)
    return error


def check_discreet(stack: Stack, answer: requests.Response) -> None:
    """Fail where an answer holds a secret, a table's name or a trace of the code.

    What is looked for is too long, or too odd, to stand in one of Stripe's random ids by chance.
    """
    shown = f"{answer.headers} {answer.text}".lower()
    tables = [name for table in stack.app.tables.values() for name in (table.name, table.logical_id)]
    for hidden in (STRIPE_API_KEY, WEBHOOK_SECRET, "traceback", ".py", "botocore", "secretsmanager", *tables):
        assert hidden.lower() not in shown, f"an answer shows {hidden}: {answer.text[:500]}"
