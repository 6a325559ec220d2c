"""The edge: what is not a good request gets its own clear answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.platform.config import Settings
from aerostack_billing.usage.models import ConsumeRequest
from aerostack_billing.values.errors import (
    BillingError,
    Contended,
    InvalidJson,
    InvalidRequest,
    PayloadTooLarge,
    RoleForbidden,
    StoreUnavailable,
)
from aerostack_billing.values.fields import RequestModel


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    runtime.reset()
    yield
    runtime.reset()


def event(body: str | None = None, headers: dict[str, str] | None = None, **more: object) -> dict[str, object]:
    claims: dict[str, object] = {"sub": "acct_1"}
    context = {"authorizer": {"jwt": {"claims": claims, "scopes": None}}, "requestId": "r"}
    return {"headers": headers or {}, "requestContext": context, "body": body, "isBase64Encoded": False, **more}


def request(body: str | None = None, headers: dict[str, str] | None = None, **more: object) -> Request:
    return Request(event(body, headers, **more), Runtime(Settings({})))


def consume(**fields: object) -> str:
    return json.dumps({"account_id": "acct_1", "metric": "api_requests", **fields})


def test_a_good_body_is_read_with_its_defaults() -> None:
    assert request(consume()).json(ConsumeRequest).quantity == 1


def test_a_base64_body_is_read() -> None:
    encoded = base64.b64encode(consume().encode()).decode()
    assert request(encoded, isBase64Encoded=True).json(ConsumeRequest).metric == "api_requests"


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "{",
        "\x00",
        "NaN",
        '{"quantity": Infinity}',
        '{"quantity": 1e99999999999999999999}',
        "[" * 60_000,
        '{"a":' * 9_000,
        "1" * 5_000,
    ],
)
def test_what_is_not_json_is_400(body: str | None) -> None:
    with pytest.raises(InvalidJson):
        request(body).json(ConsumeRequest)


def test_broken_base64_is_400() -> None:
    with pytest.raises(InvalidJson):
        request("%%%", isBase64Encoded=True).json(ConsumeRequest)


@pytest.mark.parametrize("body", ["[]", "null", "1", '"x"', "true"])
def test_json_that_is_no_object_is_422(body: str) -> None:
    with pytest.raises(InvalidRequest):
        request(body).json(ConsumeRequest)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"metric": "api_requests", "quantity": 1, "quantity": 2}', ["quantity"]),
        ('{"quantity": 1, "quantity": 1, "a": 1, "a": 2}', ["quantity", "a"]),
        ('{"a": [{"b": 1, "b": 2}]}', ["b"]),
        ('{"quantity": 1, "\\u0071uantity": 2}', ["quantity"]),
    ],
)
def test_a_field_given_twice_is_422_and_named(body: str, named: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        request(body).json(ConsumeRequest)
    assert list(refused.value.details) == named


def test_a_body_of_a_megabyte_is_413() -> None:
    with pytest.raises(PayloadTooLarge):
        request(consume(metric="x" * 1024 * 1024)).json(ConsumeRequest)
    assert len(consume()) < RequestModel.most_bytes


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", 1.5),
        ("quantity", 1.0),
        ("quantity", "1"),
        ("quantity", True),
        ("quantity", None),
        ("quantity", 10**30),
        ("quantity", -(10**30)),
        ("quantity", [1]),
        ("metric", 1),
        ("account_id", ""),
        ("account_id", "a#b"),
        ("account_id", "a" * 129),
        ("account_id", "acct\n"),
        ("account_id", {"S": "x"}),
        ("idempotency_key", ""),
        ("idempotency_key", "k" * 256),
        ("dry_run", "yes"),
        ("surprise", 1),
    ],
)
def test_a_wrong_field_is_422_and_named(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        request(consume(**{field: value})).json(ConsumeRequest)
    assert list(refused.value.details) == [field]


def test_the_header_is_the_key_where_the_body_has_none() -> None:
    assert request(consume(), {"idempotency-key": "h"}).json(ConsumeRequest).idempotency_key == "h"
    null = request(consume(idempotency_key=None), {"idempotency-key": "h"})
    assert null.json(ConsumeRequest).idempotency_key == "h"
    both = request(consume(idempotency_key="h"), {"idempotency-key": "h"})
    assert both.json(ConsumeRequest).idempotency_key == "h"
    with pytest.raises(InvalidRequest):
        request(consume(idempotency_key="b"), {"idempotency-key": "h"}).json(ConsumeRequest)


@pytest.mark.parametrize("subject", [None, "", "a b", "a#b", 7, "x" * 129])
def test_a_token_that_names_no_account_is_401(subject: object) -> None:
    bare = event()
    bare["requestContext"] = {"authorizer": {"jwt": {"claims": {"sub": subject}}}}
    with pytest.raises(BillingError) as refused:
        _ = Request(bare, Runtime(Settings({}))).account_id
    assert refused.value.status == 401


ROLES = {"ROLE_CLAIM": "role", "ROLE_NAMES": "owner,billing", "ACCOUNT_CLAIM": "org_id"}


def asked(method: str, settings: dict[str, str], **claims: object) -> Request:
    context = {"authorizer": {"jwt": {"claims": {"sub": "usr_1", **claims}}}, "http": {"method": method}}
    return Request({"headers": {}, "requestContext": context}, Runtime(Settings(settings)))


def test_the_account_is_the_claim_that_the_deployment_names() -> None:
    assert asked("GET", {"ACCOUNT_CLAIM": "org_id"}, org_id="org_7").account_id == "org_7"
    assert asked("GET", {}, org_id="org_7").account_id == "usr_1"
    with pytest.raises(BillingError, match="org_id") as refused:
        _ = asked("GET", {"ACCOUNT_CLAIM": "org_id"}).account_id
    assert refused.value.status == 401


@pytest.mark.parametrize("first", ["-", "_", "7"])
def test_an_account_may_begin_as_a_subject_of_any_provider_does(first: str) -> None:
    assert asked("GET", {}, sub=f"{first}Q3wp9").account_id == f"{first}Q3wp9"


@pytest.mark.parametrize("role", ["owner", "billing", "[viewer billing]", "[owner]"])
def test_a_role_that_may_changes_and_goes_to_stripe(role: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        request = asked(method, ROLES, org_id="org_7", role=role)
        assert (request.account_id, request.acting_account_id) == ("org_7", "org_7")


@pytest.mark.parametrize("role", [None, "", "viewer", "own", "owner,billing", "[viewer]", "[]", "[owner", "Owner", 7])
def test_any_other_role_looks_and_does_not_change(role: object) -> None:
    assert asked("GET", ROLES, org_id="org_7", role=role).account_id == "org_7"
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        with pytest.raises(RoleForbidden) as refused:
            _ = asked(method, ROLES, org_id="org_7", role=role).account_id
        assert (refused.value.status, refused.value.details) == (403, {"roles": ["billing", "owner"]})
    with pytest.raises(RoleForbidden):
        _ = asked("GET", ROLES, org_id="org_7", role=role).acting_account_id


def test_without_a_claim_for_it_every_user_of_an_account_may_change_it() -> None:
    assert asked("POST", {"ROLE_NAMES": "owner"}, role="viewer").account_id == "usr_1"


def test_an_event_without_an_authorizer_is_401() -> None:
    with pytest.raises(BillingError) as refused:
        _ = Request({"headers": {}, "requestContext": {}}, Runtime(Settings({}))).account_id
    assert refused.value.status == 401


@pytest.mark.parametrize(("scopes", "status"), [(None, 429), (["billing:charge"], 503)])
def test_what_many_requests_at_once_come_to_is_a_user_s_own_doing_and_a_service_s_to_repeat(
    monkeypatch: pytest.MonkeyPatch, scopes: list[str] | None, status: int
) -> None:
    """Five answers of 5xx raise an alarm: whoever is signed in must not raise it by asking often."""
    monkeypatch.setenv("EVENTS_TABLE", "events")

    @endpoint
    def handler(request: Request) -> Response:
        raise Contended("It is changing.")

    asked = {**event(), "requestContext": {"authorizer": {"jwt": {"claims": {}, "scopes": scopes}}}}
    answer = handler(asked, None)
    assert (answer["statusCode"], "retry-after" in answer["headers"]) == (status, status == 429)  # type: ignore[operator]


def test_a_refusal_becomes_its_answer() -> None:
    @endpoint
    def handler(request: Request) -> Response:
        raise StoreUnavailable("Ask again.", {"why": "busy"}, {"retry-after": "1"})

    answer = handler(event(), None)
    assert answer["statusCode"] == 503
    assert json.loads(str(answer["body"])) == {
        "error": {"code": "STORE_UNAVAILABLE", "message": "Ask again.", "details": {"why": "busy"}, "request_id": "r"}
    }
    assert answer["headers"] == {"content-type": "application/json", "cache-control": "no-store", "retry-after": "1"}


def test_the_unforeseen_fails_the_invocation_and_is_not_answered() -> None:
    @endpoint
    def handler(request: Request) -> Response:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        handler(event(), None)
