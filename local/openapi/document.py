"""The OpenAPI document, built from the template, the models and the description of each route."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Container
from pathlib import Path

from aerostack_billing.plans import catalog
from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.values import errors
from aerostack_billing.values.fields import RequestModel
from local.openapi import errors as errors_page
from local.openapi.answers import GatewayMessage
from local.openapi.describing import Operation, Refusal, Schema
from local.openapi.operations import BY_TAG
from local.openapi.schemas import Schemas, path_parameters, refusal
from local.paths import ROOT, TEMPLATE
from local.template import Route, ServerlessApp, load_app

PUBLISHED = ROOT / "docs" / "openapi.json"
ERRORS = ROOT / "docs" / "errors.md"
SERVED = ROOT / "layers" / "common" / "aerostack_billing" / "openapi.json"
"""The same document in few bytes: the answer of GetOpenapiFunction."""

EXAMPLES = ROOT / "local" / "openapi" / "examples.json"
"""Recorded by tests/clients/test_openapi_examples.py."""

USER = "user"
SERVICE = "service"

_DESCRIPTION = f"""\
Plans with limits, metered usage, subscriptions and a prepaid wallet.

**Authentication.** A user's token (scheme `{USER}`) acts for the account in its `sub`, or in the
claim that the deployment names, and for no other. A token of the platform's own services
(scheme `{SERVICE}`) carries a scope, and the request names the account: in the body, or in the
query if there is no body.

