"""Each minute: what is due goes to the queues that the senders are fed by, a mail's notices together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from aerostack_billing.notifications.models import Channel
from aerostack_billing.notifications.store import Due, NoticeStore
from aerostack_billing.platform import deadline
from aerostack_billing.values.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

Each = TypeVar("Each")

AGAIN_SECONDS: Final = 300
"""When a notice is sent to its queue again that nobody took on since."""
MOST_FOLDED: Final = 90
"""Notices of one address in one message: a transaction takes 100 writes, a read 100 items."""
MOST_A_ROUND: Final = 1_000
_AT_ONCE = 10


class QueueUnavailable(StoreUnavailable):
    """A queue did not take messages: their notices are due again in some minutes."""


@dataclass(frozen=True)
class Parcel:
    """Notices of one account that are sent together: several of a mail, one of a webhook."""

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


class Queues:
    """The queues of the senders. Their client is made when something is sent."""

    def __init__(self, connect: Callable[[], SQSClient], url_of: Callable[[Channel], str]) -> None:
        self._connect = connect
        self._url_of = url_of

    @cached_property
    def _client(self) -> SQSClient:
        return self._connect()

    def send(self, channel: Channel, parcels: Iterable[Parcel]) -> None:
        """Put the parcels on the channel's queue. QueueUnavailable (503) where it does not take one."""
        for some in _batches(parcels, _AT_ONCE):
            if not deadline.allows(deadline.PATIENT_SECONDS):
                raise QueueUnavailable("There is no time left to reach the queue.")
            entries = [{"Id": str(number), "MessageBody": parcel.body()} for number, parcel in enumerate(some)]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url_of(channel), Entries=entries)  # type: ignore[arg-type]
            except (BotoCoreError, ClientError) as error:
                raise QueueUnavailable("The queue could not be reached.") from error
            if answer.get("Failed"):
                raise QueueUnavailable("The queue did not take all messages.")


class Dispatch:
    """Takes what is due to the queues."""

    def __init__(self, notices: NoticeStore, queues: Queues) -> None:
        self._notices = notices
        self._queues = queues

    def run(self, may_go_on: Callable[[], bool] = lambda: True) -> dict[str, object]:
        """Send all that is due; how many notices. Safe to stop anywhere and to run twice at once.

        Each is put off first, and then sent: what breaks off in between is due again after AGAIN_SECONDS.
        """
        waiting, sent = self._notices.due(), 0
        while may_go_on() and (found := list(islice(waiting, MOST_A_ROUND))):
            taken = [due for due in found if self._notices.put_off(due, AGAIN_SECONDS)]
            self._queues.send("webhook", _parcels((due for due in taken if _is_webhook(due)), most=1))
            self._queues.send("email", _parcels((due for due in taken if not _is_webhook(due)), most=MOST_FOLDED))
            sent += len(taken)
        return {"sent": sent}


def _parcels(due: Iterable[Due], most: int) -> Iterator[Parcel]:
    """By account and recipient, `most` notices at once."""
    of_each: dict[tuple[str, str], list[str]] = {}
    for each in due:
        of_each.setdefault((each.account_id, _tag(each)), []).append(each.item)
    for (account_id, _), items in of_each.items():
        for some in _batches(sorted(items), most):
            yield Parcel(account_id, tuple(some))


def _batches(all_of_them: Iterable[Each], most: int) -> Iterator[list[Each]]:
    rest = iter(all_of_them)
    while some := list(islice(rest, most)):
        yield some


def _tag(due: Due) -> str:
    return due.item.rpartition("#")[2]


def _is_webhook(due: Due) -> bool:
    return _tag(due) == "webhook"
