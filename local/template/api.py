"""HTTP APIs in the template: authorizers, CORS and the routes that functions add."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.template.errors import TemplateError
from local.template.model import Cors, JwtAuthorizer, Route
from local.template.section import Section

IMPLICIT_API = "ServerlessHttpApi"
"""Logical id that SAM gives to the API of routes that name none."""

_METHODS = frozenset({"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_SEGMENT = re.compile(r"\{[A-Za-z0-9_.-]+\+?\}|[^{}]*")


@dataclass(frozen=True)
class Api:
    """An HTTP API: what holds for all of its routes."""

    logical_id: str
    authorizers: dict[str, JwtAuthorizer]
    default_authorizer: str | None
    default_scopes: dict[str, tuple[str, ...]]
    cors: Cors | None


def read_api(logical_id: str, properties: Section) -> Api:
    """An AWS::Serverless::HttpApi, or what Globals say of the implicit one."""
    properties.refuse_any_of("DefinitionBody DefinitionUri", "write the routes as HttpApi events of the functions")
    stage = properties.text("StageName", "$default")
    if stage != "$default":
        raise properties.refuse(f"StageName {stage} would stand before every path: only $default is served locally")
    auth = properties.section("Auth")
    authorizers: dict[str, JwtAuthorizer] = {}
    scopes: dict[str, tuple[str, ...]] = {}
    definitions = auth.section("Authorizers")
    for name in definitions:
        definition = definitions.section(name)
        authorizers[name] = _read_authorizer(name, definition)
        scopes[name] = definition.texts("AuthorizationScopes")
    default = auth.text("DefaultAuthorizer") if "DefaultAuthorizer" in auth else None
    if default is not None and default not in authorizers:
        raise auth.refuse(f"DefaultAuthorizer {default} is not among the Authorizers")
    return Api(logical_id, authorizers, default, scopes, _read_cors(properties))


def read_route(function: str, event: Section, apis: dict[str, Api]) -> Route:
    """One HttpApi event of a function."""
    version = event.text("PayloadFormatVersion", "2.0")
    if version != "2.0":
        raise event.refuse(f"PayloadFormatVersion {version} is not served: only 2.0 is")
    api_id = event.text("ApiId", IMPLICIT_API)
    api = apis.get(api_id)
    if api is None:
        raise event.refuse(f"ApiId {api_id} is no AWS::Serverless::HttpApi of this template")
    method = event.text("Method", "ANY").upper()
    if method in {"X-AMAZON-APIGATEWAY-ANY-METHOD", "*"}:
        method = "ANY"
    if method not in _METHODS:
        raise event.refuse(f"Method {method} is not an HTTP method")
    path = event.text("Path", "$default")
    _check_path(path, event)
    authorizer, scopes = _route_auth(event.section("Auth"), api)
    return Route(api.logical_id, method, path, function, authorizer, scopes, api.cors)


def _route_auth(auth: Section, api: Api) -> tuple[JwtAuthorizer | None, tuple[str, ...]]:
    name = auth.text("Authorizer", api.default_authorizer or "NONE")
    if name == "NONE":
        if "AuthorizationScopes" in auth:
            raise auth.refuse("AuthorizationScopes without an authorizer would never be checked")
        return None, ()
    if name not in api.authorizers:
        raise auth.refuse(f"Authorizer {name} is not among the Authorizers of {api.logical_id}")
    scopes = auth.texts("AuthorizationScopes") if "AuthorizationScopes" in auth else api.default_scopes[name]
    return api.authorizers[name], scopes


def _read_authorizer(name: str, definition: Section) -> JwtAuthorizer:
    if "JwtConfiguration" not in definition:
        raise definition.refuse("only JWT authorizers are served locally (JwtConfiguration is missing)")
    source = definition.text("IdentitySource", "$request.header.Authorization")
    if source.lower() != "$request.header.authorization":
        raise definition.refuse(f"IdentitySource {source} is not served: only $request.header.Authorization is")
    configuration = definition.section("JwtConfiguration")
    audiences = configuration.texts("audience")
    if not audiences:
        raise configuration.refuse("audience is missing")
    return JwtAuthorizer(name, configuration.text("issuer"), audiences)


def _read_cors(properties: Section) -> Cors | None:
    if "CorsConfiguration" not in properties:
        return None
    value = properties.value("CorsConfiguration")
    if isinstance(value, bool):
        raise properties.refuse("CorsConfiguration must name origins: a bare true is not served locally")
    cors = properties.section("CorsConfiguration")
    return Cors(
        allow_origins=cors.texts("AllowOrigins"),
        allow_methods=cors.texts("AllowMethods"),
        allow_headers=cors.texts("AllowHeaders"),
        expose_headers=cors.texts("ExposeHeaders"),
        max_age_seconds=cors.integer("MaxAge", 0) if "MaxAge" in cors else None,
        allow_credentials=cors.flag("AllowCredentials", default=False),
    )


def _check_path(path: str, event: Section) -> None:
    if path == "$default":
        return
    if not path.startswith("/"):
        raise event.refuse(f"Path {path} must start with /")
    segments = path[1:].split("/")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise event.refuse(f"Path {path} mixes text and a variable in one segment")
    if any(segment.endswith("+}") for segment in segments[:-1]):
        raise event.refuse(f"Path {path}: a greedy variable must be the last segment")


def check_distinct(routes: tuple[Route, ...]) -> None:
    """TemplateError if two routes answer the same requests."""
    seen: dict[tuple[str, str], Route] = {}
    for route in routes:
        shape = (route.method, re.sub(r"\{[^}+]+(\+?)\}", r"{\1}", route.path))
        if shape in seen:
            raise TemplateError(f"{route.function} and {seen[shape].function} both answer {route.key}")
        seen[shape] = route
