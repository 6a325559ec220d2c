"""What came by a queue and can never be done, put aside where somebody sees it, with the reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aerostack_billing.platform.queue import Place, Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class DeadLetters:
    """The dead-letter queue of another queue."""

    def __init__(self, connect: Callable[[], SQSClient], queue_url: str) -> None:
        self._queue = Queue(connect, queue_url)

    def put(self, body: str, *, reason: str, message_id: str, group: str | None = None) -> None:
        """Keep a body with why it can never be done, and the id of the message it came in.

        `group` is the group of that message, where the queue is a FIFO one: the same letter that is put again within
        five minutes is kept once then. StoreUnavailable (503) if the queue did not take it: it is still in the first
        one then.
        """
        place = None if group is None else Place(group, _once(message_id, reason))
        self._queue.put(body, {"reason": reason, "message_id": message_id}, place)


def _once(message_id: str, reason: str) -> str:
    """What tells a letter from others of its message."""
    return f"{message_id}:{reason.partition(' ')[0]}"
