"""Nobody sees or changes anything of another account, whatever route, and whatever id stands where.

What is attacked comes from the OpenAPI document, which is held to the template: a new route, or a new field of a user
route, fails here until somebody says how it is attacked.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
import requests

from tests.flows.client import BACK, Account, Api, Json, error_of
from tests.security.people import (
    BUDGETS,
    CHARGES,
    CONNECT_BACK,
    DEPOSIT,
    HOLDS,
    IN_PATH,
    NOTIFICATIONS,
    ROUTES,
    Rich,
    Route,
    deposit,
    new_account,
    priced,
    service,
)

USER_ROUTES = [name for name, route in ROUTES.items() if route.for_users]
SERVICE_ROUTES = [name for name, route in ROUTES.items() if route.operation["security"] and not route.for_users]

BODIES: dict[str, Json | None] = {
    "getBilling": None,
    "getUsage": None,
    "getResources": None,
    "checkout": {"tier": "starter", "billing_interval": "monthly", **BACK},
    "verifySession": None,
    "applySession": {"session_id": "cs_test_unknown"},
    "cancel": None,
    "resume": None,
    "portal": None,
    "openPortal": {},
    "getBalance": None,
    "deposit": {"amount_cents": 600, **BACK},
    "getTransactions": None,
    "setAutoReload": {"enabled": False},
    "setSpendCap": {"monthly_cap_cents": 1},
    "listBudgets": None,
    "getBudget": None,
    "putBudget": {"limit_cents": 1, "window": "day"},
    "deleteBudget": None,
    "getStatement": None,
    "getSpend": None,
    "onboardCreator": CONNECT_BACK,
    "getCreator": None,
    "putTool": {"name": "Mine", "price_cents": 1},
    "deleteTool": None,
    "listTools": None,
    "getTool": None,
    "preview": {"tier": "starter", "billing_interval": "monthly"},
    "getInvoices": None,
    "getPaymentMethod": None,
    "getForecast": None,
    "getNotifications": None,
    "putNotifications": {"emails": [], "events": []},
    "testNotifications": {"channel": "webhook"},
    "rotateWebhookSecret": None,
    "listDeliveries": None,
    "resendDelivery": None,
}
"""A body that each user route takes."""

CURSORS: dict[str, Callable[[Rich], str]] = {
    "getTransactions": lambda victim: victim.account.get("/api/balance/transactions?limit=1")["next_cursor"],
    # These are forged, since it takes a hundred budgets, or two thousand lines, to be given one.
    "listBudgets": lambda _: base64.urlsafe_b64encode(b"budget#agent#a").decode().rstrip("="),
    "getStatement": lambda _: "1",
    "getInvoices": lambda victim: victim.account.get("/api/billing/invoices?limit=1")["next_cursor"],
    "listDeliveries": lambda victim: victim.account.get(f"{NOTIFICATIONS}/deliveries?limit=1")["next_cursor"],
}
"""By route: a cursor that leads to what the victim has."""

IDS: dict[str, Callable[[Rich, str], str]] = {
    "session_id": lambda victim, _: victim.sessions[1],
    "cursor": lambda victim, route: CURSORS[route](victim),
    "idempotency_key": lambda victim, _: victim.key,
    "label": lambda *_: IN_PATH["label"],
    "value": lambda *_: IN_PATH["value"],
    "tool_id": lambda *_: IN_PATH["tool_id"],
    "delivery_id": lambda victim, _: victim.deliveries()[0],
}
"""What a user's request can name that may belong to somebody: the victim's own."""

NAMES_NOBODY = {
    *("tier", "billing_interval", "success_url", "cancel_url", "return_url", "refresh_url"),
    *("emails", "webhook_url", "events", "balance_low_cents", "channel"),
    *("period", "months", "limit", "type", "from", "to", "bucket", "by"),
    *("enabled", "threshold_cents", "amount_cents", "monthly_cap_cents"),
    *("name", "price_cents"),
    *("limit_cents", "window", "per_charge_max_cents", "include_byok", "alert_percent"),
}

SMUGGLED = ("account_id", "accountId", "account", "sub", "user_id", "customer", "customer_id", "creator_id")
CLAIMED = ("X-Account-Id", "X-User-Id", "X-Forwarded-User", "X-Amzn-Oidc-Identity", "Sub", "Account-Id")


@pytest.fixture(scope="module")
def victim(api: Api) -> Rich:
    return Rich.make(api)


@pytest.fixture(scope="module")
def attacker(api: Api) -> Account:
    """Somebody with a customer, a plan and money of their own, so that no attack ends at an empty account."""
    account = new_account(api)
    account.buy("business")
    deposit(account)
    return account


def attack(
    attacker: Account, route: Route, query: Json | None = None, body: Json | None = None, **headers: str
) -> requests.Response:
    """A request of the attacker's; what stands in the path is the victim's, as the query names it too."""
    filled = route.path.format(**{**IN_PATH, **{name: str(value) for name, value in (query or {}).items()}})
    path = f"{filled}?{urlencode(query)}" if query else filled
    return attacker.send(route.method, path, body, headers)


def assert_nothing_shown(victim: Rich, answer: requests.Response, marks: list[str]) -> None:
    assert answer.status_code < 500, answer.text
    shown = f"{answer.headers}{answer.text}"
    assert not [mark for mark in marks if mark in shown]


def marks_of(victim: Rich, name: str) -> list[str]:
    """What must not be shown: what a tool costs, and whose it is, is for everyone."""
    return [mark for mark in victim.marks() if name != "getTool" or mark != victim.account.id]


def test_every_user_route_is_attacked() -> None:
    assert set(BODIES) == set(USER_ROUTES)
    assert {name for name, body in BODIES.items() if body is not None} == {
        name for name in USER_ROUTES if ROUTES[name].has_body
    }


@pytest.mark.parametrize("name", USER_ROUTES)
def test_every_field_and_parameter_is_attacked_or_names_nobody(name: str) -> None:
    route = ROUTES[name]
    assert {*route.parameters, *route.fields} <= {*IDS, *NAMES_NOBODY}
    in_path = {part[1:-1] for part in route.path.split("/") if part.startswith("{")}
    assert in_path <= set(IN_PATH), "a user route with an id in its path needs an attack on that id"


@pytest.mark.parametrize("name", USER_ROUTES)
def test_a_user_route_acts_for_the_tokens_account_whoever_the_query_and_the_headers_name(
    victim: Rich, attacker: Account, name: str
) -> None:
    before, marks = victim.state(), marks_of(victim, name)
    query = dict.fromkeys(SMUGGLED, victim.account.id)
    headers = dict.fromkeys(CLAIMED, victim.account.id)
    assert_nothing_shown(victim, attack(attacker, ROUTES[name], query, BODIES[name], **headers), marks)
    assert victim.state() == before


@pytest.mark.parametrize("field", SMUGGLED)
@pytest.mark.parametrize("name", [name for name in USER_ROUTES if ROUTES[name].has_body])
def test_a_body_that_names_an_account_is_refused(victim: Rich, attacker: Account, name: str, field: str) -> None:
    body = {**(BODIES[name] or {}), field: victim.account.id}
    assert field in error_of(attack(attacker, ROUTES[name], body=body), 422, "INVALID_REQUEST")["details"]


@pytest.mark.parametrize("name", [name for name in USER_ROUTES if not ROUTES[name].has_body])
def test_a_body_where_none_is_taken_changes_nothing(victim: Rich, attacker: Account, name: str) -> None:
    before, marks = victim.state(), marks_of(victim, name)
    body = dict.fromkeys(SMUGGLED, victim.account.id)
    assert_nothing_shown(victim, attack(attacker, ROUTES[name], body=body), marks)
    assert victim.state() == before


@pytest.mark.parametrize(
    ("name", "field"), [(n, f) for n in USER_ROUTES for f in IDS if f in {*ROUTES[n].parameters, *ROUTES[n].fields}]
)
def test_an_id_of_anothers_shows_and_changes_nothing_of_theirs(
    victim: Rich, attacker: Account, name: str, field: str
) -> None:
    route, before, marks, found = ROUTES[name], victim.state(), marks_of(victim, name), IDS[field](victim, name)
    in_body = field in route.fields
    body = {**(BODIES[name] or {}), field: found} if in_body else BODIES[name]
    answer = attack(attacker, route, None if in_body else {field: found}, body)
    assert_nothing_shown(victim, answer, marks)
    assert "Idempotency-Replayed" not in answer.headers
    assert victim.state() == before


def test_a_session_of_anothers_is_not_to_be_found_and_credits_nobody(victim: Rich, attacker: Account) -> None:
    balance = attacker.get("/api/balance")
    for session in victim.sessions:
        theirs, nobodys = (
            error_of(attacker.verify(asked), 404, "SESSION_NOT_FOUND") for asked in (session, "cs_test_unknown")
        )
        assert theirs == {**nobodys, "request_id": theirs["request_id"]}
    assert attacker.get("/api/balance") == balance


@pytest.mark.parametrize("name", CURSORS)
def test_a_cursor_that_is_attacked_with_leads_its_owner_to_what_is_theirs(victim: Rich, name: str) -> None:
    answer = victim.account.send("GET", f"{ROUTES[name].path}?cursor={CURSORS[name](victim)}")
    assert answer.status_code == 200
    assert [mark for mark in victim.marks() if mark in answer.text]


def test_a_budget_of_anothers_is_neither_seen_nor_changed_nor_counted(api: Api, victim: Rich) -> None:
    attacker, before, path = new_account(api), victim.state(), ROUTES["getBudget"].filled
    deposit(attacker)
    for method in "GET", "DELETE":
        error_of(attacker.send(method, path), 404, "BUDGET_NOT_FOUND")
    assert attacker.get(BUDGETS)["budgets"] == []
    assert attacker.send("PUT", path, {"limit_cents": 1, "window": "total"}).status_code == 200
    priced(attacker, CHARGES, billing_mode="wallet", labels={IN_PATH["label"]: IN_PATH["value"]})
    (own,) = attacker.get(BUDGETS)["budgets"]
    assert (own["limit_cents"], own["spent_cents"], own["state"]) == (1, 1, "reached")
    assert victim.state() == before
    assert attacker.send("DELETE", path).status_code == 200
    assert victim.state() == before


def test_a_tool_of_anothers_is_neither_changed_nor_deleted_nor_listed(api: Api, victim: Rich) -> None:
    attacker, before, path = new_account(api), victim.state(), ROUTES["putTool"].filled
    error_of(attacker.send("PUT", path, {"name": "Mine", "price_cents": 1}), 404, "TOOL_NOT_FOUND")
    error_of(attacker.send("DELETE", path), 404, "TOOL_NOT_FOUND")
    assert attacker.get("/api/creators/tools") == {"tools": []}
    assert victim.state() == before


# What services name: an id is looked for in the account that stands beside it, and nowhere else


def test_every_id_in_a_service_routes_path_is_attacked() -> None:
    in_paths = {part[1:-1] for name in SERVICE_ROUTES for part in ROUTES[name].path.split("/") if part.startswith("{")}
    assert in_paths == {"hold_id", "charge_id", "lease_id", "kind", "id", "account_id"}


def test_every_service_route_names_the_account_that_it_acts_for() -> None:
    for name in set(SERVICE_ROUTES) - {"consumeBatch", "chargeBatch"}:
        assert "account_id" in {*ROUTES[name].parameters, *ROUTES[name].fields}, name


def test_each_event_of_a_batch_names_its_own_account_and_no_other_is_touched(
    api: Api, victim: Rich, attacker: Account
) -> None:
    before = victim.state()
    event = {"metric": "api_requests", "idempotency_key": victim.key, "quantity": 7}
    events = [{"account_id": attacker.id, **event}, event]
    named, nameless = service(api, "POST", "/api/billing/usage/batch", {"events": events}).json()["results"]
    assert (named["status"], nameless["status"]) == (200, 422)
    assert "account_id" in nameless["error"]["details"]
    assert victim.state() == before


def test_each_charge_of_a_batch_names_its_own_account_and_no_other_is_touched(
    api: Api, victim: Rich, attacker: Account
) -> None:
    before = victim.state()
    charge = {"kind": "agent_execution", "amount_cents": 0, "billing_mode": "wallet", "idempotency_key": victim.key}
    charges = [{"account_id": attacker.id, **charge}, charge]
    named, nameless = service(api, "POST", "/api/balance/charges/batch", {"charges": charges}).json()["results"]
    assert (named["status"], nameless["status"]) == (201, 422)
    assert "account_id" in nameless["error"]["details"]
    assert victim.state() == before


def test_a_lease_of_anothers_is_not_settled(victim: Rich, attacker: Account) -> None:
    before, own = victim.state(), attacker.usage("api_requests")
    answer = attacker.settle(victim.lease_id, 0)
    assert (answer.status_code, answer.json()) == (200, {"returned": 0})
    assert (victim.state(), attacker.usage("api_requests")) == (before, own)
    assert victim.account.settle(victim.lease_id, 0).json() == {"returned": 1_000}


def test_a_hold_of_anothers_can_neither_be_captured_nor_released(api: Api, victim: Rich, attacker: Account) -> None:
    before = victim.state()
    body = {"account_id": attacker.id, "idempotency_key": "k"}
    capture = service(api, "POST", f"{HOLDS}/{victim.hold_id}/capture", {**body, "amount_cents": 1})
    release = service(api, "POST", f"{HOLDS}/{victim.hold_id}/release", body)
    for answer in capture, release:
        error_of(answer, 404, "HOLD_NOT_FOUND")
        assert victim.account.id not in answer.text
    assert victim.state() == before


def test_a_charge_of_anothers_is_not_refunded(api: Api, victim: Rich, attacker: Account) -> None:
    before, own = victim.state(), attacker.get("/api/balance")
    body = {"account_id": attacker.id, "idempotency_key": "k"}
    error_of(service(api, "POST", f"{CHARGES}/{victim.charge_id}/refund", body), 404, "CHARGE_NOT_FOUND")
    assert (victim.state(), attacker.get("/api/balance")) == (before, own)


def test_a_resource_of_anothers_is_neither_freed_nor_taken_over(victim: Rich, attacker: Account) -> None:
    before = victim.state()
    assert attacker.free("projects", "secret-project").json()["freed"] is False
    assert attacker.claim("projects", "secret-project").json()["used"] == 1
    assert victim.state() == before


# Keys belong to one account and one kind of act


def test_a_key_of_anothers_is_a_new_key(api: Api, victim: Rich) -> None:
    attacker, before = new_account(api), victim.state()
    deposit(attacker)
    answers = [
        attacker.consume(quantity=7, idempotency_key=victim.key),
        attacker.checkout("pro", idempotency_key=victim.key),
        attacker.send("POST", DEPOSIT, {"amount_cents": 500, **BACK, "idempotency_key": victim.key}),
    ]
    for path, more in ((CHARGES, {"billing_mode": "wallet", "reference": "secret-reference"}), (HOLDS, {})):
        body = {"account_id": attacker.id, "kind": "agent_execution", "amount_cents": 1, **more}
        answers.append(service(api, "POST", path, {**body, "idempotency_key": victim.key}))
    for answer in answers:
        assert answer.status_code in {200, 201}, answer.text
        assert "Idempotency-Replayed" not in answer.headers
        assert victim.account.id not in answer.text
    assert victim.hold_id not in answers[-1].text
    assert victim.charge_id not in answers[-2].text
    assert victim.state() == before


def test_one_key_stands_for_each_kind_of_act_by_itself(api: Api) -> None:
    account, key = new_account(api), "one-key"
    deposit(account, idempotency_key=key)
    hold, another = (priced(account, HOLDS, idempotency_key=own)["hold_id"] for own in (key, "other"))
    charge = priced(account, CHARGES, billing_mode="wallet", idempotency_key=key)["charge_id"]
    body = {"account_id": account.id, "idempotency_key": key}
    answers = [
        account.checkout("pro", idempotency_key=key),
        account.consume(idempotency_key=key),
        service(api, "POST", f"{HOLDS}/{hold}/capture", {**body, "amount_cents": 1}),
        service(api, "POST", f"{HOLDS}/{another}/release", body),
        service(api, "POST", f"{CHARGES}/{charge}/refund", body),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert "Idempotency-Replayed" not in answer.headers
    assert len({json.dumps(answer.json()) for answer in answers}) == len(answers)
