"""Bad input: a clear refusal in the contract's form that names what is wrong, nothing written, never a 5xx."""

from __future__ import annotations

import json

import pytest
import requests

from tests.flows.client import BACK, Account, error_of

CONSUME = "/api/billing/usage/consume"
CHECKOUT = "/api/billing/checkout"


def consume_raw(account: Account, data: bytes | str) -> requests.Response:
    token = account.api.stack.token("svc_gateway", "billing:meter")
    return account.api.send("POST", CONSUME, token=token, data=data)


def checkout_raw(account: Account, data: bytes | str) -> requests.Response:
    return account.api.send("POST", CHECKOUT, token=account.token, data=data)


def assert_untouched(account: Account) -> None:
    """Nothing is counted, nothing bought, and Stripe never heard of the account."""
    usage = account.get("/api/billing/usage")
    assert all(figures["used"] == 0 for figures in usage["usage"].values())
    assert all(figures["used"] == 0 for figures in usage["resource_counts"].values())
    billing = account.billing()
    assert (billing["plan_tier"], billing["stripe_customer_id"]) == ("free", None)
    assert account.customers() == []


# Bodies


@pytest.mark.parametrize("post", [consume_raw, checkout_raw])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "{",
        '{"a": }',
        '{"quantity": NaN}',
        '{"quantity": Infinity}',
        '{"quantity": ' + "9" * 5_000 + "}",
        "[" * 50_000,
        b"\xff\xfe\x00",
        b"\x00",
        "tier=pro&billing_interval=monthly",
    ],
)
def test_what_is_not_json_is_a_400(account: Account, post: object, body: str | bytes) -> None:
    assert callable(post)
    error_of(post(account, body.encode() if isinstance(body, str) else body), 400, "INVALID_JSON")
    assert_untouched(account)


@pytest.mark.parametrize("post", [consume_raw, checkout_raw])
@pytest.mark.parametrize("body", ["[]", '[{"tier": "pro"}]', '"pro"', "7", "1.5", "null", "true"])
def test_json_that_is_no_object_is_a_422(account: Account, post: object, body: str) -> None:
    assert callable(post)
    assert "body" in error_of(post(account, body), 422, "INVALID_REQUEST")["details"]
    assert_untouched(account)


@pytest.mark.parametrize("post", [consume_raw, checkout_raw])
def test_a_body_of_a_megabyte_is_a_413(account: Account, post: object) -> None:
    assert callable(post)
    body = {"account_id": account.id, "metric": "api_requests", "idempotency_key": "k" * 2**20}
    error_of(post(account, json.dumps(body)), 413, "PAYLOAD_TOO_LARGE")
    assert_untouched(account)


def test_a_body_over_the_gateways_own_limit_is_refused_by_it(account: Account) -> None:
    answer = consume_raw(account, b" " * (10 * 2**20 + 1))
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})


# Consume


@pytest.mark.parametrize(
    "quantity", [0, -1, 10**30, -(10**30), 1.5, 1.0, 1e3, "1", "one", True, None, [1], {"n": 1}, 10**15 + 1]
)
def test_a_quantity_that_is_no_whole_number_from_1_is_refused(account: Account, quantity: object) -> None:
    details = error_of(account.consume(quantity=quantity), 422, "INVALID_REQUEST")["details"]
    assert set(details) == {"quantity"}
    assert_untouched(account)


@pytest.mark.parametrize(
    "metric",
    ["unknown", "API_REQUESTS", "api_requests ", "", "projects", "servers_per_workspace", "\ud800", "__proto__"],
)
def test_a_metric_that_is_not_counted_is_refused(account: Account, metric: str) -> None:
    assert "metric" in error_of(account.consume(metric), 422, "UNKNOWN_METRIC")["details"]
    assert_untouched(account)


@pytest.mark.parametrize("metric", [7, None, ["api_requests"], True])
def test_a_metric_that_is_no_text_is_refused(account: Account, metric: object) -> None:
    answer = account.api.service("POST", CONSUME, {"account_id": account.id, "metric": metric})
    assert "metric" in error_of(answer, 422, "INVALID_REQUEST")["details"]
    assert_untouched(account)


@pytest.mark.parametrize(
    "account_id", ["", " ", "a b", "acct#1", "a\n", "a" * 129, 7, None, ["a"], "é", "../x", "\x00"]
)
def test_an_account_id_that_can_be_none_is_refused(account: Account, account_id: object) -> None:
    answer = account.api.service("POST", CONSUME, {"account_id": account_id, "metric": "api_requests"})
    assert "account_id" in error_of(answer, 422, "INVALID_REQUEST")["details"]


@pytest.mark.parametrize("key", ["", "k" * 256, "\ud800", 7, ["k"], True])
def test_an_idempotency_key_that_is_none_is_refused(account: Account, key: object) -> None:
    answer = account.consume(idempotency_key=key)
    assert "idempotency_key" in error_of(answer, 422, "INVALID_REQUEST")["details"]
    assert_untouched(account)


