"""The only door to EventBridge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from aerostack_billing.outbox.models import Record
from aerostack_billing.platform import deadline
from aerostack_billing.values.errors import BillingError

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE: Final = "aerostack.billing"
MOST_AT_ONCE: Final = 10
MOST_BYTES: Final = 256 * 1024
"""Of all entries of one call together: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html."""


class BusUnavailable(BillingError):
    """The bus did not answer, or not with success: which events it has is unknown. All are sent again."""

    status, code = 503, "EVENT_BUS_UNAVAILABLE"


class EventBus:
    """A bus to put events on."""

    def __init__(self, client: EventBridgeClient, name: str) -> None:
        self._client = client
        self._name = name

    def put(self, records: Sequence[Record]) -> Mapping[str, str]:
        """Put up to MOST_AT_ONCE events; those that the bus refused, by their id with its error code.

        A call that is answered with success may have refused single entries. BusUnavailable where the call failed.
        """
        if not deadline.allows(deadline.PATIENT_SECONDS):
            raise BusUnavailable("There is no time left to reach the event bus: the events wait.")
        entries: list[PutEventsRequestEntryTypeDef] = [
            {
                "EventBusName": self._name,
                "Source": SOURCE,
                "DetailType": record.type,
                "Time": record.occurred_at,
                "Detail": record.detail,
            }
            for record in records
        ]
        try:
            answer = self._client.put_events(Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise BusUnavailable("The event bus could not be reached: the events wait.") from error
        answered = zip(records, answer["Entries"], strict=True)
        return {record.event_id: entry["ErrorCode"] for record, entry in answered if "ErrorCode" in entry}


def size(record: Record) -> int:
    """The bytes that an entry counts: the time is 14, whatever is written."""
    return 14 + len(SOURCE) + len(record.type.encode()) + len(record.detail.encode())
