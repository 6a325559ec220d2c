"""The runbook "Restore a table" of docs/operations.md, rehearsed: what a restored table's name puts in its place."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest

from tests.template.conftest import of_type
from tests.template.deployed import PSEUDO, ROOT, Deployed, deployed, stage_parameters
from tests.template.rules import broken_rules

MONEY = ("Wallets", "Ledger", "Creators")
TABLES = ("Accounts", "Usage", "Events", *MONEY, "Outbox", "Notifications")


def restored(*tables: str) -> Deployed:
    return deployed(
        stage_parameters("prod") | {f"Restored{table}Table": f"{table.lower()}-restored" for table in tables}
    )


@pytest.fixture(params=[MONEY, *((table,) for table in TABLES if table not in MONEY), TABLES], ids="+".join)
def tables(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return tuple(request.param)


def test_every_table_can_be_replaced_by_a_restored_one(template: dict[str, Any]) -> None:
    assert set(of_type(template["Resources"], "AWS::DynamoDB::Table")) == {f"{table}Table" for table in TABLES}


def test_every_reference_resolves_after_a_restore(tables: tuple[str, ...]) -> None:
    stack = restored(*tables)
    assert {name for _, name in stack.references()} <= {*stack.resources, *PSEUDO}


def test_the_damaged_table_stays_as_it_was(tables: tuple[str, ...], prod: Deployed) -> None:
    stack = restored(*tables)
    for table in TABLES:
        assert stack.resources[f"{table}Table"] == prod.resources[f"{table}Table"]


def test_every_function_points_at_the_restored_table_and_nothing_else_changes(
    tables: tuple[str, ...], prod: Deployed
) -> None:
    stack = restored(*tables)
    for function in stack.of_type("AWS::Lambda::Function"):
        answer = prod.environment(function) | {f"{t.upper()}_TABLE": f"{t.lower()}-restored" for t in tables}
        assert stack.environment(function) == answer, function


def test_every_grant_is_for_the_restored_table_and_none_for_the_damaged_one(
    tables: tuple[str, ...], prod: Deployed
) -> None:
    stack = restored(*tables)
    for function in stack.of_type("AWS::Lambda::Function"):
        before, after = prod.statements(function), stack.statements(function)
        expected = json.dumps(before)
        for table in tables:
            arn = (
                f"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/{table.lower()}-restored"
            )
            whole = json.dumps({"Fn::GetAtt": [f"{table}Table", "Arn"]})
            expected = expected.replace(whole, json.dumps({"Fn::Sub": arn}))
            expected = expected.replace(f"${{{table}Table.Arn}}", arn)
        assert json.dumps(after) == expected, function


def test_nothing_but_the_table_itself_refers_to_the_damaged_table(tables: tuple[str, ...]) -> None:
    stack = restored(*tables)
    damaged = {f"{table}Table" for table in tables}
    assert {(place, name) for place, name in stack.references() if name in damaged} == set()


def test_operators_are_told_the_restored_name(tables: tuple[str, ...]) -> None:
    stack = restored(*tables)
    assert {t: stack.outputs[f"{t}TableName"]["Value"] for t in tables} == {t: f"{t.lower()}-restored" for t in tables}


def test_money_is_restored_together_or_not_at_all(template: dict[str, Any]) -> None:
    given = stage_parameters("prod")
    assert broken_rules(template, given | {f"Restored{table}Table": "t-1" for table in MONEY}) == []
    for count in (1, 2):
        for some in combinations(MONEY, count):
            (sentence,) = broken_rules(template, given | {f"Restored{table}Table": "t-1" for table in some})
            assert "Wallets, Ledger and Creators" in sentence


def test_the_runbook_names_every_parameter_of_a_table_and_none_that_is_not_there(template: dict[str, Any]) -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text().split("## Restore a table")[1].split("\n## ")[0]
    named = set(re.findall(r"Restored\w+Table", runbook))
    assert named == {name for name in template["Parameters"] if name.startswith("Restored")}
