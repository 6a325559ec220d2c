"""Domain events that waits, as it is stored and as its schemas read it, and a bus that takes it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.outbox.models import Record
from local.event_schemas import TYPES


def waiting(parts: Runtime, account: str) -> list[Record]:
    """What waits of one account, oldest first."""
    found = [record for record in parts.outbox.store.waiting() if json.loads(record.detail)["account_id"] == account]
    return sorted(found, key=lambda record: record.queued)


def waiting_events(parts: Runtime, account: str) -> list[dict[str, Any]]:
    """The details of it, each held to the schema of its type."""
    details = [json.loads(record.detail) for record in waiting(parts, account)]
    for detail in details:
        TypeAdapter(TYPES[detail["type"]]).validate_python(detail["data"])
    return details


def waiting_types(parts: Runtime, account: str) -> list[str]:
    """The types of it."""
    return sorted(detail["type"] for detail in waiting_events(parts, account))


class TakingBus:
    """EventBridge's client, where the bus takes all it is given."""

    def put_events(self, Entries: list[object]) -> dict[str, object]:  # noqa: N803 - AWS's name
        return {"Entries": [{"EventId": "e"} for _ in Entries]}
