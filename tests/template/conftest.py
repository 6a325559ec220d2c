"""The template, read once: as it is written, and as CloudFormation gets it for the stage prod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from local.template.loader import load_yaml
from tests.template.deployed import ROOT, Deployed, deployed, stage_parameters


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """As it is written."""
    return load_yaml(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def functions(template: dict[str, Any]) -> dict[str, Any]:
    """What is written of each function, by logical id."""
    return of_type(template["Resources"], "AWS::Serverless::Function")


@pytest.fixture(scope="session")
def prod() -> Deployed:
    """The stack of the stage prod."""
    return deployed(stage_parameters("prod"))


@pytest.fixture(scope="session")
def resources(prod: Deployed) -> Mapping[str, dict[str, Any]]:
    """What CloudFormation creates for the stage prod."""
    return prod.resources


@pytest.fixture(scope="session")
def lambdas(prod: Deployed) -> dict[str, dict[str, Any]]:
    """Properties of each function that CloudFormation creates for the stage prod."""
    return prod.of_type("AWS::Lambda::Function")


@pytest.fixture(scope="session")
def statements(prod: Deployed, lambdas: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every IAM statement of every function, with the function whose role holds it."""
    return [(name, statement) for name in lambdas for statement in prod.statements(name)]


def of_type(resources: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name: resource.get("Properties", {}) for name, resource in resources.items() if resource["Type"] == kind}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
