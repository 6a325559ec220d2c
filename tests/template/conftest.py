"""The template, read once, as the tests look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.template.loader import load_yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return load_yaml(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    return template["Resources"]


@pytest.fixture(scope="session")
def functions(resources: dict[str, Any]) -> dict[str, Any]:
    """Properties of each function, by logical id."""
    return of_type(resources, "AWS::Serverless::Function")


@pytest.fixture(scope="session")
def statements(functions: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every IAM statement of every function, with the function that holds it."""
    return [
        (logical_id, statement)
        for logical_id, properties in functions.items()
        for policy in properties.get("Policies", [])
        for statement in policy["Statement"]
    ]


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: resource.get("Properties", {}) for name, resource in resources.items() if resource["Type"] == kind}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
