"""EventBridge as far as it is put to use here: PutEvents, with what it refuses; kept to be looked at."""

from __future__ import annotations

import json
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping

from local.clock import iso
from local.gateway.messages import HttpResponse, json_response
from local.template.loader import Value
from local.values import ACCOUNT_ID, REGION

_PUT_EVENTS = "AWSEvents.PutEvents"
_MOST_ENTRIES = 10
_MOST_BYTES = 256 * 1024
_KEPT = 10_000


Matched = Callable[[str, Mapping[str, Value]], None]
"""Is handed each event with the name of its bus."""


class EventSink:
    """The buses of the stack. An event that is put on one of them is kept, the newest 10,000 of them all."""

    def __init__(self, buses: frozenset[str], clock: Callable[[], float]) -> None:
        self._buses = buses
        self._clock = clock
        self.matched: Matched = lambda _bus, _event: None
        """Is told of each, for the rules of the template."""
        self._kept: deque[dict[str, Value]] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def answer(self, target: str, body: bytes) -> HttpResponse:
        """A call of the API: PutEvents alone is served."""
        if target != _PUT_EVENTS:
            return _refusal(501, "NotImplemented", f"{target or 'this'} is not served locally")
        entries = json.loads(body).get("Entries", [])
        if not 1 <= len(entries) <= _MOST_ENTRIES:
            return _refusal(400, "ValidationException", f"PutEvents takes 1 to {_MOST_ENTRIES} entries")
        if sum(map(_size, entries)) > _MOST_BYTES:
            return _refusal(400, "ValidationException", f"the entries are over {_MOST_BYTES} bytes together")
        answers = [self._put(entry) for entry in entries]
        failed = sum("ErrorCode" in answer for answer in answers)
        found: Value = {"FailedEntryCount": failed, "Entries": list(answers)}
        return json_response(200, found)

    def newest_first(self) -> list[Value]:
        """What was put on the buses, as a rule's target would be handed it."""
        with self._lock:
            return list(reversed(self._kept))

    def _put(self, entry: Mapping[str, Value]) -> dict[str, Value]:
        missing = [name for name in ("Source", "DetailType", "Detail") if not entry.get(name)]
        if missing:
            return _failed("InvalidArgument", f"Parameter {missing[0]} is not valid. Reason: it is required.")
        try:
            detail = json.loads(str(entry["Detail"]))
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return _failed("MalformedDetail", "Detail is malformed.")
        if entry.get("EventBusName", "default") not in self._buses:
            return _failed("InvalidArgument", f"There is no bus {entry.get('EventBusName', 'default')}.")
        event_id = str(uuid.uuid4())
        time = entry.get("Time")
        event: dict[str, Value] = {
            "version": "0",
            "id": event_id,
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": ACCOUNT_ID,
            "time": iso(float(time) if isinstance(time, (int, float)) else self._clock()),
            "region": REGION,
            "resources": entry.get("Resources", []),
            "detail": detail,
        }
        with self._lock:
            self._kept.append(event)
        self.matched(str(entry["EventBusName"]), event)
        return {"EventId": event_id}


def matches(pattern: Mapping[str, object], event: Mapping[str, Value]) -> bool:
    """Whether each field that a pattern names has one of the values that it lists; of a list one is enough."""
    for name, wanted in pattern.items():
        found = event.get(name)
        if isinstance(wanted, Mapping):
            if not isinstance(found, Mapping) or not matches(wanted, found):
                return False
        elif isinstance(wanted, list):
            values = found if isinstance(found, list) else [found]
            if not any(value in wanted for value in values):
                return False
    return True


def _size(entry: Mapping[str, Value]) -> int:
    """As EventBridge counts an entry: the time is 14 bytes, whatever is written."""
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail")]
    return 14 * ("Time" in entry) + sum(len(str(text).encode()) for text in texts if text)


def _failed(code: str, message: str) -> dict[str, Value]:
    return {"ErrorCode": code, "ErrorMessage": message}


def _refusal(status: int, kind: str, message: str) -> HttpResponse:
    return json_response(status, {"__type": kind, "message": message})
