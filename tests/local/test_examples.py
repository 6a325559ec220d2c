"""The document's examples are what a stack answers, and what its schemas promise."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local.openapi.document import PUBLISHED
from local.openapi.examples import play, recorded
from local.testing import running_stack

WITHOUT = {"GetPlans", "GetPrices", "GetOpenapi"}
"""Public, and long: the catalog, the price book and the document itself."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return whole


def shown(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each content that has an example, with the operation that it is of."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for part in (operation.get("requestBody"), *operation["responses"].values()):
                content = part and part["content"]["application/json"]
                if content and "example" in content:
                    yield operation["operationId"], content


def test_a_stack_answers_what_the_document_shows() -> None:
    with contextlib.redirect_stdout(io.StringIO()), running_stack() as stack:
        assert play(stack) == recorded(), "run: python -m local.openapi.examples, then make openapi"


def test_every_route_that_is_recorded_shows_its_example(document: dict[str, Any]) -> None:
    operations = {one["operationId"] for methods in document["paths"].values() for one in methods.values()}
    assert {name for name, _ in shown(document)} == set(recorded()) <= operations
    assert not WITHOUT & set(recorded())


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    for name, content in shown(document):
        schema = {**content["schema"], "components": document["components"]}
        wrong = [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])]
        assert wrong == [], name
