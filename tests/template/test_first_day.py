"""The first deployment comes up in a new account, or goes away whole; what can be wrong is refused before it begins."""

from __future__ import annotations

from typing import Any

import pytest

from local.values import PARAMETERS
from tests.template.contract import SCHEDULES, STRIPE_FUNCTIONS, WEBHOOK
from tests.template.deployed import PSEUDO, Deployed, deployed, first_parameters, stage_parameters
from tests.template.rules import refusals

KEY = "arn:aws:kms:us-east-1:123456789012:key/0d990263-018e-4e65-a703-eff731de951e"


def prod_with(**parameters: str) -> Deployed:
    return deployed(stage_parameters("prod") | parameters)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_first_deployment_is_taken_and_the_one_that_starts_it_too(template: dict[str, Any], stage: str) -> None:
    assert refusals(template, first_parameters(stage)) == []
    assert refusals(template, stage_parameters(stage)) == []


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_first_deployment_can_be_taken_back_whole(stage: str) -> None:
    stack = deployed(first_parameters(stage))
    assert {t["DeletionProtectionEnabled"] for t in stack.of_type("AWS::DynamoDB::Table").values()} == {False}
    assert {s["State"] for s in stack.of_type("AWS::Scheduler::Schedule").values()} == {"DISABLED"}


def test_a_stack_that_is_up_cannot_be_left_unprotected(template: dict[str, Any]) -> None:
    (sentence,) = refusals(template, stage_parameters("prod") | {"DeletionProtection": "false"})
    assert "DeletionProtection=true" in sentence


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_every_reference_is_to_something_that_is_created(stage: str) -> None:
    stack = deployed(stage_parameters(stage))
    assert {(place, name) for place, name in stack.references() if name not in {*stack.resources, *PSEUDO}} == set()


def test_nothing_is_reserved_unless_it_is_asked_for(template: dict[str, Any]) -> None:
    # A new account may run ten functions at once, and a reserve that leaves less than a hundred fails the deployment.
    assert template["Parameters"]["WebhookConcurrency"]["Default"] == 0
    stack = prod_with(WebhookConcurrency="0")
    for name, function in stack.of_type("AWS::Lambda::Function").items():
        assert "ReservedConcurrentExecutions" not in function, name


def test_a_reserve_is_the_webhook_s_alone() -> None:
    functions = prod_with(WebhookConcurrency="50").of_type("AWS::Lambda::Function")
    reserved = {
        name: f["ReservedConcurrentExecutions"]
        for name, f in functions.items()
        if len(f) and "ReservedConcurrentExecutions" in f
    }
    assert reserved == {WEBHOOK: "50"}


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::SQS::Queue"])
def test_a_first_deployment_that_fails_leaves_nothing_and_a_later_one_takes_nothing(prod: Deployed, kind: str) -> None:
    kept = {name: r for name, r in prod.resources.items() if r["Type"] == kind and "DeletionPolicy" in r}
    assert kept
    for name, resource in kept.items():
        policies = (resource["DeletionPolicy"], resource["UpdateReplacePolicy"])
        assert policies == ("RetainExceptOnCreate", "Retain"), name


def test_the_tables_protection_can_be_left_off_until_the_stack_is_up(template: dict[str, Any]) -> None:
    assert template["Parameters"]["DeletionProtection"]["Default"] == "true"
    for given, protected in (("true", True), ("false", False)):
        tables = prod_with(DeletionProtection=given).of_type("AWS::DynamoDB::Table")
        assert {table["DeletionProtectionEnabled"] for table in tables.values()} == {protected}


def test_schedules_wait_until_stripe_is_ready(template: dict[str, Any]) -> None:
    assert template["Parameters"]["Schedules"]["Default"] == "DISABLED"
    for state in ("DISABLED", "ENABLED"):
        schedules = prod_with(Schedules=state).of_type("AWS::Scheduler::Schedule")
        assert len(schedules) == len(SCHEDULES)
        assert {schedule["State"] for schedule in schedules.values()} == {state}


def test_schedules_run_on_the_local_stack() -> None:
    assert PARAMETERS["Schedules"] == "ENABLED"


def test_who_may_read_the_secret_may_decrypt_it_where_it_has_a_key_of_its_own() -> None:
    stack = prod_with(StripeSecretKmsKeyArn=KEY)
    decrypting = {
        name: statement
        for name in stack.of_type("AWS::Lambda::Function")
        for statement in stack.statements(name)
        if statement["Action"] == "kms:Decrypt"
    }
    assert set(decrypting) == STRIPE_FUNCTIONS | {WEBHOOK}
    for statement in decrypting.values():
        assert statement["Resource"] == KEY
        via = statement["Condition"]["StringEquals"]["kms:ViaService"]
        assert via == {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}


def test_no_function_may_decrypt_anything_where_no_key_is_named() -> None:
    stack = prod_with(StripeSecretKmsKeyArn="")
    every = [s for name in stack.of_type("AWS::Lambda::Function") for s in stack.statements(name)]
    assert not [s for s in every if "kms" in str(s["Action"])]


def test_lambda_lets_through_what_the_functions_log_and_all_of_their_metrics(template: dict[str, Any]) -> None:
    # A metric is a line without a level, which Lambda takes for INFO: at WARN every metric of ours would be dropped.
    assert template["Parameters"]["LogLevel"]["AllowedValues"] == ["DEBUG", "INFO"]
    for level in ("DEBUG", "INFO"):
        stack = prod_with(LogLevel=level)
        for name, function in stack.of_type("AWS::Lambda::Function").items():
            logging = function["LoggingConfig"]
            assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == ("JSON", level), name
            assert stack.environment(name)["POWERTOOLS_LOG_LEVEL"] == level, name


def test_the_metrics_of_two_stacks_are_told_apart(prod: Deployed) -> None:
    for name in prod.of_type("AWS::Lambda::Function"):
        assert prod.environment(name)["POWERTOOLS_METRICS_NAMESPACE"] == {"Ref": "AWS::StackName"}
