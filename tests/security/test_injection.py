"""What comes in oversized, or with line breaks where a header, a log line or an address could be made of it."""

from __future__ import annotations

import json
import socket
import uuid
from urllib.parse import quote

import pytest

from aerostack_billing.usage.models import BatchRequest
from aerostack_billing.values.fields import RequestModel
from aerostack_billing.wallet.requests import ChargesRequest
from tests.flows.client import BACK, Account, Api, Json, error_of
from tests.flows.test_webhooks import URL
from tests.security.people import (
    CHARGES,
    CONNECT_BACK,
    DEPOSIT,
    HOLDS,
    NOTIFICATIONS,
    ONBOARD,
    ROUTES,
    SERVICE,
    Route,
    deposit,
    new_account,
    priced,
    service,
)

BREAKS = ["\r\n", "\n", "\r", "\u2028", "\x00", "\x0b", "%0d%0a"]
EVIL = "X-Evil: 1"
WITH_BODY = [name for name, route in ROUTES.items() if route.has_body]
ADDRESSES = {
    ("/api/billing/checkout", "success_url"): {"tier": "pro", "billing_interval": "monthly", **BACK},
    ("/api/billing/checkout", "cancel_url"): {"tier": "pro", "billing_interval": "monthly", **BACK},
    ("/api/billing/portal", "return_url"): {},
    (DEPOSIT, "success_url"): {"amount_cents": 500, **BACK},
    (DEPOSIT, "cancel_url"): {"amount_cents": 500, **BACK},
    (ONBOARD, "return_url"): CONNECT_BACK,
    (ONBOARD, "refresh_url"): CONNECT_BACK,
}
"""Every address in a body, by route and field, with a body that would be taken."""


@pytest.fixture(scope="module")
def account(api: Api) -> Account:
    made = new_account(api)
    deposit(made)
    return made


def token_for(api: Api, route: Route) -> str:
    return api.stack.token("acct_large", "" if route.for_users else SERVICE)


def path_of(route: Route) -> str:
    return route.path.replace("{kind}", "projects").replace("{", "").replace("}", "")


# Too much


LONGER: dict[str, type[RequestModel]] = {"consumeBatch": BatchRequest, "chargeBatch": ChargesRequest}


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_body_over_the_limit_is_refused_whatever_it_says(api: Api, name: str) -> None:
    route = ROUTES[name]
    most = LONGER.get(name, RequestModel).most_bytes
    for data in (b'{"a": "' + b"x" * most + b'"}', b" " * (most + 1)):
        answer = api.send(route.method, path_of(route), token=token_for(api, route), data=data)
        error_of(answer, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_body_without_a_bottom_or_an_end_of_names_is_refused(api: Api, name: str) -> None:
    route, token = ROUTES[name], token_for(api, ROUTES[name])
    for data, status in (
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400),
        (b"[" * 60_000, 400),
        (b'{"a": ' + b"9" * 60_000 + b"}", 400),
        (b'{"a": 1e' + b"9" * 30_000 + b"}", 400),
        (json.dumps({f"f{n}": n for n in range(4_000)}).encode(), 422),
        (b"{" + b",".join(b'"a": 1' for _ in range(5_000)) + b"}", 422),
    ):
        answer = api.send(route.method, path_of(route), token=token, data=data)
        assert answer.status_code == status, (data[:40], answer.text[:300])


def test_an_address_or_a_header_of_great_length_is_answered_and_not_a_fault(api: Api, account: Account) -> None:
    long = "x" * 8_000
    assert account.send("GET", f"/api/billing/usage?period={long}").status_code == 422
    assert account.send("GET", f"/api/balance/transactions?cursor={long}").status_code == 422
    assert account.send("GET", f"/api/billing/verify-session?session_id=cs_{long}").status_code == 404
    assert account.send("GET", f"/api/billing/{long}").status_code == 404
    assert account.consume(headers={"Idempotency-Key": long}).status_code == 422
    assert api.send("POST", URL, data=b"{}", headers={"Stripe-Signature": long}).status_code == 400


# Line breaks


@pytest.mark.parametrize(("path", "field"), ADDRESSES)
def test_an_address_with_a_line_break_is_refused(account: Account, path: str, field: str) -> None:
    for separator in BREAKS[:-1]:
        address = f"https://app.aerostack.dev/{separator}{EVIL}"
        answer = account.send("POST", path, {**ADDRESSES[path, field], field: address})
        assert set(error_of(answer, 422, "INVALID_REDIRECT_URL")["details"]) == {field}
    elsewhere = account.send("POST", path, {**ADDRESSES[path, field], field: "https://evil.example/"})
    error_of(elsewhere, 422, "INVALID_REDIRECT_URL")


def test_every_address_of_a_body_is_among_those_tried() -> None:
    found = {
        (route.path, field) for route in ROUTES.values() for field in route.fields if field.endswith(("_url", "_uri"))
    }
    assert found == {*ADDRESSES, (NOTIFICATIONS, "webhook_url")}


