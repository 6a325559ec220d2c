"""A release reaches the services' routes by a canary, and all of its code reaches them."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scripts.stamp_release import Unstamped, stamp, write_stamp
from tests.template.contract import CHARGE, METER, ROUTES
from tests.template.deployed import ROOT, Deployed, deployed, deployment_of, stage_parameters
from tests.template.test_api import body_of

SERVICES = sorted(name for name, promise in ROUTES.items() if promise.access in {METER, CHARGE})
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"


def with_parameters(**given: str) -> Deployed:
    return deployed(stage_parameters("prod") | given)


def versions(stack: Deployed) -> dict[str, str]:
    """The logical id of each function's published version: another one is another version."""
    return {v["FunctionName"]["Ref"]: name for name, v in stack.of_type("AWS::Lambda::Version").items()}


def test_no_function_starts_from_an_image_whose_processes_would_share_what_they_hold(prod: Deployed) -> None:
    # docs/decisions/0035-no-snapstart.md says what is needed before one may.
    assert not [name for name, f in prod.of_type("AWS::Lambda::Function").items() if "SnapStart" in f]


@pytest.mark.parametrize("function", SERVICES)
def test_callers_reach_a_service_s_route_by_its_alias(prod: Deployed, function: str) -> None:
    promise = ROUTES[function]
    operation = body_of(prod)["paths"][promise.path][promise.method.lower()]
    alias = f"{function}Aliaslive"
    assert f"${{{alias}}}" in operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    assert prod.resources[alias]["Properties"]["FunctionVersion"] == {
        "Fn::GetAtt": [versions(prod)[function], "Version"]
    }


