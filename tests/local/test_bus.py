"""The local bus takes what EventBridge takes, and shows it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from local.aws.bus import EventSink
from local.stack import Stack

ENTRY = {"Source": "s", "DetailType": "t", "Detail": '{"n": 1}', "EventBusName": "billing"}


@pytest.fixture
def sink() -> EventSink:
    return EventSink(frozenset({"billing"}), lambda: 1_773_144_000.0)


def put(sink: EventSink, *entries: dict[str, Any], target: str = "AWSEvents.PutEvents") -> tuple[int, dict[str, Any]]:

    answer = sink.answer(target, json.dumps({"Entries": entries}).encode())
    return answer.status, json.loads(answer.body)


def test_what_is_put_is_shown_newest_first_as_a_target_would_get_it(sink: EventSink) -> None:
    status, found = put(sink, ENTRY, {**ENTRY, "Detail": '{"n": 2}', "Time": 1_773_144_060})
    assert (status, found["FailedEntryCount"]) == (200, 0)
    second, first = sink.newest_first()
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["detail"], first["time"]) == ({"n": 1}, "2026-03-10T12:00:00Z")
    assert (second["detail"], second["time"], second["detail-type"]) == ({"n": 2}, "2026-03-10T12:01:00Z", "t")
    assert [first["id"], second["id"]] == [entry["EventId"] for entry in found["Entries"]]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": "[]"}, "MalformedDetail"),
        ({"Source": ""}, "InvalidArgument"),
        ({"EventBusName": "another"}, "InvalidArgument"),
    ],
)
def test_an_entry_that_is_wrong_is_refused_in_its_place_and_the_others_are_taken(
    sink: EventSink, wrong: dict[str, str], code: str
) -> None:
    status, found = put(sink, ENTRY, {**ENTRY, **wrong}, ENTRY)
    assert (status, found["FailedEntryCount"]) == (200, 1)
    assert [entry.get("ErrorCode") for entry in found["Entries"]] == [None, code, None]
    assert len(sink.newest_first()) == 2


@pytest.mark.parametrize("entries", [[], [ENTRY] * 11, [{**ENTRY, "Detail": f'{{"t": "{"x" * 90_000}"}}'}] * 3])
def test_too_much_or_nothing_at_once_is_refused_as_a_whole(sink: EventSink, entries: list[dict[str, Any]]) -> None:
    status, found = put(sink, *entries)
    assert (status, found["__type"]) == (400, "ValidationException")
    assert sink.newest_first() == []


def test_no_other_call_of_the_service_is_served(sink: EventSink) -> None:
    assert put(sink, ENTRY, target="AWSEvents.ListRules")[0] == 501


def test_a_client_of_the_stack_reaches_it_and_a_bus_that_the_template_lacks_is_refused(stack: Stack) -> None:
    answer = boto3.client("events").put_events(Entries=[ENTRY])  # type: ignore[list-item]
    assert answer["Entries"][0]["ErrorCode"] == "InvalidArgument"
    with pytest.raises(ClientError):
        boto3.client("events").list_rules()
    assert requests.get(f"{stack.base_url}/_local/events", timeout=120).json() == {"data": []}