def test_each_wrong_field_is_named(account: Account) -> None:
    body = {"quantity": "1", "dry_run": "yes", "colour": "red"}
    details = error_of(account.api.service("POST", CONSUME, body), 422, "INVALID_REQUEST")["details"]
    assert set(details) == {"account_id", "metric", "quantity", "dry_run", "colour"}
    assert all(isinstance(reason, str) and reason for reason in details.values())


def test_an_unknown_field_is_refused(account: Account) -> None:
    assert set(error_of(account.consume(qantity=5), 422, "INVALID_REQUEST")["details"]) == {"qantity"}
    assert set(error_of(account.checkout("pro", coupon="FREE"), 422, "INVALID_REQUEST")["details"]) == {"coupon"}
    assert_untouched(account)


def test_an_odd_key_in_any_script_is_a_key(account: Account) -> None:
    for key in ("ключ", "🗝", "a#b", "x" * 255, " "):
        assert account.consume(idempotency_key=key).status_code == 200
        assert account.consume(idempotency_key=key).headers["Idempotency-Replayed"] == "true"
    assert account.usage("api_requests")["used"] == 5


# Checkout


@pytest.mark.parametrize("tier", ["PRO", "Pro", "platinum", "", "pro ", 7, None, ["pro"]])
def test_a_tier_that_is_none_is_refused(account: Account, tier: object) -> None:
    body = {"tier": tier, "billing_interval": "monthly", **BACK}
    assert set(error_of(account.send("POST", CHECKOUT, body), 422, "INVALID_REQUEST")["details"]) == {"tier"}
    assert_untouched(account)


@pytest.mark.parametrize("interval", ["Monthly", "weekly", "", "month", 1, None])
def test_an_interval_that_is_none_is_refused(account: Account, interval: object) -> None:
    body = {"tier": "pro", "billing_interval": interval, **BACK}
    details = error_of(account.send("POST", CHECKOUT, body), 422, "INVALID_REQUEST")["details"]
    assert set(details) == {"billing_interval"}
    assert_untouched(account)


@pytest.mark.parametrize("missing", ["tier", "billing_interval", "success_url", "cancel_url"])
def test_a_missing_field_is_named(account: Account, missing: str) -> None:
    body = {"tier": "pro", "billing_interval": "monthly", **BACK}
    del body[missing]
    assert set(error_of(account.send("POST", CHECKOUT, body), 422, "INVALID_REQUEST")["details"]) == {missing}


@pytest.mark.parametrize("field", ["success_url", "cancel_url"])
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)//app.aerostack.dev",
        "data:text/html,hi",
        "https://evil.example/",
        "https://app.aerostack.dev.evil.example/",
        "https://evil.example/?app.aerostack.dev",
        "https://app.aerostack.dev@evil.example/",
        "https://evil.example\\@app.aerostack.dev/",
        "http://app.aerostack.dev/",
        "//evil.example/",
        "/settings",
        "",
        "https://app.aerostack.dev/\r\nLocation: https://evil.example/",
        "https://app.aerostack.dev/\n",
        "https://app.aerostack.dev/{CHECKOUT_SESSION_ID}",
        "https://app.aerostack.dev/" + "a" * 5_000,
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
    ],
)
def test_a_redirect_to_elsewhere_is_refused(account: Account, field: str, url: str) -> None:
    answer = account.checkout("pro", **{field: url})
    assert set(error_of(answer, 422, "INVALID_REDIRECT_URL")["details"]) == {field}
    assert_untouched(account)


# Resources


@pytest.mark.parametrize("kind", ["unknown", "PROJECTS", "api_requests", "storage_bytes", "place%23projects", "%00"])
def test_a_kind_that_takes_no_place_is_refused(account: Account, kind: str) -> None:
    for answer in account.claim(kind, "x"), account.free(kind, "x"):
        assert "kind" in error_of(answer, 422, "UNKNOWN_RESOURCE_KIND")["details"]
    assert_untouched(account)


@pytest.mark.parametrize("name", ["a%20b", "a%23b", "%00", "a%0d%0ab", "a" * 129, "%2e%2e%2fx", "%C3%A9", "-x"])
def test_a_resource_id_that_can_be_none_is_refused(account: Account, name: str) -> None:
    for answer in account.claim("projects", name), account.free("projects", name):
        assert "id" in error_of(answer, 422, "INVALID_REQUEST")["details"]
    assert_untouched(account)


def test_a_service_must_name_the_account(account: Account) -> None:
    put = account.api.service("PUT", "/api/billing/resources/projects/x", {})
    assert "account_id" in error_of(put, 422, "INVALID_REQUEST")["details"]
    for query in ("", "?account_id=", "?account_id=a%20b", "?account_id=%23"):
        delete = account.api.service("DELETE", f"/api/billing/resources/projects/x{query}")
        assert "account_id" in error_of(delete, 422, "INVALID_REQUEST")["details"]


# Routes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/api"),
        ("GET", "/api/billing/nothing"),
        ("DELETE", "/api/billing"),
        ("POST", "/api/billing/plans"),
        ("GET", "/api/billing/usage/consume"),
        ("GET", "/api/billing/"),
        ("GET", "/API/billing"),
    ],
)
def test_a_route_that_does_not_exist_is_api_gateways_404(account: Account, method: str, path: str) -> None:
    answer = account.send(method, path)
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})