@pytest.mark.parametrize("function", SERVICES)
def test_a_release_is_watched_and_taken_back_by_the_alarms(function: str) -> None:
    stack = with_parameters(Rollout=CANARY)
    group = stack.resources[f"{function}DeploymentGroup"]["Properties"]
    assert CANARY in str(group["DeploymentConfigName"])
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    named = {alarm["Name"]["Fn::Sub"] for alarm in group["AlarmConfiguration"]["Alarms"]}
    there = {p["AlarmName"]["Fn::Sub"] for p in stack.of_type("AWS::CloudWatch::Alarm").values() if "AlarmName" in p}
    assert named == {"${AWS::StackName}-consume-burn-5m", "${AWS::StackName}-charge-burn-5m"} <= there
    policy = stack.resources[f"{function}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert policy["DeploymentGroupName"] == {"Ref": f"{function}DeploymentGroup"}


def test_every_function_with_an_alias_is_one_of_a_service_s_route(prod: Deployed) -> None:
    assert sorted(versions(prod)) == SERVICES


def changed(template: Mapping[str, Any], layer: str) -> Deployed:
    """The stack with another upload of the layer."""
    document = copy.deepcopy(dict(template))
    document["Resources"]["CommonLayer"]["Properties"]["ContentUri"] = layer
    return deployment_of(document, stage_parameters("prod"))


def test_a_release_of_the_layer_alone_publishes_every_version_anew(template: dict[str, Any]) -> None:
    # Handlers are a few lines: nearly every release changes the layer and no function's own code.
    before, after = changed(template, "layers/before/"), changed(template, "layers/after/")
    assert set(versions(before)) == set(versions(after))
    assert not set(versions(before).values()) & set(versions(after).values())


@pytest.mark.parametrize(
    "parameters",
    [
        {"RestoredWalletsTable": "w-1", "RestoredLedgerTable": "l-1", "RestoredCreatorsTable": "c-1"},
        {"AccountClaim": "org_id"},
        {"PlatformFeeBasisPoints": "1500"},
        {"LogLevel": "DEBUG"},
    ],
    ids="+".join,
)
def test_a_changed_parameter_reaches_the_published_versions_too(
    template: dict[str, Any], parameters: dict[str, str]
) -> None:
    # SAM names a version by the function's properties as they are written: a parameter's value is not in them.
    before, after = (
        stamped(template, stage_parameters("prod") | changed) for changed in (dict[str, str](), parameters)
    )
    assert set(versions(before)) == set(versions(after)) == set(SERVICES)
    assert not set(versions(before).values()) & set(versions(after).values())


def stamped(template: dict[str, Any], parameters: dict[str, str]) -> Deployed:
    """The stack as `make deploy` makes it."""
    document = copy.deepcopy(template)
    document["Globals"]["Function"]["Environment"]["Variables"]["RELEASE"] = stamp(parameters)
    return deployment_of(document, parameters)


def test_the_same_parameters_publish_nothing_anew() -> None:
    given = stage_parameters("prod")
    assert stamp(given) == stamp(dict(reversed(given.items())))
    assert re.fullmatch(r"[0-9a-f]{16}", stamp(given))


def test_the_stamp_is_put_where_the_built_template_has_its_place(tmp_path: Path) -> None:
    built = tmp_path / "template.yaml"
    built.write_text("Globals:\n  Function:\n    Environment:\n      Variables:\n        RELEASE: unstamped\n")
    write_stamp(built, {"Stage": "dev"})
    assert f"RELEASE: {stamp({'Stage': 'dev'})}\n" in built.read_text()
    with pytest.raises(Unstamped, match="make build"):
        write_stamp(built, {"Stage": "dev"})


def test_a_deployment_stamps_what_was_built_before_it_deploys() -> None:
    recipe = (ROOT / "Makefile").read_text().split("\ndeploy: build")[1].split("\n\n")[0]
    assert recipe.index("scripts/stamp_release.py $(STAGE)") < recipe.index("scripts/sam deploy")


def test_the_services_routes_are_traced_where_a_caller_asks_and_all_else_by_lambda_s_sample(prod: Deployed) -> None:
    modes = {name: f["TracingConfig"]["Mode"] for name, f in prod.of_type("AWS::Lambda::Function").items()}
    assert {name for name, mode in modes.items() if mode == "PassThrough"} == set(SERVICES)
    assert set(modes.values()) == {"PassThrough", "Active"}
    active = with_parameters(HotTracing="Active").of_type("AWS::Lambda::Function")
    assert {f["TracingConfig"]["Mode"] for f in active.values()} == {"Active"}


def test_lambda_s_own_lines_for_each_invocation_are_left_out_unless_they_are_asked_for(prod: Deployed) -> None:
    for given, level in ((prod, "WARN"), (with_parameters(PlatformLogLevel="INFO"), "INFO")):
        for name, function in given.of_type("AWS::Lambda::Function").items():
            assert function["LoggingConfig"]["SystemLogLevel"] == level, name


def test_nothing_is_kept_warm_unless_it_is_asked_for(template: dict[str, Any], prod: Deployed) -> None:
    assert template["Parameters"]["ProvisionedConcurrency"]["Default"] == 0
    warm = {name for name, a in prod.of_type("AWS::Lambda::Alias").items() if "ProvisionedConcurrencyConfig" in a}
    assert warm == set()


def test_consume_and_charge_are_kept_warm_by_a_parameter_that_says_its_cost(template: dict[str, Any]) -> None:
    aliases = with_parameters(ProvisionedConcurrency="5").of_type("AWS::Lambda::Alias")
    warm = {
        name: a["ProvisionedConcurrencyConfig"] for name, a in aliases.items() if "ProvisionedConcurrencyConfig" in a
    }
    kept = {"ProvisionedConcurrentExecutions": "5"}
    assert warm == {"ConsumeFunctionAliaslive": kept, "ChargeFunctionAliaslive": kept}
    said = re.search(r"\$(\d+\.\d\d) a month", template["Parameters"]["ProvisionedConcurrency"]["Description"])
    assert said
    gigabyte_second = 0.0000033334
    assert float(said[1]) == pytest.approx(30 * 86_400 * gigabyte_second, abs=0.01)
