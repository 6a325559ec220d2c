"""Stripe's events by the queue: what is put there, what is taken from it, and that none takes another with it."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import clock
from aerostack_billing.platform.queue import Queue
from aerostack_billing.values.errors import InvalidJson, StoreUnavailable
from aerostack_billing.webhooks.deliveries import LARGEST_BYTES, EventQueue, event_of
from aerostack_billing.webhooks.models import Outcome
from functions.stripe_events.app import handler as take_in
from functions.stripe_webhook.app import handler as receive
from tests.rooms.payments.test_signature import sign


@dataclass
class Sqs:
    """A client of SQS, and what it took."""

    bodies: list[str] = field(default_factory=list)
    fails: Exception | None = None

    def send_message(self, *, QueueUrl: str, MessageBody: str, **_: object) -> dict[str, str]:  # noqa: N803 - boto3's
        assert QueueUrl == "https://queue"
        if self.fails is not None:
            raise self.fails
        self.bodies.append(MessageBody)
        return {"MessageId": "m"}


class Signing:
    """The secret that webhooks are verified by. There is no API key in it."""

    def webhook_secrets(self) -> list[str]:
        return ["whsec_new"]


@dataclass
class Context:
    """Lambda's context."""

    left_ms: int = 60_000
    aws_request_id: str = "request-1"
    function_name: str = "function"

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


@dataclass
class Receiver:
    """The function that verifies, with a queue and nothing else: no table, no API key, no handler."""

    sqs: Sqs

    def deliver(self, body: bytes, header: str | None = None, left_ms: int = 60_000) -> tuple[int, dict[str, Any]]:
        signed = sign(body, at=clock.seconds()) if header is None else header
        event = {"headers": {"stripe-signature": signed}, "body": body.decode(), "requestContext": {}}
        answer = receive(event, Context(left_ms))
        return int(str(answer["statusCode"])), json.loads(str(answer["body"]))


@pytest.fixture
def receiver(parts: Runtime, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    del parts  # the clock stands
    bare, sqs = Runtime(runtime.Settings({})), Sqs()
    bare.payments.signing = cast("Any", Signing())
    bare.webhooks.queue = EventQueue(Queue(lambda: cast("Any", sqs), "https://queue"))
    monkeypatch.setattr(runtime, "current", lambda: bare)
    return Receiver(sqs)


EVENT = {"id": "evt_1", "type": "invoice.paid", "created": 1, "data": {"object": {"name": "Zo\u00eb \uffff \ud800"}}}


def test_a_genuine_event_is_answered_once_the_queue_has_it(receiver: Receiver) -> None:
    assert receiver.deliver(json.dumps(EVENT).encode()) == (200, {"received": True, "result": "queued"})
    (body,) = receiver.sqs.bodies
    assert event_of(body, nobody) == EVENT
    # SQS refuses some characters that JSON lets pass.
    assert body.isascii()


@pytest.mark.parametrize(
    "failure",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessage"),
        ReadTimeoutError(endpoint_url="https://queue"),
    ],
)
def test_stripe_is_to_send_again_what_the_queue_did_not_take(receiver: Receiver, failure: Exception) -> None:
    receiver.sqs.fails = failure
    status, answer = receiver.deliver(json.dumps(EVENT).encode())
    assert (status, answer["error"]["code"]) == (500, "SEND_AGAIN")


def test_an_event_that_there_is_no_time_to_put_is_to_be_sent_again(receiver: Receiver) -> None:
    assert receiver.deliver(json.dumps(EVENT).encode(), left_ms=5_000)[0] == 500
    assert receiver.sqs.bodies == []


@pytest.mark.parametrize("header", ["", "t=1,v1=" + "0" * 64, sign(b"{}", "whsec_other")])
def test_what_stripe_did_not_sign_is_never_on_the_queue(receiver: Receiver, header: str) -> None:
    assert receiver.deliver(json.dumps(EVENT).encode(), header)[0] == 400
    assert receiver.sqs.bodies == []


@pytest.mark.parametrize("body", [b"", b"{", b"hello"])
def test_what_is_no_json_is_never_on_the_queue(receiver: Receiver, body: bytes) -> None:
    assert receiver.deliver(body)[0] == 400
    assert receiver.sqs.bodies == []


