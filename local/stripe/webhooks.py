"""Webhooks: signed as Stripe signs them, one after another in order of creation, again after a failure."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
import urllib.error
import urllib.request

from local.stripe.errors import invalid
from local.stripe.objects import Json, public
from local.stripe.world import World, is_told, new_delivery

# Seconds by the stack's clock from one attempt to the next: soon at first, then for about three days.
RETRY_AFTER_SECONDS = (1, 5, 30, 300, 1800, 7200, 18000, 36000, 43200, 43200, 43200, 43200)
TIMEOUT_SECONDS = 20


def signature(secret: str, timestamp: int, payload: str) -> str:
    """The header Stripe-Signature for the payload."""
    digest = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class Courier:
    """Sends what is queued. One sender at a time, and never with the store's lock held."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sending = threading.Lock()

    def deliver(self) -> None:
        """Send all that is due, until nothing is or what is left failed and waits for its next attempt."""
        with self._sending:
            while (delivery := self._due()) is not None:
                self._attempt(delivery)

    def resend(self, event_id: str) -> Json:
        """Send one event now to the stack's own endpoint, whatever the switch says and however often it was sent."""
        with self._world.store.lock:
            event = self._world.find("event", event_id)
            endpoints = self._world.all("webhook_endpoint").values()
            endpoint = next((known for known in endpoints if is_told(known, event.get("account"))), None)
            if endpoint is None:
                raise invalid("There is no webhook endpoint to send to.")
            made = new_delivery(event, endpoint, "not_subscribed")
            delivery = self._world.store.state.deliveries.setdefault(made["id"], made)
        with self._sending:
            self._attempt(delivery)
        return {"id": event_id, "delivered": delivery["state"] == "delivered", "status": delivery["last_status"]}

    def next_due(self) -> float | None:
        """When the next attempt is due by the stack's clock; None where nothing waits or all is held back."""
        with self._world.store.lock:
            state = self._world.store.state
            return None if state.settings["webhooks"] == "paused" else min(state.waiting.values(), default=None)

    def switch(self, mode: str) -> None:
        """`open` sends, `paused` holds back, `dropping` loses what is held and what comes."""
        with self._world.store.changing() as state:
            state.settings["webhooks"] = mode
            for key in list(state.waiting):
                if mode == "dropping":
                    self._let_go(state.deliveries[key], "dropped")
                elif mode == "open":
                    state.waiting[key] = state.deliveries[key]["next_attempt_at"] = self._world.now()
        self._world.stirred.set()

    def _due(self) -> Json | None:
        with self._world.store.lock:
            state, now = self._world.store.state, self._world.now()
            if state.settings["webhooks"] != "open":
                return None
            key = next((key for key, when in state.waiting.items() if when <= now), None)
            return state.deliveries[key] if key is not None else None

    def _attempt(self, delivery: Json) -> None:
        with self._world.store.lock:
            event = public(self._world.find("event", delivery["event"]))
            endpoint = self._world.find("webhook_endpoint", delivery["endpoint"])
            url, secret, now = endpoint["url"], endpoint["_secret"], self._world.now()
        payload = json.dumps(event, indent=2)
        status = _post(url, payload, signature(secret, now, payload))
        with self._world.store.changing():
            delivery["attempts"] += 1
            delivery["last_status"] = status
            if status is not None and 200 <= status < 300:
                self._arrived(delivery)
            else:
                self._failed(delivery)

    def _let_go(self, delivery: Json, state: str) -> None:
        """Nothing more is to be sent of this delivery."""
        delivery.update(state=state, next_attempt_at=None)
        self._world.store.state.waiting.pop(delivery["id"], None)

    def _arrived(self, delivery: Json) -> None:
        if delivery["state"] != "delivered":
            event = self._world.find("event", delivery["event"])
            event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
        self._let_go(delivery, "delivered")

    def _failed(self, delivery: Json) -> None:
        """Wait for the next attempt, or give up. An event that already arrived stays so."""
        if delivery["state"] != "pending":
            return
        tried = delivery["attempts"] - 1
        if tried >= len(RETRY_AFTER_SECONDS):
            self._let_go(delivery, "failed")
            return
        delivery["next_attempt_at"] = self._world.now() + RETRY_AFTER_SECONDS[tried]
        self._world.store.state.waiting[delivery["id"]] = delivery["next_attempt_at"]


def _post(url: str, payload: str, signed: str) -> int | None:
    """The status of the answer, or None where there was none."""
    request = urllib.request.Request(
        url,
        data=payload.encode(),
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signed,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # nosec B310
            status: int = answer.status
            return status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
    except (OSError, http.client.HTTPException):
        return None
