"""Queues of a small app: deliveries in Lambda's form, partial failures, retries by the stack's clock, dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from local.stack import Stack
from local.testing import running_stack
from tests.local.harness import HEAD, PUBLIC, function, idle_stripe, route, write

QUEUES = """\
  Seen:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Dead:
    Type: AWS::SQS::Queue
    Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt Behind.Arn, maxReceiveCount: 1000}}
  Behind: {Type: AWS::SQS::Queue}
  Partly:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Wholly: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  Ordered:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 60, FifoQueue: true, DeduplicationScope: messageGroup}
"""
TAKE = """
    import json
    import boto3

    client = boto3.client("dynamodb")

    def handler(event, context):
        failed = []
        for record in event["Records"]:
            client.put_item(TableName="aerostack-local-Seen", Item={
                "id": {"S": record["messageId"] + record["attributes"]["ApproximateReceiveCount"]},
                "record": {"S": json.dumps(record)}, "together": {"N": str(len(event["Records"]))}})
            if record["body"] == "raise":
                raise ValueError("no")
            if record["body"] == "fail":
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}
    """


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("queues")
    partial = ", BatchSize: 20, FunctionResponseTypes: [ReportBatchItemFailures]"
    in_order = partial.replace("20", "10")
    template = (
        HEAD
        + QUEUES
        + function("TakePartly", "take", f"Q: {{Type: SQS, Properties: {{Queue: !GetAtt Partly.Arn{partial}}}}}")
        + function("TakeWholly", "take", "Q: {Type: SQS, Properties: {Queue: !GetAtt Wholly.Arn}}")
        + function("TakeInOrder", "take", f"Q: {{Type: SQS, Properties: {{Queue: !GetAtt Ordered.Arn{in_order}}}}}")
        + function("Open", "take", route("GET", "/open", PUBLIC))
    )
    path = write(folder, template, {"take": TAKE})
    with running_stack(template=path, stripe=idle_stripe) as running:
        yield running


def put(stack: Stack, queue: str, body: str) -> str:
    answer = requests.post(f"{stack.base_url}/_local/sqs/{queue}", data=body.encode(), timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["message_id"]


def waiting(stack: Stack, queue: str) -> list[dict[str, Any]]:
    return requests.get(f"{stack.base_url}/_local/sqs/{queue}", timeout=60).json()["messages"]


def deliveries(message_id: str) -> list[dict[str, Any]]:
    """The records in which the message was delivered, in order."""
    items = boto3.client("dynamodb").scan(TableName="aerostack-local-Seen")["Items"]
    seen = sorted((item["id"]["S"], item) for item in items if item["id"]["S"].startswith(message_id))
    return [{**json.loads(item["record"]["S"]), "together": int(item["together"]["N"])} for _, item in seen]


def advance(stack: Stack, minutes: float) -> None:
    requests.post(f"{stack.base_url}/_local/advance", json={"minutes": minutes}, timeout=60).raise_for_status()


def test_a_message_is_delivered_as_lambda_delivers_it_and_then_gone(stack: Stack) -> None:
    message_id = put(stack, "Partly", "well")
    (record,) = deliveries(message_id)
    assert record["body"] == "well"
    assert record["messageId"] == message_id
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:aerostack-local-Partly"
    assert record["attributes"].keys() == {
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "SenderId",
        "SentTimestamp",
    }
    assert abs(int(record["attributes"]["SentTimestamp"]) / 1_000 - stack.clock.unix()) < 300
    advance(stack, 5)
    assert len(deliveries(message_id)) == 1
    assert waiting(stack, "Partly") == []


def test_a_message_that_failed_comes_again_when_the_clock_has_moved_on_and_at_last_is_a_dead_letter(
    stack: Stack,
) -> None:
    message_id = put(stack, "Partly", "fail")
    assert len(deliveries(message_id)) == 1
    assert waiting(stack, "Partly") == []
    for times in (2, 3, 3):
        advance(stack, 2)
        assert len(deliveries(message_id)) == times
    (dead,) = [letter for letter in waiting(stack, "Dead") if letter["message_id"] == message_id]
    assert dead["body"] == "fail"


def test_what_is_sent_together_is_delivered_together_and_only_what_failed_comes_again(stack: Stack) -> None:
    client = boto3.client("sqs")
    url = client.get_queue_url(QueueName="aerostack-local-Partly")["QueueUrl"]
    bodies = ["fail", *(f"n{n}" for n in range(9))]
    entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
    sent = client.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]  # type: ignore[arg-type]
    more = client.send_message(QueueUrl=url, MessageBody="one more")["MessageId"]
    advance(stack, 0)
    assert [record["together"] for record in deliveries(more)] == [11]
    advance(stack, 2)
    assert [len(deliveries(one["MessageId"])) for one in sent] == [2, *[1] * 9]


def test_a_function_that_raises_or_gives_no_partial_answer_is_all_or_nothing(stack: Stack) -> None:
    raised = put(stack, "Wholly", "raise")
    named = put(stack, "Wholly", "fail")
    advance(stack, 2)
    assert len(deliveries(raised)) == 2
    assert len(deliveries(named)) == 1


def put_in_order(stack: Stack, body: str, group: str, once: str) -> str:
    about = {"MessageGroupId": group, "MessageDeduplicationId": once}
    door = f"{stack.base_url}/_local/sqs/Ordered"
    return requests.post(door, params=about, data=body.encode(), timeout=60).json()["message_id"]


def test_a_fifo_queue_delivers_a_group_in_order_and_holds_it_back_behind_what_failed(stack: Stack) -> None:
    failed = put_in_order(stack, "fail", "g", "1")
    (record,) = deliveries(failed)
    assert (record["attributes"]["MessageGroupId"], record["attributes"]["MessageDeduplicationId"]) == ("g", "1")
    behind = put_in_order(stack, "well", "g", "2")
    other = put_in_order(stack, "well", "h", "2")
    assert (len(deliveries(behind)), len(deliveries(other))) == (0, 1)
    advance(stack, 2)
    assert (len(deliveries(failed)), len(deliveries(behind))) == (2, 1)


def test_a_fifo_queue_takes_no_message_without_group_and_deduplication_id(stack: Stack) -> None:
    for about in ({}, {"MessageGroupId": "g"}, {"MessageDeduplicationId": "1"}):
        answer = requests.post(f"{stack.base_url}/_local/sqs/Ordered", params=about, data=b"x", timeout=60)
        assert answer.status_code == 422
        assert "MessageGroupId" in answer.json()["error"]["message"]


def test_a_queue_that_is_not_there_and_a_message_that_is_none_are_refused(stack: Stack) -> None:
    for queue, body, found in (
        ("Nobody", b"x", "There are: Dead, Behind, Partly, Wholly, Ordered"),
        ("Partly", b"", "not taken"),
    ):
        answer = requests.post(f"{stack.base_url}/_local/sqs/{queue}", data=body, timeout=60)
        assert answer.status_code == 422
        assert found in answer.json()["error"]["message"]
    too_long = requests.post(f"{stack.base_url}/_local/sqs/Partly", data=b"x" * 2_000_000, timeout=60)
    assert too_long.status_code == 422
