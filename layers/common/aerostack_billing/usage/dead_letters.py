"""What can never be counted, put aside where somebody sees it: one message a message, with the reasons."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from aerostack_billing.platform import deadline
from aerostack_billing.values.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class DeadLetters:
    """The dead-letter queue of the ingest. Its client is made when there is something to put aside."""

    def __init__(self, connect: Callable[[], SQSClient], queue_url: str) -> None:
        self._connect = connect
        self._queue_url = queue_url

    @cached_property
    def _client(self) -> SQSClient:
        return self._connect()

    def put(self, body: str, *, reason: str, message_id: str) -> None:
        """Keep a body with why it cannot be counted, and the id of the message it came in.

        StoreUnavailable (503) if the queue did not take it: it is still in the first one then.
        """
        if not deadline.allows(deadline.PATIENT_SECONDS):
            raise StoreUnavailable("There is no time left to put a message on the dead-letter queue.")
        attributes = {"reason": reason, "message_id": message_id}
        try:
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=body,
                MessageAttributes={n: {"DataType": "String", "StringValue": v} for n, v in attributes.items()},
            )
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable("The dead-letter queue did not take a message.") from error
