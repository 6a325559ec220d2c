"""Any request at all: never a 5xx, never an answer that the OpenAPI document does not describe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.stack import Stack
from local.testing import running_stack
from tests.flows.client import Json
from tests.security.fuzzing import DONE_BEFORE, furnish, fuzz, strict_document

CASES = 3
SEED = 20_260_301


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack(parameters={"StripeRequestsPerMinute": "100000"}) as running:
        yield running


@pytest.fixture(scope="module")
def document(stack: Stack) -> Json:
    return strict_document(furnish(stack))


def test_every_answer_to_any_request_is_one_that_the_document_describes(stack: Stack, document: Json) -> None:
    found = fuzz(stack, document, cases=CASES, seed=SEED)
    assert found.passed, found.output
    assert found.cases > 1_000
    assert not found.never_done - DONE_BEFORE, "these refused everything, so their answers were never seen"


def test_an_answer_that_differs_from_the_document_is_found(stack: Stack, document: Json) -> None:
    only = {"/api/balance": document["paths"]["/api/balance"]}
    balance = document["components"]["schemas"]["Balance"]
    del balance["properties"]["debt_cents"]
    balance["required"].remove("debt_cents")
    found = fuzz(stack, {**document, "paths": only}, cases=1, seed=SEED)
    assert not found.passed
    assert "debt_cents" in found.output