**Errors** are `{{"error": {{"code", "message", "details", "request_id"}}}}`. The message says what to do; every code is
explained in `docs/errors.md`. When API Gateway refuses a request before a function runs, the answer is `{{"message"}}`.
A body over {RequestModel.most_bytes // 1024} KB (a batch of usage: over 1 MB) is refused, and so is a JSON object that
contains a name twice.

**Idempotency.** A key belongs to one account and one operation. The same key with the same body returns the first
answer again, with `Idempotency-Replayed: true`. With another body it is refused. A refusal leaves the key free.

**Money** is US dollars. By the field's name:

| name | unit | |
|---|---|---|
| `…_cents` in a request | cents | a number or a string with up to four decimals; a fifth is refused, never rounded |
| `balance_cents` in an answer | whole cents | rounded down; `balance_micros` beside it is exact |
| any other `…_cents` in an answer | cents | exact, with up to four decimals |
| `…_micros` | millionths of a dollar | exact; a cent is 10,000 |
| prices of models | dollars a million tokens | decimal strings |
 **Times** are ISO 8601 in UTC. **Unlimited** is null.

Stripe's webhooks have a URL of their own and are not part of this API.
"""
_KEY_FIELD = "idempotency_key"
_KEY_HEADER: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": f"The same as `{_KEY_FIELD}` in the body. If both are present they must be equal.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_HEADERS: dict[str, Schema] = {
    "Idempotency-Replayed": {
        "description": "`true` if this is the stored first answer to the key.",
        "schema": {"type": "string", "const": "true"},
    },
    "Cache-Control": {
        "description": "`no-store`, except for public data.",
        "required": True,
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "Why the token was refused.",
        "schema": {"type": "string"},
    },
    "X-Next-Cursor": {
        "description": "The `cursor` of the next answer; absent on the last.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait, if known.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-RateLimit-Limit": {
        "description": "Calls that the plan allows per clock minute. Absent if the plan has no burst limit.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-RateLimit-Remaining": {
        "description": "Calls left in this minute.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-RateLimit-Reset": {
        "description": "Start of the next minute, in seconds since the epoch.",
        "schema": {"type": "integer", "minimum": 0},
    },
}
_RATE_HEADERS = [name for name in _HEADERS if name.startswith("X-RateLimit-")]


_STATUSES = {
    200: "Done.",
    201: "Created.",
    400: "The body is not JSON.",
    401: "The token is missing, is not valid, or names no account.",
    402: "The balance is too low, or the spending cap is reached. Nothing was charged.",
    403: "The plan does not allow it, or the token lacks the scope or the role.",
    404: "The account has no such object.",
    409: "The state of the account, or an earlier use of the key, forbids it.",
    413: "The body is too large.",
    422: "A field is wrong. The details name it.",
    429: "Too many requests.",
    500: "An internal error.",
    502: "Stripe failed or refused. Nothing was lost.",
    503: "Stripe or the database did not answer. Nothing was lost.",
}


_SERVICE_TOKEN: Schema = {
    "type": "oauth2",
    "description": "A bearer token of the platform's own services, with the scope that the route names. Your identity "
    "provider issues it; a stack has other scope names where its parameters say so.",
    "flows": {
        "clientCredentials": {
            "tokenUrl": "https://identity.example.com/oauth2/token",
            "scopes": {
                "billing:meter": "Count usage and keep resources of any account.",
                "billing:charge": "Take money from the wallet of any account.",
                "billing:operate": "Read the timeline of any account. For operators alone.",
            },
        }
    },
}


class Incomplete(Exception):
    """The template serves a route that has no description, or a description has no route in the template."""


def build(app: ServerlessApp | None = None) -> Schema:
    """The document. Raises Incomplete if the template and the descriptions differ."""
    app = app or load_app(TEMPLATE)
    described = {name: (tag, operation) for tag, by_name in BY_TAG.items() for name, operation in by_name.items()}
    named = {route: _name_among(described, route) for route in app.routes}
    odd = set(named.values()) ^ set(described)
    if odd:
        raise Incomplete(f"served without a description, or described without a route: {', '.join(sorted(odd))}")
    known, examples = catalog.load(), load_examples()
    schemas = Schemas.of((operation for _, operation in described.values()), known)
    paths: dict[str, dict[str, object]] = {}
    for route in sorted(app.routes, key=lambda route: (route.path, route.method)):
        tag, operation = described[named[route]]
        name = operation.name or operation_id(route.function)
        asks_stripe = "STRIPE_SECRET_ARN" in app.functions[route.function].environment
        seen = {
            "operationId": name,
            "tags": [tag],
            **_operation(route, operation, schemas, known, asks_stripe=asks_stripe),
        }
        _show(seen, examples.get(name, {}))
        paths.setdefault(route.path, {})[route.method.lower()] = seen
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aerostack billing",
            "version": _version(),
            "description": _DESCRIPTION,
            "contact": {"name": "Aerostack", "url": "https://aerostack.dev"},
        },
        "servers": [{"url": "http://127.0.0.1:3000", "description": "The local stack (make run)"}],
        "tags": [{"name": tag} for tag in BY_TAG],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "headers": _HEADERS,
            "securitySchemes": {
                USER: _bearer("The token of a signed-in user."),
                SERVICE: _SERVICE_TOKEN,
            },
        },
    }


def _name_among(described: Container[str], route: Route) -> str:
    """What a route is described under: its function, with the method where the function answers several."""
    by_method = f"{route.function} {route.method}"
    return by_method if by_method in described else route.function


def operation_id(function: str) -> str:
    """What generators name an operation's method by: `takeHold` for `TakeHoldFunction`."""
    return function[0].lower() + function[1:].removesuffix("Function")


def load_examples() -> dict[str, dict[str, Schema]]:
    """For each operation, the body of a request and the answer with each status of success; recorded."""
    examples: dict[str, dict[str, Schema]] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return examples


def files() -> dict[Path, str]:
    """The text of each file that holds the document."""
    document = build()
    return {
        ERRORS: errors_page.page(document),
        PUBLISHED: json.dumps(document, indent=1, ensure_ascii=False) + "\n",
        SERVED: json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n",
    }


def _operation(
    route: Route, operation: Operation, schemas: Schemas, known: Catalog, *, asks_stripe: bool
) -> dict[str, object]:
    seen: dict[str, object] = {"summary": operation.summary}
    if operation.description:
        seen["description"] = operation.description
    seen["security"] = _security(route)
    parameters = [] if operation.path is None else path_parameters(operation.path, known)
    parameters += [
        {
            "name": query.name,
            "in": "query",
            "required": query.required,
            "description": query.description,
            "schema": query.schema,
        }
        for query in operation.query
    ]
    if operation.takes_key_header:
        parameters.append(_KEY_HEADER)
    if parameters:
        seen["parameters"] = parameters
    if operation.body is not None:
        seen["requestBody"] = {
            "required": not operation.needs_no_body,
            "content": {"application/json": {"schema": schemas.references[operation.body]}},
        }
    seen["responses"] = {
        **_rehearsed(operation, schemas),
        str(operation.status): _done(operation, schemas),
        **_refused(
            _refusals(route, operation, asks_stripe=asks_stripe),
            _gateways(route, operation),
            schemas,
            throttled=operation.throttled,
        ),
    }
    return seen


def _show(seen: dict[str, object], example: dict[str, Schema]) -> None:
    """Add the example of a request, and of the answer with each status of success."""
    responses = seen["responses"]
    assert isinstance(responses, dict)
    places = {"request": seen.get("requestBody"), **responses}
    for place, shown in example.items():
        found = places[place]
        assert isinstance(found, dict)
        found["content"]["application/json"]["example"] = shown


def _security(route: Route) -> list[Schema]:
    if route.authorizer is None:
        return []
    return [{SERVICE: list(route.scopes)} if route.scopes else {USER: []}]


def _done(operation: Operation, schemas: Schemas) -> Schema:
    headers = ["Cache-Control", *(["Idempotency-Replayed"] if operation.replays else [])]
    headers += _RATE_HEADERS if operation.throttled else []
    if operation.texts:
        seen = _response(operation.status, {}, [*headers, "X-Next-Cursor"])
        content: Schema = {
            kind: {"schema": {"type": "string", "description": about}} for kind, about in operation.texts.items()
        }
        if operation.answers:
            seen = _response(operation.status, schemas.answer(operation), headers)
            return {**seen, "content": _both(seen["content"], content)}
        return {**seen, "content": content}
    return _response(operation.status, schemas.answer(operation), headers)


def _both(json_content: object, texts: Schema) -> Schema:
    return {**json_content, **texts} if isinstance(json_content, dict) else texts


def _rehearsed(operation: Operation, schemas: Schemas) -> dict[str, Schema]:
    if operation.rehearsal is None:
        return {}
    return {"200": _response(200, schemas.references[operation.rehearsal], ["Cache-Control"])}


def _refusals(route: Route, operation: Operation, *, asks_stripe: bool) -> list[Refusal]:
    """The refusals that the functions answer."""
    found: list[Refusal] = list(operation.refusals)
    if route.authorizer is not None:
        found.append(errors.StoreUnavailable)
        if not route.scopes:
            found.append(errors.Unauthorized)
            if route.method != "GET":
                found += [errors.RoleForbidden, errors.RateLimitExceeded]
    if route.scopes:
        found += [errors.CallerBlocked, errors.TokenRestricted]
    if operation.body is not None:
        found += [errors.InvalidJson, errors.PayloadTooLarge]
    if operation.body is not None or operation.path is not None:
        found.append(errors.InvalidRequest)
    if asks_stripe:
        found += [errors.PaymentsFailed, errors.PaymentsRefused, errors.PaymentsUnavailable, errors.RateLimitExceeded]
    return found


def _gateways(route: Route, operation: Operation) -> set[int]:
    """The statuses that API Gateway itself answers."""
    found = {429, 500, 503}
    if route.authorizer is not None:
        found.add(401)
    if route.scopes:
        found.add(403)
    if operation.body is not None:
        found.add(413)
    return found


def _refused(refusals: list[Refusal], gateways: set[int], schemas: Schemas, *, throttled: bool) -> dict[str, Schema]:
    too_many = ["Retry-After", *(_RATE_HEADERS if throttled else [])]
    known = {401: ["WWW-Authenticate"], 403: ["WWW-Authenticate"], 429: too_many}
    responses: dict[str, Schema] = {}
    for status in sorted({found.status for found in refusals} | gateways):
        own = [found for found in refusals if found.status == status]
        bodies = [refusal(own)] if own else []
        if status in gateways:
            bodies.append(schemas.references[GatewayMessage])
        body: Schema = bodies[0] if len(bodies) == 1 else {"anyOf": bodies}
        responses[str(status)] = _response(status, body, known.get(status, []))
    return responses


def _response(status: int, schema: Schema, headers: list[str]) -> Schema:
    response: Schema = {"description": _STATUSES[status]}
    if headers:
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return {**response, "content": {"application/json": {"schema": schema}}}


def _bearer(about: str) -> Schema:
    return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": about}


def _version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