def test_a_body_that_is_far_too_large_is_refused_before_anything(receiver: Receiver) -> None:
    assert receiver.deliver(b'"' + b"x" * 1024 * 1024 + b'"')[0] == 400
    assert receiver.sqs.bodies == []


def nobody(_event_id: str, _account: str | None) -> None:
    raise AssertionError


def large(size: int, **more: object) -> dict[str, object]:
    return {**EVENT, "data": {"object": {"text": "x" * size}}, **more}


def test_the_largest_event_that_a_message_holds_is_on_the_queue_as_it_is(receiver: Receiver) -> None:
    empty = len(json.dumps({"event": large(0)}, separators=(",", ":")))
    receiver.deliver(json.dumps(large(LARGEST_BYTES - empty)).encode())
    receiver.deliver(json.dumps(large(LARGEST_BYTES - empty + 1)).encode())
    assert len(receiver.sqs.bodies[0]) == LARGEST_BYTES
    assert [sorted(json.loads(body)) for body in receiver.sqs.bodies] == [["event"], ["large"]]


def test_a_larger_one_is_asked_for_at_stripe_by_its_id_and_account(receiver: Receiver) -> None:
    receiver.deliver(json.dumps(large(LARGEST_BYTES, account="acct_1")).encode())
    (body,) = receiver.sqs.bodies
    asked: list[tuple[str, str | None]] = []

    def fetch(event_id: str, account: str | None) -> dict[str, object]:
        asked.append((event_id, account))
        return EVENT

    assert event_of(body, fetch) == EVENT
    assert asked == [("evt_1", "acct_1")]
    assert event_of(body, lambda *_: None) == {"id": "evt_1", "type": "invoice.paid"}


def test_one_too_large_that_names_no_id_is_not_said_to_be_kept(receiver: Receiver) -> None:
    assert receiver.deliver(json.dumps(large(LARGEST_BYTES, id=None)).encode())[0] == 500
    assert receiver.sqs.bodies == []


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"event": 1, "large": 2}', '{"id": "evt_1"}'])
def test_a_message_that_the_receiver_did_not_make_is_no_event(body: str) -> None:
    with pytest.raises(InvalidJson):
        event_of(body, nobody)


@dataclass
class Worker:
    """The function that the queue feeds; what it takes in, and of which events it fails."""

    taken: list[object] = field(default_factory=list)
    failing: dict[object, Exception] = field(default_factory=dict)

    def take(self, raw: object) -> Outcome:
        found = cast("dict[str, Any]", raw)
        if found["id"] in self.failing:
            raise self.failing[found["id"]]
        self.taken.append(found["id"])
        return Outcome(found["id"], "invoice.paid", "processed")

    def deliver(self, *bodies: str, context: Context | None = None) -> set[str]:
        """One delivery; the messages that are to come again."""
        records = [
            {"messageId": f"m{n}", "body": body, "md5OfBody": hashlib.md5(body.encode()).hexdigest()}
            for n, body in enumerate(bodies)
        ]
        answer = cast("Any", take_in({"Records": records}, context or Context()))
        return {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}


@pytest.fixture
def worker(parts: Runtime, monkeypatch: pytest.MonkeyPatch) -> Worker:
    made = Worker()
    parts.webhooks.service = cast("Any", made)
    monkeypatch.setattr(runtime, "current", lambda: parts)
    return made


def message(event_id: str) -> str:
    return json.dumps({"event": {**copy.deepcopy(EVENT), "id": event_id}})


@pytest.mark.parametrize("failure", [StoreUnavailable("no"), ValueError("nobody foresaw this")])
def test_an_event_that_fails_comes_again_and_takes_no_other_with_it(worker: Worker, failure: Exception) -> None:
    worker.failing["evt_2"] = failure
    assert worker.deliver(*map(message, ("evt_1", "evt_2", "evt_3"))) == {"m1"}
    assert worker.taken == ["evt_1", "evt_3"]


def test_a_delivery_in_which_everything_fails_is_an_answer_too(worker: Worker) -> None:
    worker.failing["evt_1"] = StoreUnavailable("no")
    assert worker.deliver(message("evt_1"), "no event") == {"m0", "m1"}


def test_an_event_for_which_no_time_is_left_is_not_begun(worker: Worker) -> None:
    assert worker.deliver(message("evt_1"), context=Context(left_ms=10_000)) == {"m0"}
    assert worker.taken == []
