"""What the functions of queues hand on of a delivery, as SQS tells it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.operators.senders import Sender
from aerostack_billing.usage.ingest import CALLER as USAGE
from aerostack_billing.usage.ingest import Ingested
from aerostack_billing.wallet.queued_charges import CALLER as CHARGES
from aerostack_billing.wallet.queued_charges import Taken
from tests.rooms.conftest import ROOT

LEAKED = "a-queue:AROALEAKED"


@dataclass
class Catching:
    """Takes messages and keeps who sent them."""

    done: Ingested | Taken
    senders: list[Sender] = field(default_factory=list)

    def run(self, messages: Sequence[Any]) -> Ingested | Taken:
        self.senders += [message.sender for message in messages]
        return self.done


class _Context:
    """Lambda's context, with all the time there is."""

    aws_request_id = "request-1"
    function_name = "function"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.mark.parametrize(
    ("function", "sample", "queue"), [("ingest", "ingest", USAGE), ("charge_queue", "charge-queue", CHARGES)]
)
def test_the_function_hands_on_who_sent_a_message_and_who_first_did(
    parts: Runtime, monkeypatch: pytest.MonkeyPatch, function: str, sample: str, queue: str
) -> None:
    delivery = json.loads((ROOT / f"events/{sample}.json").read_text(encoding="utf-8"))
    first, second = delivery["Records"][:2]
    second["messageAttributes"] = {"sender": {"stringValue": LEAKED, "dataType": "String"}}
    by_hand = {name: value for name, value in first.items() if name not in {"attributes", "messageAttributes"}}
    delivery["Records"] = [first, second, {**by_hand, "messageId": "by-hand"}]
    usage, charges = Catching(Ingested()), Catching(Taken())
    parts.usage.ingest = usage  # type: ignore[assignment]
    parts.wallet.queued = charges  # type: ignore[assignment]
    monkeypatch.setattr(runtime, "current", lambda: parts)
    importlib.import_module(f"functions.{function}.app").handler(delivery, _Context())
    named = f"{queue}:{first['attributes']['SenderId']}"
    found = [(sender.caller, sender.origin) for sender in usage.senders + charges.senders]
    assert found == [(named, named), (named, LEAKED), (queue, queue)]
