"""The routes, and who may call them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.template.contract import ROUTES, SCOPES, WEBHOOK


def http_routes(functions: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {
        logical_id: [e["Properties"] for e in properties.get("Events", {}).values() if e["Type"] == "HttpApi"]
        for logical_id, properties in functions.items()
    }


def test_every_promised_route_is_served_by_its_function_and_no_other(functions: dict[str, Any]) -> None:
    served = {
        logical_id: [(route["Method"], route["Path"]) for route in routes]
        for logical_id, routes in http_routes(functions).items()
        if routes
    }
    assert served == {logical_id: [(p.method, p.path)] for logical_id, p in ROUTES.items()}


@pytest.mark.parametrize("logical_id", [name for name, p in ROUTES.items() if p.access == "user"])
def test_user_routes_take_the_default_authorizer(functions: dict[str, Any], logical_id: str) -> None:
    (route,) = http_routes(functions)[logical_id]
    assert "Auth" not in route


@pytest.mark.parametrize("logical_id", [name for name, p in ROUTES.items() if p.access in SCOPES])
def test_service_routes_want_their_scope(functions: dict[str, Any], logical_id: str) -> None:
    (route,) = http_routes(functions)[logical_id]
    assert route["Auth"] == {"AuthorizationScopes": [ROUTES[logical_id].access]}


def test_only_the_catalog_and_the_document_are_public(functions: dict[str, Any]) -> None:
    public = {
        logical_id
        for logical_id, routes in http_routes(functions).items()
        if any(route.get("Auth", {}).get("Authorizer") == "NONE" for route in routes)
    }
    assert public == {"GetPlansFunction", "GetOpenapiFunction"}


def test_the_api_checks_a_jwt_of_the_stage_s_issuer_and_audience(resources: dict[str, Any]) -> None:
    auth = resources["Api"]["Properties"]["Auth"]
    authorizer = auth["Authorizers"][auth["DefaultAuthorizer"]]
    assert authorizer["IdentitySource"] == "$request.header.Authorization"
    assert authorizer["JwtConfiguration"] == {"issuer": {"Ref": "JwtIssuer"}, "audience": [{"Ref": "JwtAudience"}]}


def test_issuer_and_audience_must_be_given(template: dict[str, Any]) -> None:
    assert all("Default" not in template["Parameters"][name] for name in ("JwtIssuer", "JwtAudience"))


def test_browsers_of_named_origins_only_may_call_and_read_the_headers(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    cors = resources["Api"]["Properties"]["CorsConfiguration"]
    assert cors["AllowOrigins"] == {"Fn::Split": [",", {"Ref": "AllowedOrigins"}]}
    pattern = template["Parameters"]["AllowedOrigins"]["AllowedPattern"]
    assert re.fullmatch(pattern, "https://app.example.com,https://admin.example.com")
    assert not any(re.fullmatch(pattern, origins) for origins in ("*", "https://*", "http://app.example.com"))
    assert {"authorization", "content-type", "idempotency-key"} <= set(cors["AllowHeaders"])
    assert {"idempotency-replayed", "retry-after"} <= set(cors["ExposeHeaders"])
    assert {promise.method for promise in ROUTES.values()} <= set(cors["AllowMethods"])


def test_the_api_is_throttled(resources: dict[str, Any]) -> None:
    settings = resources["Api"]["Properties"]["DefaultRouteSettings"]
    assert 0 < settings["ThrottlingRateLimit"] <= settings["ThrottlingBurstLimit"]


def test_the_access_log_is_json_and_holds_no_token(resources: dict[str, Any]) -> None:
    settings = resources["Api"]["Properties"]["AccessLogSettings"]
    assert settings["DestinationArn"] == {"Fn::GetAtt": ["ApiAccessLogGroup", "Arn"]}
    fields = json.loads(settings["Format"])
    assert {"request_id", "route", "status", "account"} <= set(fields)
    assert not [field for field in fields.values() if "header" in field.lower() or "body" in field.lower()]


def test_the_webhook_has_a_url_of_its_own_and_no_route(functions: dict[str, Any]) -> None:
    assert functions[WEBHOOK]["FunctionUrlConfig"] == {"AuthType": "NONE"}
    assert "Events" not in functions[WEBHOOK]
    assert [name for name, p in functions.items() if "FunctionUrlConfig" in p] == [WEBHOOK]
