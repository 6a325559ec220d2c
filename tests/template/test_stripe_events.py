"""Stripe's events by the queue: nothing that was answered 200 is lost, and Stripe is asked no faster than it serves."""

from __future__ import annotations

from typing import Any

import pytest

from aerostack_billing.webhooks.deliveries import LARGEST_BYTES
from aerostack_billing.webhooks.store import KEPT_SECONDS
from tests.template.contract import TAKING_IN, WEBHOOK
from tests.template.deployed import Deployed, deployed, stage_parameters
from tests.template.watching import Watched, alarms

FOURTEEN_DAYS = 14 * 86_400
STRIPE_SERVES_A_SECOND = 25
A_REQUEST_TAKES_SECONDS = 0.25
"""With what is done between two of them, as docs/scaling.md assumes."""


@pytest.fixture(scope="module")
def direct() -> Deployed:
    """The stack of the stage prod, but that it takes events in before it answers."""
    return deployed(stage_parameters("prod") | {"WebhookIntake": "direct"})


@pytest.fixture
def queue(resources: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = resources["StripeEventsQueue"]["Properties"]
    return properties


@pytest.fixture
def source(prod: Deployed) -> dict[str, Any]:
    (mapping,) = (
        m for m in prod.of_type("AWS::Lambda::EventSourceMapping").values() if m["FunctionName"] == {"Ref": TAKING_IN}
    )
    return mapping


def test_an_event_that_fails_takes_no_other_with_it(source: dict[str, Any]) -> None:
    assert source["EventSourceArn"] == {"Fn::GetAtt": ["StripeEventsQueue", "Arn"]}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_functions_at_work_ask_stripe_no_faster_than_it_serves(source: dict[str, Any]) -> None:
    workers = int(source["ScalingConfig"]["MaximumConcurrency"])
    assert 2 <= workers <= STRIPE_SERVES_A_SECOND * A_REQUEST_TAKES_SECONDS


def test_an_event_is_tried_for_hours_and_then_put_aside_and_kept(
    queue: dict[str, Any], resources: dict[str, Any]
) -> None:
    redrive = queue["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["StripeEventsDeadLetterQueue", "Arn"]}
    assert redrive["maxReceiveCount"] * queue["VisibilityTimeout"] >= 2 * 3_600
    # Of a standard queue SQS counts from when a message was first sent.
    kept = resources["StripeEventsDeadLetterQueue"]["Properties"]["MessageRetentionPeriod"]
    assert kept == FOURTEEN_DAYS > queue["MessageRetentionPeriod"]


def test_what_was_answered_200_outlives_the_stack_and_is_encrypted(resources: dict[str, Any]) -> None:
    for name in ("StripeEventsQueue", "StripeEventsDeadLetterQueue"):
        kept = resources[name]
        assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
        assert kept["Properties"]["SqsManagedSseEnabled"] is True


def test_no_event_comes_again_while_it_may_still_be_at_work_or_after_it_is_forgotten(
    queue: dict[str, Any], lambdas: dict[str, Any]
) -> None:
    assert queue["VisibilityTimeout"] >= 6 * lambdas[TAKING_IN]["Timeout"]
    assert FOURTEEN_DAYS + queue["VisibilityTimeout"] < KEPT_SECONDS


def test_the_queue_takes_what_the_code_takes_for_a_message(queue: dict[str, Any]) -> None:
    assert queue["MaximumMessageSize"] == LARGEST_BYTES


@pytest.mark.parametrize(
    ("metric", "watched"),
    [
        ("ApproximateNumberOfMessagesVisible", "StripeEventsDeadLetterQueue"),
        ("ApproximateAgeOfOldestMessage", "StripeEventsQueue"),
    ],
)
def test_there_is_an_alarm_for_what_is_put_aside_and_for_what_waits(
    resources: dict[str, Any], metric: str, watched: str
) -> None:
    assert Watched("AWS/SQS", metric, (("QueueName", f"${{{watched}.QueueName}}"),)) in alarms(resources)


def test_the_function_that_only_receives_may_verify_and_put_and_knows_no_key(prod: Deployed) -> None:
    signing = stage_parameters("prod")["StripeSigningSecretArn"]
    allowed = [(s["Action"], s["Resource"]) for s in prod.statements(WEBHOOK)]
    assert ("secretsmanager:GetSecretValue", signing) in allowed
    assert ("sqs:SendMessage", {"Fn::GetAtt": ["StripeEventsQueue", "Arn"]}) in allowed
    assert len([a for a in allowed if a[1] != {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}]) == 2
    environment = prod.environment(WEBHOOK)
    assert "STRIPE_SECRET_ARN" not in environment
    assert environment["STRIPE_SIGNING_SECRET_ARN"] == signing
    assert environment["STRIPE_EVENTS_QUEUE_URL"] == {"Ref": "StripeEventsQueue"}


def test_a_webhook_that_takes_in_by_itself_may_do_what_the_worker_may_and_has_no_queue(direct: Deployed) -> None:
    webhook, worker = (
        {str(s) for s in direct.statements(name) if s.get("Sid") != "SigningSecrets" and "sqs" not in str(s["Action"])}
        for name in (WEBHOOK, TAKING_IN)
    )
    assert webhook == worker
    assert "STRIPE_EVENTS_QUEUE_URL" not in direct.environment(WEBHOOK)
    assert direct.environment(WEBHOOK)["STRIPE_SECRET_ARN"] == stage_parameters("prod")["StripeSecretArn"]


def test_what_is_left_on_the_queue_is_taken_in_also_after_it_is_no_longer_used(direct: Deployed) -> None:
    assert TAKING_IN in direct.resources
    assert "StripeEventsQueue" in direct.resources
    assert any(s.get("Sid") == "Wallets" for s in direct.statements(TAKING_IN))


def test_a_stack_that_names_no_other_secret_verifies_by_the_one_it_has() -> None:
    stack = deployed(stage_parameters("dev"))
    arn = stage_parameters("dev")["StripeSecretArn"]
    assert stack.parameters["WebhookIntake"] == "direct"
    for function in (WEBHOOK, "ReconcileFunction"):
        assert stack.environment(function)["STRIPE_SIGNING_SECRET_ARN"] == arn
