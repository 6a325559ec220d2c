"""What CloudFormation takes at most, and what it cannot order: looked at before it refuses the deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

import pytest

from tests.template.deployed import ROOT, Deployed, deployed, stage_parameters

RESOURCES, PARAMETERS, OUTPUTS, MAPPINGS = 500, 200, 200, 200
BODY_BYTES = 1_000_000
NAME_BYTES = 255
LAMBDA_ENVIRONMENT_BYTES = 4_096
ROLE_POLICIES_BYTES = 10_240
MANAGED_POLICIES_OF_A_ROLE = 10
DASHBOARD_ALARMS = 100


@pytest.fixture(params=["dev", "prod"])
def stack(request: pytest.FixtureRequest) -> Deployed:
    return deployed(stage_parameters(request.param))


def test_the_transformed_template_is_within_cloudformation_s_quotas(stack: Deployed) -> None:
    made = stack.transformed
    assert len(made["Resources"]) <= RESOURCES * 0.92, "room for what a release adds"
    assert len(made["Parameters"]) <= PARAMETERS
    assert len(made.get("Outputs", {})) <= OUTPUTS
    assert len(made.get("Mappings", {})) <= MAPPINGS
    assert len(json.dumps(made)) <= BODY_BYTES * 0.9
    assert (ROOT / "template.yaml").stat().st_size <= BODY_BYTES * 0.9
    assert all(len(name) <= NAME_BYTES for name in (*made["Resources"], *made["Parameters"], *made["Outputs"]))


def test_a_template_of_this_size_is_deployed_from_a_bucket() -> None:
    # Above 51,200 bytes CloudFormation takes no template in the request itself.
    assert (ROOT / "template.yaml").stat().st_size > 51_200
    assert (ROOT / "samconfig.toml").read_text().count("resolve_s3 = true") == 2


def test_every_function_s_environment_and_role_are_within_their_quotas(stack: Deployed) -> None:
    for name in stack.of_type("AWS::Lambda::Function"):
        assert len(json.dumps(stack.environment(name))) <= LAMBDA_ENVIRONMENT_BYTES, name
        role = stack.resources[f"{name}Role"]["Properties"]
        assert len(json.dumps(role.get("Policies", []), separators=(",", ":"))) <= ROLE_POLICIES_BYTES, name
        assert len(role.get("ManagedPolicyArns", [])) <= MANAGED_POLICIES_OF_A_ROLE, name


def test_cloudformation_can_order_what_it_creates(stack: Deployed) -> None:
    graph: dict[str, set[str]] = {name: set() for name in stack.resources}
    for place, named in stack.references():
        if place in stack.resources and named in stack.resources and place != named:
            graph[place].add(named)
    assert len(list(TopologicalSorter(graph).static_order())) == len(stack.resources)


def test_the_dashboard_shows_no_more_alarms_than_a_widget_takes(stack: Deployed) -> None:
    assert len(alarms(stack.resources)) <= DASHBOARD_ALARMS


def alarms(resources: Mapping[str, dict[str, Any]]) -> list[str]:
    return [
        name
        for name, r in resources.items()
        if r["Type"] in {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}
    ]
