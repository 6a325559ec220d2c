"""Each minute: what is due goes to the queue that the sender of webhooks is fed by."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from aerostack_billing.notifications.store import NoticeStore
from aerostack_billing.platform import deadline
from aerostack_billing.values.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

Each = TypeVar("Each")

AGAIN_SECONDS: Final = 300
"""When a notice is sent to its queue again that nobody took on since."""
MOST_A_ROUND: Final = 1_000
_AT_ONCE = 10


class QueueUnavailable(StoreUnavailable):
    """The queue did not take messages: their notices are due again in some minutes."""


@dataclass(frozen=True)
class Parcel:
    """Notices of one account in one message."""

    account_id: str
    items: tuple[str, ...]

    def body(self) -> str:
        """As a message."""
        return json.dumps({"account_id": self.account_id, "items": list(self.items)}, separators=(",", ":"))

    @classmethod
    def of(cls, body: str) -> Parcel:
        """What a message holds."""
        found = json.loads(body)
        return cls(str(found["account_id"]), tuple(map(str, found["items"])))


class WebhookQueue:
    """The queue of the sender. Its client is made when something is sent."""

    def __init__(self, connect: Callable[[], SQSClient], url: str) -> None:
        self._connect = connect
        self._url = url

    @cached_property
    def _client(self) -> SQSClient:
        return self._connect()

    def send(self, parcels: Iterable[Parcel]) -> None:
        """Put the parcels on the queue. QueueUnavailable (503) where it does not take one."""
        for some in _batches(parcels, _AT_ONCE):
            if not deadline.allows(deadline.PATIENT_SECONDS):
                raise QueueUnavailable("There is no time left to reach the queue.")
            entries = [{"Id": str(number), "MessageBody": parcel.body()} for number, parcel in enumerate(some)]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
            except (BotoCoreError, ClientError) as error:
                raise QueueUnavailable("The queue could not be reached.") from error
            if answer.get("Failed"):
                raise QueueUnavailable("The queue did not take all messages.")


class Dispatch:
    """Takes what is due to the queue."""

    def __init__(self, notices: NoticeStore, queue: WebhookQueue) -> None:
        self._notices = notices
        self._queue = queue

    def run(self, may_go_on: Callable[[], bool] = lambda: True) -> dict[str, object]:
        """Send all that is due; how many notices. Safe to stop anywhere and to run twice at once.

        Each is put off first, and then sent: what breaks off in between is due again after AGAIN_SECONDS.
        """
        waiting, sent = self._notices.due(), 0
        while may_go_on() and (found := list(islice(waiting, MOST_A_ROUND))):
            taken = [due for due in found if self._notices.put_off(due, AGAIN_SECONDS)]
            self._queue.send(Parcel(due.account_id, (due.item,)) for due in taken)
            sent += len(taken)
        return {"sent": sent}


def _batches(all_of_them: Iterable[Each], most: int) -> Iterator[list[Each]]:
    rest = iter(all_of_them)
    while some := list(islice(rest, most)):
        yield some
