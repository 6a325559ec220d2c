"""What came by a queue and is not done, put aside where somebody finds it, with the reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from aerostack_billing.platform.queue import Place, Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


SENDER: Final = "sender"
"""The attribute of a letter that names who first sent what it holds."""


class DeadLetters:
    """A queue beside another one, for what that one's function puts aside."""

    def __init__(self, connect: Callable[[], SQSClient], queue_url: str) -> None:
        self._queue = Queue(connect, queue_url)

    def put(self, body: str, *, reason: str, message_id: str, sender: str, group: str | None = None) -> None:
        """Keep a body with why it was not done, the id of the message it came in, and the name of who first sent it.

        `group` is the group of that message, where the queue is a FIFO one: the same letter that is put again within
        five minutes is kept once then. StoreUnavailable (503) if the queue did not take it: it is still in the first
        one then.
        """
        place = None if group is None else Place(group, _once(message_id, reason))
        self._queue.put(body, {"reason": reason, "message_id": message_id, SENDER: sender}, place)


def _once(message_id: str, reason: str) -> str:
    """What tells a letter from others of its message."""
    return f"{message_id}:{reason.partition(' ')[0]}"
