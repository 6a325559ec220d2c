"""One sample event a function, as AWS would send it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from local.stack import Stack
from local.testing import running_stack
from tests.template.contract import CHARGE_QUEUE, INGEST, ROUTES, SCHEDULES, SCOPES, TAKING_IN, WEBHOOK, kebab
from tests.template.deployed import ROOT


def sample(logical_id: str) -> dict[str, Any]:
    return json.loads((ROOT / "events" / f"{kebab(logical_id)}.json").read_text())


def test_every_function_has_one_sample_event_and_there_are_no_others(functions: dict[str, Any]) -> None:
    assert {path.stem for path in (ROOT / "events").iterdir()} == set(map(kebab, functions))


@pytest.mark.parametrize("logical_id", ROUTES)
def test_a_sample_event_takes_the_function_s_route(functions: dict[str, Any], logical_id: str) -> None:
    event = sample(logical_id)
    routes = [e["Properties"] for e in functions[logical_id]["Events"].values()]
    (route,) = (r for r in routes if event["routeKey"] == f"{r['Method']} {r['Path']}")
    assert event["version"] == "2.0"
    assert event["requestContext"]["routeKey"] == event["routeKey"]
    assert event["requestContext"]["http"]["method"] == route["Method"]
    assert event["rawPath"] == event["requestContext"]["http"]["path"]
    match = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", route["Path"]), event["rawPath"])
    assert match
    assert match.groupdict() == event.get("pathParameters", {})
    assert event["rawQueryString"] == urlencode(event.get("queryStringParameters", {}))


@pytest.mark.parametrize("logical_id", ROUTES)
def test_a_sample_event_carries_the_claims_that_the_authorizer_leaves(logical_id: str) -> None:
    context = sample(logical_id)["requestContext"]
    access = ROUTES[logical_id].access
    if access == "none":
        assert "authorizer" not in context
        return
    jwt = context["authorizer"]["jwt"]
    assert all(isinstance(claim, str) for claim in jwt["claims"].values())
    assert jwt["claims"]["sub"]
    assert jwt["scopes"] == ([access] if access in SCOPES else None)
    assert jwt["claims"].get("scope") == (access if access in SCOPES else None)


@pytest.mark.parametrize("logical_id", [*ROUTES, WEBHOOK])
def test_a_sample_body_is_json_of_the_length_it_says(logical_id: str) -> None:
    event = sample(logical_id)
    if "body" in event:
        assert isinstance(json.loads(event["body"]), dict)
        assert event["headers"]["content-length"] == str(len(event["body"]))


def test_the_webhook_s_sample_is_a_function_url_s_event_with_a_signature_to_replace() -> None:
    event = sample(WEBHOOK)
    assert event["requestContext"]["routeKey"] == "$default"
    assert event["requestContext"]["accountId"] == "anonymous"
    assert re.fullmatch(r"t=\d+,v1=[0-9a-f]{64}", event["headers"]["stripe-signature"])
    assert json.loads(event["body"])["object"] == "event"


ANSWERS = dict.fromkeys([*ROUTES, WEBHOOK], 200) | {
    "TakeLeaseFunction": 201,
    "VerifySessionFunction": 404,  # the session is a made-up one
    "CancelFunction": 409,  # nothing was bought yet
    "ResumeFunction": 409,
    "PortalFunction": 409,
    "SetAutoReloadFunction": 409,  # there is no card yet
    "ChargeFunction": 402,  # the wallet is empty
    "GetBudgetFunction": 404,  # the budget is a made-up one
    "DeleteBudgetFunction": 404,
    "DeleteToolFunction": 404,  # the tool is a made-up one
    "RotateWebhookSecretFunction": 409,  # no webhook is named
    "TestNotificationsFunction": 409,
    "ResendDeliveryFunction": 404,  # the delivery is a made-up one
    "RefundChargeFunction": 404,  # the charge is a made-up one
    "TakeHoldFunction": 402,
    "CaptureHoldFunction": 404,  # the hold is a made-up one
    "ExtendHoldFunction": 404,
    "ReleaseHoldFunction": 404,
    WEBHOOK: 400,  # a signature lives for five minutes: `make invoke` signs again
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


@pytest.mark.parametrize("logical_id", ANSWERS)
def test_a_sample_event_is_understood_by_its_function(stack: Stack, logical_id: str) -> None:
    event = sample(logical_id)
    authorizer = event["requestContext"].get("authorizer", {"jwt": {"claims": {}}})
    authorizer["jwt"]["claims"]["sub"] = f"acct_{logical_id}"  # one that no other function has touched
    answer = stack.host.invoke(logical_id, event)
    assert isinstance(answer, dict)
    assert answer["statusCode"] == ANSWERS[logical_id], answer


@pytest.mark.parametrize("logical_id", [name for name in SCHEDULES if name != "AuditFunction"])
def test_a_schedule_s_sample_event_is_the_one_that_the_schedule_sends(
    functions: dict[str, Any], logical_id: str
) -> None:
    (schedule,) = functions[logical_id]["Events"].values()
    assert sample(logical_id) == json.loads(schedule["Properties"]["Input"])


def test_the_audit_s_sample_event_names_one_account() -> None:
    assert sample("AuditFunction").keys() == {"account_id"}


@pytest.mark.parametrize("logical_id", SCHEDULES)
def test_a_schedule_s_sample_event_runs_through(stack: Stack, logical_id: str) -> None:
    stack.host.invoke(logical_id, sample(logical_id))


@pytest.mark.parametrize(
    ("function", "letters"),
    [
        (INGEST, "IngestDeadLetterQueue"),
        (INGEST, "RefusedUsageQueue"),
        (CHARGE_QUEUE, "ChargeDeadLetterQueue"),
        (CHARGE_QUEUE, "RefusedChargesQueue"),
    ],
)
def test_a_sample_event_is_one_of_a_queue_and_all_of_it_is_taken(stack: Stack, function: str, letters: str) -> None:
    event = sample(function)
    for record in event["Records"]:
        assert record["eventSource"] == "aws:sqs"
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
    assert stack.host.invoke(function, event) == {"batchItemFailures": []}
    assert stack.queues.waiting(letters) == []


def test_the_sample_event_of_the_queue_of_stripe_s_events_is_one_and_is_taken_in(stack: Stack) -> None:
    event = sample(TAKING_IN)
    for record in event["Records"]:
        assert record["eventSource"] == "aws:sqs"
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
    assert stack.host.invoke(TAKING_IN, event) == {"batchItemFailures": []}


def test_an_audit_of_everything_and_of_one_account_finds_nothing_wrong(stack: Stack) -> None:
    for event in ({}, {"due": True}, sample("AuditFunction")):
        answer = stack.host.invoke("AuditFunction", event)
        assert isinstance(answer, dict)
        fields = {"accounts", "transfers", "counters", "violations", "busy", "whole"}
        assert answer.keys() == fields | {"behind_seconds", "changed_behind_seconds"}
        assert (answer["violations"], answer["busy"], answer["whole"]) == ([], [], True)
