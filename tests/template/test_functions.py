"""What every function gets from the template."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.conftest import of_type
from tests.template.contract import QUEUED, ROUTES, SCHEDULES, STRIPE_FUNCTIONS, WEBHOOK, kebab
from tests.template.deployed import ROOT, Deployed, stage_parameters


def test_there_is_one_function_a_route_one_a_schedule_the_webhook_and_one_a_queue(functions: dict[str, Any]) -> None:
    assert set(functions) == {*ROUTES, *SCHEDULES, WEBHOOK, *QUEUED}


def test_every_function_runs_on_python_3_13_and_arm64(prod: Deployed, lambdas: dict[str, Any]) -> None:
    (layer,) = prod.of_type("AWS::Lambda::LayerVersion")
    for name, f in lambdas.items():
        assert (f["Runtime"], f["Architectures"], f["Handler"]) == ("python3.13", ["arm64"], "app.handler"), name
        assert f["Layers"] == [{"Ref": layer}], name


def test_every_function_is_the_app_py_of_a_folder_of_its_own_name(functions: dict[str, Any]) -> None:
    for logical_id, properties in functions.items():
        folder = f"functions/{kebab(logical_id).replace('-', '_')}/"
        assert properties["CodeUri"] == folder
        assert (ROOT / folder / "app.py").is_file(), logical_id


def test_every_function_writes_to_a_log_group_of_its_own_with_retention(
    lambdas: dict[str, Any], resources: dict[str, Any]
) -> None:
    for logical_id, properties in lambdas.items():
        group = f"{logical_id}LogGroup"
        assert properties["LoggingConfig"]["LogGroup"] == {"Ref": group}
        assert resources[group]["Type"] == "AWS::Logs::LogGroup"


def test_every_log_group_forgets_after_the_stage_s_retention(prod: Deployed) -> None:
    kept = {p.get("RetentionInDays") for p in prod.of_type("AWS::Logs::LogGroup").values()}
    assert kept == {stage_parameters("prod")["LogRetentionDays"]}


def test_log_groups_of_two_stacks_in_one_account_do_not_collide(resources: dict[str, Any]) -> None:
    names = [p["LogGroupName"]["Fn::Sub"] for p in of_type(resources, "AWS::Logs::LogGroup").values()]
    assert len(set(names)) == len(names)
    assert all("${AWS::StackName}" in name for name in names)


def test_only_functions_that_talk_to_stripe_know_where_its_key_is(prod: Deployed, lambdas: dict[str, Any]) -> None:
    variables = {name: prod.environment(name) for name in lambdas}
    assert {name for name, v in variables.items() if "STRIPE_SECRET_ARN" in v} == STRIPE_FUNCTIONS
    assert {name for name, v in variables.items() if "STRIPE_PORTAL_CONFIGURATION" in v} == STRIPE_FUNCTIONS


def test_no_local_setting_reaches_a_deployed_function(prod: Deployed, lambdas: dict[str, Any]) -> None:
    names = {name for function in lambdas for name in prod.environment(function)}
    assert not {name for name in names if name.startswith(("AWS_ENDPOINT", "STRIPE_API_BASE", "ALLOW_LOOPBACK"))}


def test_the_api_never_gives_up_before_the_function(lambdas: dict[str, Any]) -> None:
    assert all(lambdas[name]["Timeout"] < 30 for name in ROUTES)


@pytest.mark.parametrize("logical_id", sorted(STRIPE_FUNCTIONS & set(ROUTES)))
def test_a_route_that_asks_stripe_has_all_the_time_that_the_api_gives(
    functions: dict[str, Any], logical_id: str
) -> None:
    # An HTTP API waits for 30 seconds, and a call to Stripe waits three times for 8: cut off before, the function could
    # not say that nothing was lost.
    assert functions[logical_id]["Timeout"] == 29
