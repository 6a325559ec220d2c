"""The one thing every rule is given: the objects, the clock, the addresses, and the way to tell an event."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol

from local.stripe.errors import missing
from local.stripe.objects import Json, blank, difference, public
from local.stripe.spec import version
from local.stripe.state import Store


class Clock(Protocol):
    """The stack's clock: unix seconds, moved by the stack's own door."""

    def unix(self) -> float: ...


class World:
    """Stripe's account of this stack. Callers hold `store.lock`."""

    def __init__(self, store: Store, clock: Clock, base_url: str) -> None:
        self.store = store
        self.base_url = base_url
        self.stirred = threading.Event()
        """Set when there is something new to deliver."""
        self._clock = clock
        self._request: Json = {"id": None, "idempotency_key": None}

    def now(self) -> int:
        """Whole unix seconds by the stack's clock."""
        return int(self._clock.unix())

    def add(self, stored: Json) -> Json:
        """Keep a new object; it is told apart by its `object` field."""
        self.all(stored["object"])[stored["id"]] = stored
        return stored

    def make(self, kind: str, **values: object) -> Json:
        """A new object of the kind, created now and kept."""
        stored = blank(kind)
        if "created" in stored:
            stored["created"] = self.now()
        stored.update(values)
        return self.add(stored)

    def all(self, kind: str) -> dict[str, Json]:
        """Every object of the kind by id, oldest first."""
        return self.store.state.objects.setdefault(kind, {})

    def find(self, kind: str, object_id: str, param: str | None = "id") -> Json:
        """The object, or Stripe's `resource_missing`."""
        found = self.all(kind).get(object_id)
        if found is None:
            raise missing(kind, object_id, param)
        return found

    def anything(self, object_id: str) -> Json | None:
        """The object of that id, whatever its kind."""
        for objects in self.store.state.objects.values():
            if object_id in objects:
                return objects[object_id]
        return None

    @contextlib.contextmanager
    def during(self, request_id: str, idempotency_key: str | None) -> Iterator[None]:
        """Events told inside name this request as their cause."""
        self._request = {"id": request_id, "idempotency_key": idempotency_key}
        try:
            yield
        finally:
            self._request = {"id": None, "idempotency_key": None}

    def tell(self, event_type: str, about: Json, previous: Json | None = None, *, account: str | None = None) -> Json:
        """Record an event about the object as it is now and queue it for each endpoint that wants it.

        `account` is the connected account in which it happened, if it did in one.
        """
        data: Json = {"object": public(about)}
        if previous is not None:
            data["previous_attributes"] = previous
        wanted = [endpoint for endpoint in self.all("webhook_endpoint").values() if _wants(endpoint, event_type)]
        wanted = [endpoint for endpoint in wanted if is_told(endpoint, account)]
        event = self.make(
            "event",
            type=event_type,
            api_version=version(),
            data=data,
            request=dict(self._request),
            pending_webhooks=len(wanted),
            **({"account": account} if account is not None else {}),
        )
        state = self.store.state
        for endpoint in wanted:
            lost = state.settings["webhooks"] == "dropping"
            delivery = new_delivery(event, endpoint, "dropped" if lost else "pending")
            if not lost:
                delivery["next_attempt_at"] = state.waiting[delivery["id"]] = event["created"]
            state.deliveries[delivery["id"]] = delivery
        self.stirred.set()
        return event

    @contextlib.contextmanager
    def updating(self, event_type: str, stored: Json, *, account: str | None = None) -> Iterator[None]:
        """Tell the update of the object when the block ends, with what it was before; nothing where it is the same."""
        before = public(stored)
        yield
        changed = difference(before, public(stored))
        if changed:
            self.tell(event_type, stored, changed, account=account)


def new_delivery(event: Json, endpoint: Json, state: str) -> Json:
    """The record of one event's way to one endpoint."""
    return {
        "id": f"{event['id']}/{endpoint['id']}",
        "event": event["id"],
        "endpoint": endpoint["id"],
        "state": state,
        "attempts": 0,
        "last_status": None,
        "next_attempt_at": None,
    }


def is_told(endpoint: Json, account: str | None) -> bool:
    """Whether the endpoint is for events of this kind of account: our own, or the ones connected to it."""
    return bool(endpoint.get("_connect")) == (account is not None)


def _wants(endpoint: Json, event_type: str) -> bool:
    enabled = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in enabled or event_type in enabled)
