from __future__ import annotations

import base64
from typing import Any

import pytest

from local.gateway.authorizer import Grant
from local.gateway.events import api_event, schedule_event, url_event
from local.gateway.messages import HttpRequest
from local.gateway.routing import Match
from local.template import Route

MOMENT = 1_583_348_638.390


def request(
    method: str = "POST", path: str = "/my/path", query: str = "", body: bytes = b"", **headers: str
) -> HttpRequest:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpRequest(method, path, query, named, body, "127.0.0.1", 3000)


def event(asked: HttpRequest, parameters: dict[str, str] | None = None, grant: Grant | None = None) -> dict[str, Any]:
    route = Route("Api", asked.method, "/my/path", "F", None, (), None)
    return api_event(asked, Match(route, parameters or {}), grant, MOMENT)


def test_an_event_has_the_shape_that_aws_documents() -> None:
    asked = HttpRequest(
        "POST",
        "/my/path",
        "parameter1=value1&parameter1=value2&parameter2=value",
        (
            ("Header1", "value1"),
            ("Header2", "value1"),
            ("header2", "value2"),
            ("Cookie", "cookie1; cookie2"),
            ("User-Agent", "agent"),
            ("Content-Type", "text/plain"),
        ),
        b"Hello from Lambda",
        "127.0.0.1",
        3000,
    )
    grant = Grant({"claim1": "value1", "claim2": "value2"}, ("scope1", "scope2"))
    made = event(asked, {"parameter1": "value1"}, grant)
    request_id = made["requestContext"].pop("requestId")
    assert request_id
    assert made == {
        "version": "2.0",
        "routeKey": "POST /my/path",
        "rawPath": "/my/path",
        "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
        "cookies": ["cookie1", "cookie2"],
        "headers": {
            "header1": "value1",
            "header2": "value1,value2",
            "user-agent": "agent",
            "content-type": "text/plain",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "3000",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "authorizer": {
                "jwt": {"claims": {"claim1": "value1", "claim2": "value2"}, "scopes": ["scope1", "scope2"]},
            },
            "domainName": "api.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": "/my/path",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "agent",
            },
            "routeKey": "POST /my/path",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "body": "Hello from Lambda",
        "pathParameters": {"parameter1": "value1"},
        "isBase64Encoded": False,
    }


def test_what_a_request_does_not_have_is_not_in_its_event() -> None:
    made = event(request("GET"))
    assert not made.keys() & {"body", "cookies", "pathParameters", "queryStringParameters", "stageVariables"}
    assert "authorizer" not in made["requestContext"]
    assert made["rawQueryString"] == ""


def test_scopes_are_null_for_a_route_without_any() -> None:
    assert event(request(), grant=Grant({"sub": "a"}, None))["requestContext"]["authorizer"]["jwt"]["scopes"] is None


def test_every_cookie_is_an_item_and_the_header_is_gone() -> None:
    asked = HttpRequest("GET", "/my/path", "", (("Cookie", "a=1,2; b=2"), ("cookie", "c=3")), b"", "127.0.0.1", 3000)
    made = event(asked)
    assert made["cookies"] == ["a=1,2", "b=2", "c=3"]
    assert "cookie" not in made["headers"]


def test_query_parameters_are_decoded_and_blank_ones_kept() -> None:
    made = event(request("GET", query="a=%7Bx%7D+y&b=&c"))
    assert made["queryStringParameters"] == {"a": "{x} y", "b": "", "c": ""}
    assert made["rawQueryString"] == "a=%7Bx%7D+y&b=&c"


def test_the_path_is_decoded_for_an_api_and_raw_for_a_function_url() -> None:
    assert event(request("GET", "/my/path%20with"))["rawPath"] == "/my/path with"
    assert url_event(request("GET"), "Hook", "/a%20b", MOMENT)["rawPath"] == "/a%20b"


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "text/csv", "application/xml"])
def test_a_text_body_is_handed_on_as_it_is(kind: str) -> None:
    made = event(request(body='{"a": "é"}'.encode(), content_type=kind))
    assert (made["body"], made["isBase64Encoded"]) == ('{"a": "é"}', False)


@pytest.mark.parametrize("kind", ["", "application/octet-stream", "application/x-www-form-urlencoded", "image/png"])
def test_any_other_body_is_base64_encoded(kind: str) -> None:
    headers = {"content_type": kind} if kind else {}
    made = event(request(body=b"a=1", **headers))
    assert (made["body"], made["isBase64Encoded"]) == (base64.b64encode(b"a=1").decode(), True)


def test_a_body_that_is_not_utf_8_keeps_its_bytes() -> None:
    made = event(request(body=b'{"a": "\xff"}', content_type="application/json"))
    assert made["isBase64Encoded"] is True
    assert base64.b64decode(made["body"]) == b'{"a": "\xff"}'


def test_a_function_url_s_event_has_its_own_context() -> None:
    raw = b'{\n  "id": "evt_1"\n}'
    made: dict[str, Any] = url_event(request(body=raw, content_type="application/json"), "HookFunction", "", MOMENT)
    assert made["routeKey"] == "$default"
    assert made["rawPath"] == "/"
    assert made["requestContext"]["accountId"] == "anonymous"
    assert made["requestContext"]["domainName"] == "hookfunction.lambda-url.us-east-1.on.aws"
    assert made["body"].encode() == raw


def test_a_schedule_s_event_tells_its_moment() -> None:
    made = schedule_event("Sweep.Daily", MOMENT)
    assert made["time"] == "2020-03-04T19:03:58Z"
    assert made["detail-type"] == "Scheduled Event"
    assert made["resources"] == ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/Sweep.Daily"]
