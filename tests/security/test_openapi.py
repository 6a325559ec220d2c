"""The OpenAPI document: made of the code, current, valid, and whole."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from openapi_spec_validator import validate

import aerostack_billing
from aerostack_billing.entry.stripe_events import SendAgain
from aerostack_billing.outbox.bus import BusUnavailable
from aerostack_billing.values.errors import BillingError, Conflict, InvalidSignature, NotFound, OperatorRefused
from local.openapi.document import ERRORS, PUBLISHED, Incomplete, build, files
from local.openapi.errors import ADVICE, without_advice
from local.paths import TEMPLATE
from local.template import ServerlessApp, load_app

FOR_STRIPE_ONLY = {InvalidSignature, SendAgain}
FOR_A_SCHEDULE_ONLY = {BusUnavailable}
WITHOUT_AN_ANSWER = {BillingError, Conflict, NotFound}
"""Only what derives from them is raised."""


@pytest.fixture(scope="module")
def app() -> ServerlessApp:
    return load_app(TEMPLATE)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(PUBLISHED.read_text())


def test_the_document_is_current() -> None:
    stale = [str(path) for path, text in files().items() if path.read_text() != text]
    assert not stale, f"run make openapi: {', '.join(stale)} differ from what the code says"


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)


def test_every_route_of_the_template_is_in_the_document_and_no_other(
    app: ServerlessApp, document: dict[str, Any]
) -> None:
    answer = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert answer == {(route.method, route.path) for route in app.routes}


def test_a_route_that_is_not_described_stops_the_document(app: ServerlessApp) -> None:
    (first, *others) = app.routes
    with pytest.raises(Incomplete, match=first.function):
        build(replace(app, routes=tuple(others)))
    with pytest.raises(Incomplete, match="NewFunction"):
        build(replace(app, routes=(*app.routes, replace(first, function="NewFunction", path="/api/new"))))


def test_each_route_says_who_may_call_it(app: ServerlessApp, document: dict[str, Any]) -> None:
    for route in app.routes:
        answer = document["paths"][route.path][route.method.lower()]["security"]
        if route.authorizer is None:
            assert answer == []
        else:
            assert answer == ([{"service": list(route.scopes)}] if route.scopes else [{"user": []}])


def test_every_variable_of_a_path_is_described(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method in methods.values():
            answer = {found["name"] for found in method.get("parameters", []) if found["in"] == "path"}
            assert answer == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_every_refusal_of_the_code_is_documented_with_its_status(document: dict[str, Any]) -> None:
    answer = {
        (int(status), code)
        for methods in document["paths"].values()
        for method in methods.values()
        for status, response in method["responses"].items()
        for code in codes(response)
    }
    refusals = set(every_refusal()) - FOR_STRIPE_ONLY - FOR_A_SCHEDULE_ONLY - WITHOUT_AN_ANSWER
    answered = {refusal for refusal in refusals if not issubclass(refusal, OperatorRefused)}
    assert answer == {(refusal.status, refusal.code) for refusal in answered}


def every_refusal() -> Iterator[type[BillingError]]:
    for module in pkgutil.walk_packages(aerostack_billing.__path__, "aerostack_billing."):
        importlib.import_module(module.name)
    pending = [BillingError]
    while pending:
        refusal = pending.pop()
        yield refusal
        pending += refusal.__subclasses__()


def codes(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if "code" in value and "enum" in value["code"]:
            yield from value["code"]["enum"]
        for inner in value.values():
            yield from codes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from codes(inner)


def test_the_page_on_errors_says_of_every_code_what_to_do(document: dict[str, Any]) -> None:
    page = ERRORS.read_text(encoding="utf-8")
    assert without_advice(document) == []
    named = set(re.findall(r"^## ([A-Z_]+)$", page, re.MULTILINE))
    assert named == set(codes(document["paths"]))
    assert set(ADVICE) <= named, "advice for a code that no route answers any more"


def test_a_request_has_no_field_whose_default_is_null(document: dict[str, Any]) -> None:
    def defaults(value: object) -> Iterator[object]:
        if isinstance(value, dict):
            yield from (inner for name, inner in value.items() if name == "default")
            for inner in value.values():
                yield from defaults(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from defaults(inner)

    assert None not in list(defaults(document["components"]))
    optional = document["components"]["schemas"]["CheckoutRequest"]
    assert "idempotency_key" in set(optional["properties"]) - set(optional["required"])
