"""A signed delivery whose envelope is odd is ignored, dead or refused: never an error of ours, never a false alarm."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import InvalidJson
from aerostack_billing.webhooks.models import Outcome
from aerostack_billing.webhooks.service import Webhooks
from tests.rooms.payments.test_signature import sign


@dataclass
class Alarms:
    """What goes off."""

    dead: list[str] = field(default_factory=list)

    def webhook_dead(self, outcome: Outcome) -> None:
        self.dead.append(outcome.event_id)

    def webhook_taken(self, late_seconds: int) -> None:
        del late_seconds


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


@pytest.fixture
def webhooks(parts: Runtime, alarms: Alarms) -> Webhooks:
    """Waits for `invoice.paid`, which no test here gets through with."""

    def handle(_: object) -> Outcome:
        raise AssertionError

    return Webhooks(parts.webhooks.events, {"invoice.paid": handle}, alarms)


def receive(webhooks: Webhooks, body: bytes) -> Outcome:
    return webhooks.receive(body, sign(body, at=clock.seconds()), ["whsec_new"])


ODD = [
    {"id": "evt_1", "type": "invoice.paid", "created": "yesterday", "data": {"object": {}}},
    {"id": "x" * 5_000, "type": "invoice.paid", "created": 1, "data": {"object": {}}},
    {"id": "evt_\ud800", "type": "invoice.paid", "created": 1, "data": {"object": {}}},
    {"type": "invoice.paid"},
]


@pytest.mark.parametrize("event", ODD, ids=["created", "giant id", "surrogate", "no id"])
def test_a_handled_type_in_an_odd_envelope_is_dead_once(
    webhooks: Webhooks, alarms: Alarms, account: str, event: dict[str, object]
) -> None:
    body = json.dumps({**event, "livemode": account}).encode()
    if event.get("id") == "evt_1":
        body = body.replace(b"evt_1", f"evt_{account}".encode())
    assert [receive(webhooks, body).result for _ in range(2)] == ["dead", "duplicate"]
    assert len(alarms.dead) == 1


@pytest.mark.parametrize(
    "event",
    [
        {"id": "evt_thin", "object": "v2.core.event", "type": "v2.core.account.created"},
        {"id": 7, "type": "something.new"},
        {"id": "evt_1", "type": "y" * 5_000, "created": 1, "data": {"object": {}}},
        {"id": "evt_1", "type": "\udfff", "created": 1, "data": {"object": {}}},
        {"no": "event"},
        ["no event"],
        7,
        None,
    ],
)
def test_what_no_handler_waits_for_is_ignored_whatever_it_looks_like(
    webhooks: Webhooks, alarms: Alarms, account: str, event: object
) -> None:
    body = json.dumps([account, event] if not isinstance(event, dict) else {**event, "livemode": account}).encode()
    assert receive(webhooks, body).result in {"ignored", "duplicate"}
    assert alarms.dead == []


@pytest.mark.parametrize("body", [b"", b"{", b"hello", b"[" * 100_000])
def test_a_signed_body_that_is_no_json_is_refused_and_written_nowhere(
    webhooks: Webhooks, alarms: Alarms, body: bytes
) -> None:
    with pytest.raises(InvalidJson):
        receive(webhooks, body)
    assert alarms.dead == []