@pytest.mark.parametrize("separator", BREAKS[:-1])
def test_no_webhook_leads_to_an_address_with_a_line_break(account: Account, separator: str) -> None:
    body = {"emails": [], "events": [], "webhook_url": f"https://example.com/{separator}{EVIL}"}
    assert set(error_of(account.send("PUT", NOTIFICATIONS, body), 422, "INVALID_REQUEST")["details"]) == {"webhook_url"}


@pytest.mark.parametrize("separator", BREAKS[:-1])
def test_the_portal_leads_back_to_no_address_with_a_line_break(account: Account, separator: str) -> None:
    query = quote(f"https://app.aerostack.dev/{separator}{EVIL}", safe="")
    error_of(account.send("GET", f"/api/billing/portal?return_url={query}"), 422, "INVALID_REDIRECT_URL")


def test_an_empty_address_is_none_to_lead_back_to(account: Account) -> None:
    error_of(account.send("GET", "/api/billing/portal?return_url="), 422, "INVALID_REDIRECT_URL")
    assert account.send("GET", "/api/billing/portal").status_code == 200


def test_an_encoded_line_break_stays_encoded_all_the_way_back(account: Account) -> None:
    body = {"amount_cents": 500, **BACK, "success_url": f"https://app.aerostack.dev/?a=%0d%0a{EVIL.replace(' ', '')}"}
    page = account.send("POST", DEPOSIT, body).json()["url"]
    paid = account.api.press(page, card="4242424242424242")
    assert paid.headers["Location"].startswith("https://app.aerostack.dev/?a=%0d%0aX-Evil:1")
    assert "X-Evil" not in paid.headers


@pytest.mark.parametrize("separator", BREAKS)
def test_a_key_with_a_line_break_makes_no_header_here_or_at_stripe(account: Account, separator: str) -> None:
    key = f"k-{uuid.uuid4().hex}{separator}{EVIL}"
    first, again = (account.checkout("pro", idempotency_key=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json() == again.json()
    for answer in first, again:
        assert "X-Evil" not in answer.headers


def test_a_header_that_is_cut_in_two_makes_two_headers_and_no_more(api: Api, account: Account) -> None:
    body = json.dumps({"amount_cents": 500, **BACK}).encode()
    head = (
        f"POST {DEPOSIT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {account.token}\r\n"
        f"Content-Length: {len(body)}\r\nIdempotency-Key: cut\r\n{EVIL}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.stack.port)) as connection:
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    found, _, _ = answer.partition(b"\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 200 ")
    assert b"evil" not in found.lower()


@pytest.mark.parametrize("separator", BREAKS[:-1])
def test_a_reference_or_a_reason_with_a_line_break_is_refused(api: Api, account: Account, separator: str) -> None:
    text, key = f"order{separator}{EVIL}", uuid.uuid4().hex
    body = {"account_id": account.id, "idempotency_key": key, "kind": "bot_conversation", "billing_mode": "wallet"}
    answer = service(api, "POST", CHARGES, {**body, "amount_cents": 1, "reference": text})
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {"reference"}
    charge = priced(account, CHARGES, billing_mode="wallet")
    refund = {"account_id": account.id, "idempotency_key": key, "reason": text}
    answer = service(api, "POST", f"{CHARGES}/{charge['charge_id']}/refund", refund)
    assert set(error_of(answer, 422, "INVALID_REQUEST")["details"]) == {"reason"}


def test_a_reference_or_a_reason_with_an_encoded_line_break_stays_one_text(api: Api, account: Account) -> None:
    text = f"order%0d%0a{EVIL}"
    charge = priced(account, CHARGES, billing_mode="wallet", reference=text)
    body = {"account_id": account.id, "idempotency_key": uuid.uuid4().hex, "reason": text}
    refund = service(api, "POST", f"{CHARGES}/{charge['charge_id']}/refund", body)
    listed = account.send("GET", "/api/balance/transactions?limit=2")
    for answer in refund, listed:
        assert answer.status_code == 200
        assert "X-Evil" not in answer.headers
    taken_back, taken = listed.json()["transactions"]
    assert (taken["reference"], taken_back["description"]) == (text, text)


def test_an_id_in_a_path_leads_nowhere_else(api: Api, account: Account) -> None:
    before: Json = account.get("/api/balance")
    body = {"account_id": account.id, "idempotency_key": "k", "amount_cents": 1}
    for name in ("..%2f..%2fcharges", "%2e%2e", "hold_%00", "a%0d%0aX-Evil:%201", "*", "hold%23", "%F0%9F%97%9D"):
        for act in ("capture", "release"):
            answer = service(api, "POST", f"{HOLDS}/{name}/{act}", body)
            assert answer.status_code in {404, 422}, (name, answer.text)
            assert "X-Evil" not in answer.headers
    assert account.get("/api/balance") == before
