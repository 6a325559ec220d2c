"""The usage queue: what is delivered, how often, and where it ends up."""

from __future__ import annotations

from typing import Any

import pytest

from aerostack_billing.usage.ingest import KEPT_SECONDS
from tests.template.contract import INGEST
from tests.template.watching import Watched, alarms

FOURTEEN_DAYS = 14 * 86_400


@pytest.fixture
def queue(resources: dict[str, Any]) -> dict[str, Any]:
    return resources["IngestQueue"]["Properties"]


@pytest.fixture
def source(functions: dict[str, Any]) -> dict[str, Any]:
    (event,) = functions[INGEST]["Events"].values()
    assert event["Type"] == "SQS"
    return event["Properties"]


def test_a_message_that_fails_takes_no_other_with_it(source: dict[str, Any]) -> None:
    assert source["Queue"] == {"Fn::GetAtt": ["IngestQueue", "Arn"]}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_message_that_fails_again_and_again_is_put_aside_and_kept(
    queue: dict[str, Any], resources: dict[str, Any]
) -> None:
    redrive = queue["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["IngestDeadLetterQueue", "Arn"]}
    assert 3 <= redrive["maxReceiveCount"] <= 10
    for name in ("IngestDeadLetterQueue", "RefusedUsageQueue"):
        kept = resources[name]
        assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
        assert kept["Properties"]["MessageRetentionPeriod"] == FOURTEEN_DAYS


def test_what_a_stopped_sender_sent_can_be_moved_back_and_is_no_alarm(resources: dict[str, Any]) -> None:
    redrive = resources["IngestDeadLetterQueue"]["Properties"]["RedrivePolicy"]
    assert redrive == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["RefusedUsageQueue", "Arn"]},
        # Nothing is to leave the dead letters by being looked at: a thousand times is the most that SQS counts.
        "maxReceiveCount": 1_000,
    }
    watched = set(alarms(resources))
    assert not [each for each in watched if ("QueueName", "${RefusedUsageQueue.QueueName}") in each.dimensions]


def test_the_queues_are_encrypted(resources: dict[str, Any]) -> None:
    for name in ("IngestQueue", "IngestDeadLetterQueue", "RefusedUsageQueue"):
        assert resources[name]["Properties"]["SqsManagedSseEnabled"] is True


def test_a_message_is_not_delivered_to_a_second_function_while_the_first_may_still_run(
    queue: dict[str, Any], functions: dict[str, Any], source: dict[str, Any]
) -> None:
    assert queue["VisibilityTimeout"] >= 6 * functions[INGEST]["Timeout"] + source["MaximumBatchingWindowInSeconds"]


def test_no_message_comes_again_after_it_is_forgotten_that_it_was_counted(queue: dict[str, Any]) -> None:
    assert queue["MessageRetentionPeriod"] + queue["VisibilityTimeout"] < KEPT_SECONDS


def test_the_functions_at_work_are_few_enough_not_to_stand_in_each_other_s_way(source: dict[str, Any]) -> None:
    assert source["ScalingConfig"]["MaximumConcurrency"] <= 10


@pytest.mark.parametrize(
    ("metric", "watched"),
    [
        ("ApproximateNumberOfMessagesVisible", "IngestDeadLetterQueue"),
        ("ApproximateAgeOfOldestMessage", "IngestQueue"),
    ],
)
def test_there_is_an_alarm_for_what_is_put_aside_and_for_what_waits(
    resources: dict[str, Any], metric: str, watched: str
) -> None:
    assert Watched("AWS/SQS", metric, (("QueueName", f"${{{watched}.QueueName}}"),)) in alarms(resources)
