"""What can never be counted, put aside where somebody sees it: one message a message, with the reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aerostack_billing.platform.queue import Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class DeadLetters:
    """The dead-letter queue of the ingest."""

    def __init__(self, connect: Callable[[], SQSClient], queue_url: str) -> None:
        self._queue = Queue(connect, queue_url)

    def put(self, body: str, *, reason: str, message_id: str) -> None:
        """Keep a body with why it cannot be counted, and the id of the message it came in.

        StoreUnavailable (503) if the queue did not take it: it is still in the first one then.
        """
        self._queue.put(body, {"reason": reason, "message_id": message_id})
