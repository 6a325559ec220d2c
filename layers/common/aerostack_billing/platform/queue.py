"""A queue of SQS that messages are put on. Its client is made when there is the first one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from aerostack_billing.platform import deadline
from aerostack_billing.values.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

_LONGEST_ID = 128


@dataclass(frozen=True)
class Place:
    """Where a message of a FIFO queue stands: in its group, and told from others by `once` for five minutes."""

    group: str
    once: str


class Queue:
    """One queue."""

    def __init__(self, connect: Callable[[], SQSClient], url: str) -> None:
        self._connect = connect
        self._url = url

    @cached_property
    def _client(self) -> SQSClient:
        return self._connect()

    def put(self, body: str, attributes: Mapping[str, str] | None = None, place: Place | None = None) -> None:
        """Keep a message, with attributes beside it; when this returns, the queue has it. A FIFO queue needs a place.

        StoreUnavailable (503) if it is not known to: it may have it all the same.
        """
        if not deadline.allows(deadline.PATIENT_SECONDS):
            raise StoreUnavailable("There is no time left to put a message on the queue.")
        given: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()
        }
        try:
            if place is None:
                self._client.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=given)
            else:
                self._client.send_message(
                    QueueUrl=self._url,
                    MessageBody=body,
                    MessageAttributes=given,
                    MessageGroupId=place.group,
                    MessageDeduplicationId=place.once[:_LONGEST_ID],
                )
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable("The queue did not take a message.") from error
