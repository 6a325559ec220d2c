"""Usage in the tests' hands: counted alone, in batches, by leases and from the queue; plans moved, places taken."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aerostack_billing.accounts.models import Account, PlanState
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.plans.models import Tier
from aerostack_billing.usage.ceilings import Ceilings
from aerostack_billing.usage.ingest import Message
from aerostack_billing.usage.models import ConsumeRequest, LeaseRequest, PlaceName, SettleRequest
from aerostack_billing.values.errors import StoreUnavailable
from aerostack_billing.values.fields import validated


def consume(
    parts: Runtime, account: str, quantity: int = 1, metric: str = "api_requests", **more: object
) -> dict[str, Any]:
    request = ConsumeRequest(account_id=account, metric=metric, quantity=quantity, **more)  # type: ignore[arg-type]
    return parts.usage.metering.consume(request).body


def ceilings(parts: Runtime) -> Ceilings:
    return Ceilings(parts.settings.usage_table, parts.usage.store, parts.catalog)


def move_to(parts: Runtime, account: str, tier: Tier) -> Account:
    """Change the account's plan as the sync does."""
    before = parts.accounts.store.get(account)
    moves = ceilings(parts).moves(account, before.plan.tier, tier)
    return parts.accounts.store.write_plan(before, PlanState(tier=tier), moves, None)


def event(account: str, quantity: object = 1, metric: str = "api_requests", **more: object) -> dict[str, object]:
    return {"account_id": account, "metric": metric, "quantity": quantity, **more}


def batch(parts: Runtime, *events: dict[str, object]) -> list[dict[str, Any]]:
    return [result.view() for result in parts.usage.batch.run(events)]


def statuses(results: list[dict[str, Any]]) -> list[int]:
    return [result["status"] for result in results]


def counter(parts: Runtime, account: str, metric: str = "api_requests") -> tuple[int, int]:
    found = parts.usage.store.counters_item(account, "2026-03").counters[metric]
    return found.used, found.room


def take(parts: Runtime, account: str, quantity: int = 1_000, ttl: int = 60, **more: object) -> dict[str, Any]:
    body = {"account_id": account, "metric": "api_requests", "quantity": quantity, "ttl_seconds": ttl, **more}
    return parts.usage.leases.take(validated(LeaseRequest, body)).body


def settle(parts: Runtime, account: str, lease: dict[str, Any], used: int) -> object:
    return parts.usage.leases.settle(lease["lease_id"], SettleRequest(account_id=account, used=used))["returned"]


def claim(parts: Runtime, account: str, resource_id: str, kind: str = "projects") -> dict[str, Any]:
    return parts.usage.resources.claim(account, PlaceName(kind=kind, id=resource_id))


def free(parts: Runtime, account: str, resource_id: str, kind: str = "projects") -> dict[str, Any]:
    return parts.usage.resources.free(account, PlaceName(kind=kind, id=resource_id))


@dataclass
class Letters:
    """A dead-letter queue, kept in a list; `senders` in one beside it."""

    kept: list[tuple[str, str, str]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    down: bool = False

    def put(self, body: str, *, reason: str, message_id: str, sender: str, group: str | None = None) -> None:
        if self.down:
            raise StoreUnavailable("The dead-letter queue did not take a message.")
        self.kept.append((body, reason, message_id))
        self.senders.append(sender)


def message(name: str, *events: object) -> Message:
    """One event alone, or a batch of them."""
    return Message(name, json.dumps(events[0] if len(events) == 1 else {"events": events}))
