"""The schemas of domain events: made of the code, checked in, and each of them explained."""

from __future__ import annotations

import json
import re

import pytest

from local.event_schemas import FOLDER, TYPES, files, schema

DOCUMENT = FOLDER.parent / "events.md"


def test_the_schemas_that_are_checked_in_are_those_the_code_makes() -> None:
    assert {path: path.read_text() for path in FOLDER.iterdir()} == files(), "run make schemas"


def test_the_document_explains_every_type_and_no_other() -> None:
    rows = re.findall(r"^\| \[`([a-z_.]+)`\]\(events/([a-z_.0-9]+)\)", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(TYPES)
    assert all((FOLDER / file).is_file() for _, file in rows)


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_closes_over_its_own_parts_and_says_what_is_required(name: str) -> None:
    made = schema(name)
    references = set(re.findall(r"#/\$defs/(\w+)", json.dumps(made)))
    assert references == set(made.get("$defs", {}))  # type: ignore[call-overload]
    assert made["properties"]["data"]["required"]  # type: ignore[index]


@pytest.mark.parametrize("name", TYPES)
def test_no_event_has_a_place_for_a_card_a_link_a_name_or_an_address(name: str) -> None:
    fields = set(re.findall(r'"(\w+)": \{', json.dumps(schema(name))))
    assert not {field for field in fields if re.search(r"url|mail|card|fingerprint|secret|token|customer", field)}


@pytest.mark.parametrize("name", TYPES)
def test_amounts_say_their_unit(name: str) -> None:
    fields = set(re.findall(r'"(\w*(?:amount|balance|payable|debt|held|threshold)\w*)": \{', json.dumps(schema(name))))
    assert not {field for field in fields if not field.endswith(("_cents", "_micros"))}
