"""The queues of the template, in moto, and what Lambda does for a function that one of them feeds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from unittest.mock import patch

from botocore.exceptions import ClientError
from moto.sqs.models import Message, sqs_backends

from local.lambdas.host import FunctionError, Invoke
from local.template import Queue, QueueSource, ServerlessApp
from local.template.loader import Value
from local.values import ACCOUNT_ID, REGION

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_RECEIVED_AT_ONCE = 10
_MOST_DELIVERIES = 1_000
"""In one poll, so that a queue which hides nothing does not hold it for ever."""


class NotTaken(Exception):
    """The queue did not take a message; the text says why."""


@contextmanager
def clocked(now: Callable[[], float]) -> Iterator[None]:
    """Inside the block, moto's queues read this clock: a message that failed comes again when it has moved on."""
    with (
        patch("moto.sqs.models.unix_time", now),
        patch("moto.sqs.models.unix_time_millis", lambda: now() * 1_000),
    ):
        yield


class Queues:
    """Every queue of an app. A delivery deletes what the function did not name as failed, as Lambda does."""

    def __init__(self, app: ServerlessApp, client: SQSClient, invoke: Invoke) -> None:
        self._queues = app.queues
        self._sources = app.queue_sources
        self._client = client
        self._invoke = invoke
        self._turn = threading.Lock()
        self._urls: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Their logical ids."""
        return tuple(self._queues)

    def create(self) -> None:
        """Make them, each after the one that takes its dead letters."""
        for queue in sorted(self._queues.values(), key=self._dead_letters_behind):
            answer = self._client.create_queue(QueueName=queue.name, Attributes=_attributes(queue))  # type: ignore[arg-type]
            self._urls[queue.logical_id] = answer["QueueUrl"]

    def _dead_letters_behind(self, queue: Queue) -> int:
        """How many queues of dead letters follow one another behind this one."""
        if queue.dead_letters is None:
            return 0
        behind = next((other for other in self._queues.values() if other.arn == queue.dead_letters), None)
        return 1 if behind is None else 1 + self._dead_letters_behind(behind)

    def send(self, logical_id: str, body: str, group: str = "", once: str = "") -> str:
        """Put a message on a queue and let its function take it; the message's id. NotTaken for what SQS refuses.

        A FIFO queue needs the message's group and its deduplication id.
        """
        message_id = self.put(logical_id, body, group, once)
        self.poll()
        return message_id

    def put(self, logical_id: str, body: str, group: str = "", once: str = "") -> str:
        """Likewise, but the function takes it at the next poll."""
        if not body:
            raise NotTaken("A message has one character at least.")
        if self._queues[logical_id].fifo and not (group and once):
            raise NotTaken("A message of a FIFO queue names its MessageGroupId and its MessageDeduplicationId.")
        # moto dedupes over all groups, the template within one.
        place = {"MessageGroupId": group, "MessageDeduplicationId": f"{group}/{once}"} if group or once else {}
        try:
            sent = self._client.send_message(QueueUrl=self._urls[logical_id], MessageBody=body, **place)  # type: ignore[arg-type]
        except ClientError as error:
            raise NotTaken(error.response["Error"]["Message"]) from error
        return sent["MessageId"]

    def waiting(self, logical_id: str) -> list[Value]:
        """The messages that a queue would hand out now."""
        return [
            {
                "message_id": message.id,
                "body": message.body,
                "receive_count": message.approximate_receive_count,
                "attributes": {n: value.get("StringValue") for n, value in message.message_attributes.items()},
            }
            for message in self._visible(logical_id)
        ]

    def _visible(self, logical_id: str) -> list[Message]:
        return sqs_backends[ACCOUNT_ID][REGION].queues[self._queues[logical_id].name].messages

    def poll(self) -> None:
        """Deliver what waits, until nothing does."""
        with self._turn:
            for source in self._sources:
                for _ in range(_MOST_DELIVERIES):
                    if not self._deliver(source):
                        break

    def _deliver(self, source: QueueSource) -> bool:
        queue = self._queues[source.queue]
        messages = self._receive(source)
        if not messages:
            return False
        event: Value = {"Records": [_record(message, queue.arn) for message in messages]}
        try:
            answer = self._invoke(source.function, event)
        except FunctionError:
            return True
        failed = _failed(answer, messages) if source.reports_failures else set()
        done = [message for message in messages if message["MessageId"] not in failed]
        for start in range(0, len(done), _RECEIVED_AT_ONCE):
            entries = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(done[start : start + _RECEIVED_AT_ONCE])
            ]
            self._client.delete_message_batch(QueueUrl=self._urls[source.queue], Entries=entries)  # type: ignore[arg-type]
        return True

    def _receive(self, source: QueueSource) -> list[MessageTypeDef]:
        messages: list[MessageTypeDef] = []
        # Asked without a request: most polls find every queue empty.
        while len(messages) < source.batch_size and self._visible(source.queue):
            more = self._client.receive_message(
                QueueUrl=self._urls[source.queue],
                MaxNumberOfMessages=min(_RECEIVED_AT_ONCE, source.batch_size - len(messages)),
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
                WaitTimeSeconds=0,
            ).get("Messages", [])
            if not more:
                break
            messages += more
        return messages


def _attributes(queue: Queue) -> dict[str, str]:
    attributes = {
        "VisibilityTimeout": str(queue.visibility_seconds),
        "MessageRetentionPeriod": str(queue.retention_seconds),
    }
    if queue.fifo:
        attributes["FifoQueue"] = "true"
    if queue.dead_letters is not None:
        redrive = f'{{"deadLetterTargetArn": "{queue.dead_letters}", "maxReceiveCount": {queue.most_receives}}}'
        attributes["RedrivePolicy"] = redrive
    return attributes


def _record(message: MessageTypeDef, arn: str) -> Value:
    """A message as Lambda hands it to a function."""
    attributes = dict(message.get("Attributes", {}))
    if "MessageDeduplicationId" in attributes:
        within = f"{attributes['MessageGroupId']}/"
        attributes["MessageDeduplicationId"] = attributes["MessageDeduplicationId"].removeprefix(within)
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: value for name, value in attributes.items() if name in _KNOWN_TO_FUNCTIONS},
        "messageAttributes": {
            name: {"stringValue": value.get("StringValue"), "dataType": value.get("DataType")}
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    }


_KNOWN_TO_FUNCTIONS = frozenset(
    {
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
    }
)


def _failed(answer: Value, messages: list[MessageTypeDef]) -> set[str]:
    """The messages that an answer names as failed; all of them for an answer that is none of a partial one."""
    ids = {message["MessageId"] for message in messages}
    if answer is None or answer == {}:
        return set()
    failures = answer.get("batchItemFailures") if isinstance(answer, Mapping) else None
    if failures is None and isinstance(answer, Mapping):
        return set()
    if not isinstance(failures, list):
        return ids
    named = [failure.get("itemIdentifier") if isinstance(failure, Mapping) else None for failure in failures]
    return cast("set[str]", set(named)) if set(named) <= ids else ids
