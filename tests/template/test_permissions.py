"""What a function may do: by name, and no more."""

from __future__ import annotations

from typing import Any

from tests.template.conftest import as_list
from tests.template.contract import STRIPE_FUNCTIONS

Statements = list[tuple[str, dict[str, Any]]]

TABLES = ("AccountsTable", "UsageTable", "EventsTable")
STRIPE_SECRET = {"Ref": "StripeSecretArn"}


def granted(statements: Statements, resource: object) -> dict[str, set[str]]:
    """Actions on one resource, by function."""
    actions: dict[str, set[str]] = {}
    for function, statement in statements:
        if resource in as_list(statement["Resource"]):
            actions.setdefault(function, set()).update(as_list(statement["Action"]))
    return actions


def table(name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, "Arn"]}


def test_policies_are_written_out_and_never_a_ready_made_one(functions: dict[str, Any]) -> None:
    for logical_id, properties in functions.items():
        assert "Role" not in properties, logical_id
        for policy in properties.get("Policies", []):
            assert isinstance(policy, dict), logical_id
            assert set(policy) == {"Version", "Statement"}, logical_id


def test_no_statement_has_a_wildcard(statements: Statements) -> None:
    assert statements
    for function, statement in statements:
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in as_list(statement["Action"])), function
        assert not any(isinstance(resource, str) for resource in as_list(statement["Resource"])), function
        assert not {"NotAction", "NotResource"} & set(statement), function


def test_every_statement_names_one_of_the_stack_s_tables_or_the_secret(statements: Statements) -> None:
    known = [*map(table, TABLES), STRIPE_SECRET]
    for function, statement in statements:
        assert all(resource in known for resource in as_list(statement["Resource"])), function


def test_no_function_may_scan_a_table_or_change_one(statements: Statements) -> None:
    allowed = {
        "dynamodb:BatchGetItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "secretsmanager:GetSecretValue",
    }
    for function, statement in statements:
        assert set(as_list(statement["Action"])) <= allowed, function


def test_only_a_resource_that_is_freed_is_ever_deleted(statements: Statements) -> None:
    deleting = {
        (function, str(statement["Resource"]))
        for function, statement in statements
        if "dynamodb:DeleteItem" in as_list(statement["Action"])
    }
    assert deleting == {("FreeResourceFunction", str(table("UsageTable")))}


def test_accounts_are_written_by_functions_that_ask_stripe_and_by_no_other(statements: Statements) -> None:
    writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    writers = {f for f, actions in granted(statements, table("AccountsTable")).items() if actions & writes}
    assert writers == STRIPE_FUNCTIONS - {"PortalFunction"}


def test_reading_functions_cannot_write(statements: Statements) -> None:
    reads = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
    for function, statement in statements:
        if function in {"GetBillingFunction", "GetUsageFunction", "GetResourcesFunction"}:
            assert set(as_list(statement["Action"])) <= reads, function


def test_the_catalog_needs_no_permission_at_all(functions: dict[str, Any]) -> None:
    assert "Policies" not in functions["GetPlansFunction"]


def test_only_functions_that_talk_to_stripe_may_read_its_key(statements: Statements) -> None:
    readers = granted(statements, STRIPE_SECRET)
    assert readers == {name: {"secretsmanager:GetSecretValue"} for name in STRIPE_FUNCTIONS}
