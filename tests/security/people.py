"""Somebody with everything that an account can have, and the routes as the OpenAPI document tells of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import requests

from local.openapi.document import PUBLISHED
from tests.flows.client import BACK, Account, Api, Json, until

SERVICE = "billing:meter billing:charge billing:operate"
CHARGES = "/api/balance/charges"
HOLDS = "/api/balance/holds"
DEPOSIT = "/api/balance/deposit"
ONBOARD = "/api/creators/onboard"
BUDGETS = "/api/balance/budgets"
NOTIFICATIONS = "/api/billing/notifications"
IN_PATH = {"label": "agent", "value": "secret-agent", "tool_id": "secret-tool", "delivery_id": "unknown"}
"""What stands in the paths of user routes: the names of the budget and of the tool that `Rich` has."""
HOOK = "http://127.0.0.1:59999/secret-hook"
BUDGET_LIMIT = 54_321.1234
CONNECT_BACK = {"return_url": BACK["cancel_url"], "refresh_url": BACK["cancel_url"]}


@dataclass(frozen=True)
class Route:
    """One operation of the OpenAPI document."""

    name: str
    method: str
    path: str
    operation: Json
    fields: Json
    """The properties of its body; empty where it takes none."""

    @property
    def filled(self) -> str:
        """Its path; where a user route has names in it, they are those of the budget that `Rich` has."""
        return self.path.format(**IN_PATH) if self.for_users else self.path

    @property
    def for_users(self) -> bool:
        return self.operation["security"] == [{"user": []}]

    @property
    def has_body(self) -> bool:
        return "requestBody" in self.operation

    @property
    def parameters(self) -> set[str]:
        """Names in path and query; of headers there are none but the idempotency key."""
        return {found["name"] for found in self.operation.get("parameters", []) if found["in"] != "header"}


def routes() -> Iterator[Route]:
    """Every route, as it is published."""
    document = json.loads(PUBLISHED.read_text())
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield Route(operation["operationId"], method.upper(), path, operation, _fields(document, operation))


def _fields(document: Json, operation: Json) -> Json:
    if "requestBody" not in operation:
        return {}
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return document["components"]["schemas"][reference.rpartition("/")[2]]["properties"]


ROUTES = {route.name: route for route in routes()}


def new_account(api: Api) -> Account:
    """An account that no other test has."""
    return Account(api, f"acct_{uuid.uuid4().hex}")


def service(api: Api, method: str, path: str, body: object = None) -> requests.Response:
    """A request of the platform's own service that may do all that services may."""
    return api.send(method, path, body=body, token=api.stack.token("svc_all", SERVICE))


def priced(account: Account, path: str, **more: object) -> Json:
    """A charge or a hold of one cent."""
    body = {"account_id": account.id, "kind": "agent_execution", "amount_cents": 1, "idempotency_key": uuid.uuid4().hex}
    made = service(account.api, "POST", path, {**body, **more})
    assert made.status_code == 201, made.text
    return made.json()


def deposit(account: Account, amount_cents: int = 500, **more: object) -> str:
    """Pay a deposit; the id of its session."""
    answer = account.send("POST", DEPOSIT, {"amount_cents": amount_cents, **BACK, **more})
    assert answer.status_code == 200, answer.text
    session = account.pay(answer.json()["url"])
    assert account.verify(session).status_code == 200
    return session


@dataclass(frozen=True)
class Rich:
    """An account with a plan, usage, a lease, a place, money, a card, a budget, a charge, a hold, earnings, notices."""

    account: Account
    sessions: tuple[str, ...]
    charge_id: str
    hold_id: str
    lease_id: str
    key: str

    @classmethod
    def make(cls, api: Api) -> Rich:
        account, key = new_account(api), f"key-{uuid.uuid4().hex}"
        sessions = (account.pay(account.page("pro", idempotency_key=key)), deposit(account, idempotency_key=key))
        assert account.verify(sessions[0]).status_code == 200
        assert account.consume(quantity=7, idempotency_key=key).status_code == 200
        lease = account.lease(1_000, 3_600)
        assert lease.status_code == 201
        assert account.claim("projects", "secret-project").status_code == 200
        onboarding = account.send("POST", ONBOARD, CONNECT_BACK)
        assert api.press(onboarding.json()["url"]).status_code == 303
        limits = {"limit_cents": BUDGET_LIMIT, "window": "total"}
        assert account.send("PUT", ROUTES["putBudget"].filled, limits).status_code == 200
        tool = {"name": "secret-name", "price_cents": 3}
        assert account.send("PUT", ROUTES["putTool"].filled, tool).status_code == 200
        told = {"emails": ["secret@example.com"], "webhook_url": HOOK, "events": ["balance.low"]}
        assert account.send("PUT", NOTIFICATIONS, told).status_code == 200
        for _ in range(2):
            assert account.send("POST", f"{NOTIFICATIONS}/test", {"channel": "webhook"}).status_code == 201
        labels = {IN_PATH["label"]: IN_PATH["value"]}
        more = {"idempotency_key": key, "labels": labels}
        charge = priced(account, CHARGES, billing_mode="wallet", reference="secret-reference", **more)
        payer = new_account(api)
        deposit(payer)
        priced(payer, CHARGES, billing_mode="wallet", kind="tool_call", creator_id=account.id)
        hold = priced(account, HOLDS, **more)
        api.deliver()
        until(lambda: account.get("/api/creators/me")["onboarding"] == "complete")
        return cls(account, sessions, charge["charge_id"], hold["hold_id"], lease.json()["lease_id"], key)

    def state(self) -> Json:
        """All that its owner can see of it, and what Stripe has of it."""
        paths = (route.filled for route in ROUTES.values() if route.for_users and route.method == "GET")
        shown = {path: self._shown(path) for path in paths if path not in _ACTS}
        return {**shown, "customers": [customer["id"] for customer in self.account.customers()]}

    def _shown(self, path: str) -> object:
        answer = self.account.send("GET", path)
        assert answer.status_code == 200, answer.text
        if answer.headers["Content-Type"] != "application/json":
            return answer.text
        return _STANDS.get(path, lambda shown: shown)(answer.json())

    def deliveries(self) -> list[str]:
        """The ids of its notices."""
        return [delivery["id"] for delivery in self.account.get(f"{NOTIFICATIONS}/deliveries")["deliveries"]]

    def marks(self) -> list[str]:
        """What nobody else's answer may hold."""
        state = self.state()
        billing = state["/api/billing"]
        lines = [line["id"] for line in state["/api/balance/transactions"]["transactions"]]
        ids = [billing["stripe_customer_id"], billing["stripe_subscription_id"], self.charge_id, self.hold_id]
        papers = [paper["id"] for paper in state["/api/billing/invoices"]["invoices"]]
        ids += [self.lease_id, *self.deliveries(), *papers]
        named = ["secret-project", "secret-reference", "secret@example.com", HOOK]
        return [self.account.id, *ids, *self.sessions, *lines, *named, str(BUDGET_LIMIT)]


_ACTS = ("/api/billing/portal", "/api/billing/verify-session")
"""What a GET does there is more than to show."""

_STANDS: dict[str, Callable[[Json], object]] = {
    "/api/billing/usage/forecast": lambda shown: (shown["period"], shown["tier"]),
    f"{NOTIFICATIONS}/deliveries": lambda shown: {delivery["id"] for delivery in shown["deliveries"]},
}
"""What of an answer time alone does not change: it moves on, and attempts are made."""
