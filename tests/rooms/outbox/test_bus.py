"""The door to EventBridge: an answer of 200 is not yet a success."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from aerostack_billing.outbox.bus import BusUnavailable, EventBus, size
from aerostack_billing.outbox.models import DomainEvent, Record


def record(number: int) -> Record:
    event = DomainEvent("plan.changed", "acct_1", str(number), {}, "2026-03-10T12:00:00.000000Z")
    return Record("0", f"{number}", event.event_id, event.type, event.occurred_at, event.detail())


class Client:
    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.entries: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as boto3 names it
        self.entries = Entries
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def bus(client: Client) -> EventBus:
    return EventBus(cast("Any", client), "billing")


def test_each_entry_is_told_apart_by_its_place_in_the_answer() -> None:
    records = [record(number) for number in range(3)]
    entries = [{"EventId": "1"}, {"ErrorCode": "ThrottlingException", "ErrorMessage": "later"}, {"EventId": "3"}]
    client = Client({"FailedEntryCount": 1, "Entries": entries})
    assert bus(client).put(records) == {records[1].event_id: "ThrottlingException"}
    assert [entry["Detail"] for entry in client.entries] == [each.detail for each in records]
    assert client.entries[0] == {
        "EventBusName": "billing",
        "Source": "aerostack.billing",
        "DetailType": "plan.changed",
        "Time": "2026-03-10T12:00:00.000000Z",
        "Detail": records[0].detail,
    }


@pytest.mark.parametrize(
    "failure",
    [
        ReadTimeoutError(endpoint_url="http://bus"),
        ClientError({"Error": {"Code": "InternalException", "Message": ""}}, "PutEvents"),
    ],
)
def test_a_call_that_fails_says_nothing_of_its_entries(failure: Exception) -> None:
    with pytest.raises(BusUnavailable):
        bus(Client(failure)).put([record(1)])


def test_the_size_of_an_entry_counts_bytes_and_fourteen_for_the_time() -> None:
    one = record(1)
    assert size(one) == 14 + len("aerostack.billing") + len("plan.changed") + len(one.detail)


def test_an_event_has_one_id_however_often_it_is_written_and_another_on_another_occasion() -> None:
    assert record(1).event_id == record(1).event_id
    assert record(1).event_id != record(2).event_id
