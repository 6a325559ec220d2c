"""The routes, and who may call them, as API Gateway gets them."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import pytest

from tests.template.contract import BY_POST_TOO, CHARGE, METER, OPERATE, ROUTES, SCOPES, WEBHOOK
from tests.template.deployed import Deployed, deployed, stage_parameters
from tests.template.rules import refusals

_FUNCTION = re.compile(r"\$\{(\w+Function)[\w]*(?:\.Arn)?\}/invocations$")
CORS = "x-amazon-apigateway-cors"


class Route(NamedTuple):
    method: str
    path: str
    authorizer: str  # NONE is public
    scopes: tuple[str, ...]


def body_of(stack: Deployed) -> dict[str, Any]:
    return dict(stack.only("AWS::ApiGatewayV2::Api")["Body"])


@pytest.fixture(scope="module")
def served(prod: Deployed) -> list[tuple[str, Route]]:
    """Each route, and the function that serves it."""
    found: list[tuple[str, Route]] = []
    for path, methods in body_of(prod)["paths"].items():
        for method, operation in methods.items():
            named = _FUNCTION.search(operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"])
            assert named, path
            (security,) = operation["security"]
            ((authorizer, scopes),) = security.items()
            found.append((named[1], Route(method.upper(), path, authorizer, tuple(scopes))))
    return found


@pytest.fixture(scope="module")
def routes(served: list[tuple[str, Route]]) -> dict[str, Route]:
    """The route of each function; of those that have two, the GET."""
    return {name: route for name, route in served if name not in BY_POST_TOO or route.method == "GET"}


def test_every_promised_route_is_served_by_its_function_and_no_other(served: list[tuple[str, Route]]) -> None:
    promised = [(name, promise.method, promise.path) for name, promise in (*ROUTES.items(), *BY_POST_TOO.items())]
    assert sorted((name, route.method, route.path) for name, route in served) == sorted(promised)


def test_the_two_routes_of_a_function_are_open_to_the_same_callers(served: list[tuple[str, Route]]) -> None:
    for function in BY_POST_TOO:
        get, post = (route._replace(method="") for name, route in served if name == function)
        assert get == post


@pytest.mark.parametrize("logical_id", [name for name, p in ROUTES.items() if p.access == "user"])
def test_user_routes_take_the_default_authorizer(
    routes: dict[str, Route], template: dict[str, Any], logical_id: str
) -> None:
    assert routes[logical_id].authorizer == template["Resources"]["Api"]["Properties"]["Auth"]["DefaultAuthorizer"]
    assert routes[logical_id].scopes == ()


@pytest.mark.parametrize("logical_id", [name for name, p in ROUTES.items() if p.access in SCOPES])
def test_service_routes_want_their_scope(routes: dict[str, Route], logical_id: str) -> None:
    assert routes[logical_id].authorizer == "Services"
    assert routes[logical_id].scopes == (ROUTES[logical_id].access,)


def test_a_stage_names_the_scopes_as_its_issuer_writes_them() -> None:
    named = {
        "MeterScope": "server/billing.meter",
        "ChargeScope": "server/billing.charge",
        "OperatorScope": "server/billing.operate",
    }
    as_written = {METER: [named["MeterScope"]], CHARGE: [named["ChargeScope"]], OPERATE: [named["OperatorScope"]]}
    paths = body_of(deployed(stage_parameters("prod") | named))["paths"]
    for promise in ROUTES.values():
        ((_, scopes),) = paths[promise.path][promise.method.lower()]["security"][0].items()
        assert scopes == as_written.get(promise.access, [])


def test_only_the_catalog_and_the_document_are_public(routes: dict[str, Route]) -> None:
    public = {name for name, route in routes.items() if route.authorizer == "NONE"}
    assert public == {"GetPlansFunction", "GetPricesFunction", "GetOpenapiFunction"}


def test_every_route_but_the_public_ones_has_an_authorizer_that_is_there(
    prod: Deployed, routes: dict[str, Route]
) -> None:
    authorizers = body_of(prod)["components"]["securitySchemes"]
    assert {route.authorizer for route in routes.values()} - {"NONE"} == set(authorizers)
    for scheme in authorizers.values():
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        assert (authorizer["type"], authorizer["identitySource"]) == ("jwt", "$request.header.Authorization")


def test_the_api_checks_a_jwt_of_the_stage_s_issuer_and_audience(prod: Deployed) -> None:
    user = body_of(prod)["components"]["securitySchemes"]["Jwt"]["x-amazon-apigateway-authorizer"]
    given = stage_parameters("prod")
    assert user["jwtConfiguration"] == {"issuer": given["JwtIssuer"], "audience": [given["JwtAudience"]]}


@pytest.mark.parametrize(
    ("given", "issuer", "audience"),
    [
        ({}, "https://auth.example.com/", "aerostack-api"),
        ({"ServiceJwtAudience": "billing-services"}, "https://auth.example.com/", "billing-services"),
        (
            {"ServiceJwtIssuer": "https://machines.example.com", "ServiceJwtAudience": "billing-services"},
            "https://machines.example.com",
            "billing-services",
        ),
    ],
    ids=["as the users'", "an audience of their own", "an issuer of their own"],
)
def test_services_have_an_issuer_and_an_audience_of_their_own_where_they_are_named(
    given: dict[str, str], issuer: str, audience: str
) -> None:
    schemes = body_of(deployed(stage_parameters("prod") | given))["components"]["securitySchemes"]
    services = schemes["Services"]["x-amazon-apigateway-authorizer"]["jwtConfiguration"]
    assert services == {"issuer": issuer, "audience": [audience]}


def test_an_issuer_of_services_without_its_audience_fails_at_deployment(template: dict[str, Any]) -> None:
    given = stage_parameters("prod") | {"ServiceJwtIssuer": "https://machines.example.com"}
    (sentence,) = refusals(template, given)
    assert "ServiceJwtAudience" in sentence


def test_one_scope_for_counting_and_charging_fails_at_deployment(template: dict[str, Any]) -> None:
    (sentence,) = refusals(template, stage_parameters("prod") | {"ChargeScope": METER})
    assert "who may count cannot charge" in sentence


@pytest.mark.parametrize("scope", [METER, CHARGE])
def test_a_scope_that_operators_share_with_services_fails_at_deployment(template: dict[str, Any], scope: str) -> None:
    (sentence,) = refusals(template, stage_parameters("prod") | {"OperatorScope": scope})
    assert "no service reads what operators do" in sentence


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("JwtIssuer", "http://auth.example.com"),
        ("JwtIssuer", "auth.example.com"),
        ("JwtAudience", "two audiences"),
        ("AccountClaim", ""),
        ("AccountClaim", "https://example.com/org"),
        ("RoleClaim", "realm access"),
        ("RoleNames", ""),
        ("RoleNames", "owner, admin"),
        ("MeterScope", "billing:meter billing:charge"),
    ],
)
def test_what_no_token_can_hold_fails_at_deployment(template: dict[str, Any], parameter: str, value: str) -> None:
    (sentence,) = refusals(template, stage_parameters("prod") | {parameter: value})
    assert sentence.startswith(parameter)


def test_every_function_is_told_which_claims_name_the_account_and_the_role(prod: Deployed) -> None:
    given = {"AccountClaim": "org_id", "RoleClaim": "org_role", "RoleNames": "org:admin"}
    stack = deployed(stage_parameters("prod") | given)
    answer = {"ACCOUNT_CLAIM": "org_id", "ROLE_CLAIM": "org_role", "ROLE_NAMES": "org:admin"}
    for function in stack.of_type("AWS::Lambda::Function"):
        assert answer.items() <= stack.environment(function).items(), function
    log = json.loads(stack.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
    assert log["account"] == "$context.authorizer.claims.org_id"


def test_issuer_and_audience_must_be_given(template: dict[str, Any]) -> None:
    assert all("Default" not in template["Parameters"][name] for name in ("JwtIssuer", "JwtAudience"))


def test_a_browser_may_call_from_every_named_origin_with_every_method_and_read_our_headers() -> None:
    origins = "https://app.example.com,https://admin.example.com"
    cors = body_of(deployed(stage_parameters("prod") | {"AllowedOrigins": origins}))[CORS]
    assert cors["allowOrigins"] == origins.split(",")
    assert {promise.method for promise in ROUTES.values()} <= set(cors["allowMethods"])
    assert {"authorization", "content-type", "idempotency-key"} <= set(cors["allowHeaders"])
    assert {"idempotency-replayed", "retry-after", "x-ratelimit-limit"} <= set(cors["exposeHeaders"])
    assert cors["maxAge"] > 0
    # What API Gateway does not know is refused by it, or passed over without a word.
    assert set(cors) == {"allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge"}


def test_no_browser_may_call_where_no_origin_is_named() -> None:
    assert CORS not in body_of(deployed(stage_parameters("prod") | {"AllowedOrigins": ""}))


@pytest.mark.parametrize(
    "origins",
    ["*", "https://*", "http://app.example.com", "https://app.example.com/", "https://a.example.com, https://b.com"],
)
def test_an_origin_that_no_browser_sends_fails_at_deployment(template: dict[str, Any], origins: str) -> None:
    assert not re.fullmatch(template["Parameters"]["AllowedOrigins"]["AllowedPattern"], origins)


RATES = {
    "PublicRate": "11",
    "PublicBurst": "12",
    "UserRate": "21",
    "UserBurst": "22",
    "ServiceRate": "31",
    "ServiceBurst": "32",
}


def test_the_api_is_throttled(routes: dict[str, Route]) -> None:
    """Each route by who calls it, and by parameter."""
    stage = deployed(stage_parameters("prod") | RATES).only("AWS::ApiGatewayV2::Stage")
    served = {f"{route.method} {route.path}" for route in routes.values()}
    assert set(stage["RouteSettings"]) <= served
    limits = {
        name: stage["RouteSettings"].get(f"{route.method} {route.path}", stage["DefaultRouteSettings"])
        for name, route in routes.items()
    }
    expected = {"none": ("11", "12"), "user": ("21", "22"), OPERATE: ("21", "22")}
    for name, settings in limits.items():
        given = (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"])
        assert given == expected.get(ROUTES[name].access, ("31", "32")), name


def test_what_anybody_may_call_is_throttled_lowest_and_what_carries_the_load_highest(template: dict[str, Any]) -> None:
    rates, bursts = (
        [template["Parameters"][f"{who}{what}"]["Default"] for who in ("Public", "User", "Service")]
        for what in ("Rate", "Burst")
    )
    assert rates == sorted(rates)
    assert bursts == sorted(bursts)
    assert rates[0] * 10 <= rates[2]


def test_the_access_log_is_json_and_holds_no_token(prod: Deployed) -> None:
    settings = prod.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]
    assert settings["DestinationArn"] == {"Fn::GetAtt": ["ApiAccessLogGroup", "Arn"]}
    fields = json.loads(settings["Format"])
    assert {"request_id", "route", "status", "account"} <= set(fields)
    assert not [field for field in fields.values() if "header" in field.lower() or "body" in field.lower()]


def test_the_webhook_has_a_url_of_its_own_and_no_route(prod: Deployed, routes: dict[str, Route]) -> None:
    url = prod.only("AWS::Lambda::Url")
    assert (url["AuthType"], url["TargetFunctionArn"]) == ("NONE", {"Ref": WEBHOOK})
    assert WEBHOOK not in routes
