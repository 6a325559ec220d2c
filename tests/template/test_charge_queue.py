"""The charge queue: in which order it delivers, how often, how long it keeps, and where what fails ends up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.contract import CHARGE_QUEUE
from tests.template.watching import Watched, alarms

FOURTEEN_DAYS = 14 * 86_400
QUEUES = ("ChargeQueue", "ChargeDeadLetterQueue", "RefusedChargesQueue")


@pytest.fixture
def queue(resources: dict[str, Any]) -> dict[str, Any]:
    return resources["ChargeQueue"]["Properties"]


@pytest.fixture
def source(functions: dict[str, Any]) -> dict[str, Any]:
    (event,) = functions[CHARGE_QUEUE]["Events"].values()
    assert event["Type"] == "SQS"
    return event["Properties"]


@pytest.mark.parametrize("name", QUEUES)
def test_the_queues_keep_the_order_of_an_account_and_take_what_was_sent_twice_once(
    resources: dict[str, Any], name: str
) -> None:
    properties = resources[name]["Properties"]
    assert properties["FifoQueue"] is True
    # What tells two messages apart is the key of their charge: not what their bodies have in common.
    assert "ContentBasedDeduplication" not in properties
    # Many accounts at once: 300 calls a second are a group's limit then, not the queue's.
    assert properties["DeduplicationScope"] == "messageGroup"
    assert properties["FifoThroughputLimit"] == "perMessageGroupId"


def test_a_message_that_fails_takes_no_other_account_s_with_it(source: dict[str, Any]) -> None:
    assert source["Queue"] == {"Fn::GetAtt": ["ChargeQueue", "Arn"]}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("name", QUEUES)
def test_a_charge_is_kept_for_as_long_as_there_is_whether_it_waits_or_failed(
    resources: dict[str, Any], name: str
) -> None:
    assert resources[name]["Properties"]["MessageRetentionPeriod"] == FOURTEEN_DAYS


def test_a_message_that_fails_again_and_again_is_put_aside_and_kept(
    queue: dict[str, Any], resources: dict[str, Any]
) -> None:
    redrive = queue["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["ChargeDeadLetterQueue", "Arn"]}
    assert 3 <= redrive["maxReceiveCount"] <= 10
    for name in ("ChargeDeadLetterQueue", "RefusedChargesQueue"):
        kept = resources[name]
        assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_what_was_refused_can_be_moved_back_which_sqs_does_from_dead_letter_queues_alone(
    resources: dict[str, Any],
) -> None:
    redrive = resources["ChargeDeadLetterQueue"]["Properties"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["RefusedChargesQueue", "Arn"]}
    # A fault is not to become a refusal by being looked at: a thousand times is the most that SQS counts.
    assert redrive["maxReceiveCount"] == 1_000


def test_a_customer_without_money_is_no_alarm_and_most_charges_refused_are_one(resources: dict[str, Any]) -> None:
    watched = set(alarms(resources))
    assert not [each for each in watched if ("QueueName", "${RefusedChargesQueue.QueueName}") in each.dimensions]
    alarm = resources["ChargesRefusedAlarm"]["Properties"]
    assert alarm["Metrics"][0]["Expression"] == "IF(FILL(refused, 0) > FILL(taken, 0), FILL(refused, 0), 0)"
    asked = {
        each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in alarm["Metrics"] if "MetricStat" in each
    }
    assert asked == {"refused": "QueuedChargeUnpaid", "taken": "QueuedCharge"}
    assert alarm["Threshold"] == 100


@pytest.mark.parametrize("name", QUEUES)
def test_the_queues_are_encrypted(resources: dict[str, Any], name: str) -> None:
    assert resources[name]["Properties"]["SqsManagedSseEnabled"] is True


def test_a_message_is_not_delivered_to_a_second_function_while_the_first_may_still_run(
    queue: dict[str, Any], functions: dict[str, Any]
) -> None:
    assert queue["VisibilityTimeout"] >= 6 * functions[CHARGE_QUEUE]["Timeout"]


@pytest.mark.parametrize(
    ("metric", "watched"),
    [
        ("ApproximateNumberOfMessagesVisible", "ChargeDeadLetterQueue"),
        ("ApproximateAgeOfOldestMessage", "ChargeQueue"),
    ],
)
def test_there_is_an_alarm_for_what_is_put_aside_and_for_what_waits(
    resources: dict[str, Any], metric: str, watched: str
) -> None:
    assert Watched("AWS/SQS", metric, (("QueueName", f"${{{watched}.QueueName}}"),)) in alarms(resources)
