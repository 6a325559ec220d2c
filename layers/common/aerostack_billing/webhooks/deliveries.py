"""What Stripe delivers, before anything becomes of it: opened once it is known to be genuine, and put on the queue.

A message on the queue is a JSON object in ASCII: `{"event": ...}`, as Stripe sent it. An event that is too large for a
message is put there by its id, `{"large": {"id", "type", "account"}}`, and Stripe, which keeps events for thirty days,
is asked for it. Whoever may put messages on the queue is believed: that is the function that verifies, and nobody else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from aerostack_billing.payments import signature
from aerostack_billing.platform.queue import Queue
from aerostack_billing.values.errors import InvalidJson, StoreUnavailable
from aerostack_billing.webhooks.models import is_event_id

LARGEST_BYTES = 262_144
"""As the queue's MaximumMessageSize says."""

Fetch = Callable[[str, str | None], Mapping[str, object] | None]
"""Asks Stripe for an event, by its id and the connected account that it happened in; None where there is none."""


def opened(payload: bytes, header: str | None, secrets: Sequence[str]) -> object:
    """The JSON of a delivery.

    InvalidSignature (400) if Stripe did not sign it a moment ago, InvalidJson (400) if it is no JSON.
    """
    signature.verify(payload, header, secrets)
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidJson("The body is signed and is no JSON. Send the event as Stripe made it.") from error


class EventQueue:
    """The queue of Stripe's events."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def put(self, raw: object) -> None:
        """Keep what a genuine delivery carried; when this returns, the queue has it.

        StoreUnavailable (503) if it is not known to: it may be there all the same, and once more when Stripe has sent
        it again.
        """
        self._queue.put(_message(raw))


def event_of(body: str, fetch: Fetch) -> object:
    """What a message carries. An event that Stripe has no more is what is known of it, as `Webhooks.take` takes it.

    InvalidJson for what `EventQueue.put` did not make; what `fetch` raises.
    """
    try:
        found = json.loads(body)
    except ValueError as error:
        raise InvalidJson("The message is no JSON.") from error
    if not isinstance(found, dict) or len(found) != 1 or not found.keys() <= {"event", "large"}:
        raise InvalidJson("The message is none that holds an event of Stripe's.")
    if "event" in found:
        return found["event"]
    large = found["large"]
    fetched = fetch(large["id"], large["account"])
    return {"id": large["id"], "type": large["type"]} if fetched is None else fetched


def _message(raw: object) -> str:
    # In ASCII: SQS refuses some characters that JSON lets pass, and counts bytes.
    whole = json.dumps({"event": raw}, separators=(",", ":"))
    if len(whole) <= LARGEST_BYTES:
        return whole
    found = raw if isinstance(raw, dict) else {}
    event_id, event_type, account = found.get("id"), found.get("type"), found.get("account")
    if not isinstance(event_id, str) or not is_event_id(event_id) or not isinstance(event_type, str):
        raise StoreUnavailable("The event is too large for the queue, and has no id to ask Stripe for.")
    named = {"id": event_id, "type": event_type[:256], "account": account if isinstance(account, str) else None}
    return json.dumps({"large": named}, separators=(",", ":"))
