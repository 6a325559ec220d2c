"""What `make run` logs: for people one line a cause, or everything as it is printed.

Both take the gateway's log, and line by line what functions print. Until they begin, only what goes wrong is written.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol, TextIO

from local.clock import iso
from local.gateway.callers import PREFIX

_ADVANCE = f"{PREFIX}/advance"
_HOOKS = f"{PREFIX}/url/"
# What functions ask of Stripe and AWS is an effect; what the stack's pages look at, every few seconds, is no cause.
_EFFECTS = (f"{PREFIX}/stripe/v1/", f"{PREFIX}/aws")
_ASSET = re.compile(r"\.(?:js|css|svg|map|json)$")
_STACK = "aerostack-local-"
_WENT_WRONG = frozenset({"WARNING", "ERROR", "CRITICAL"})
# What every line of a function's log has, and a person does not need.
_FRAME = frozenset({"level", "location", "message", "timestamp", "service", "correlation_id", "function", "exception"})
_IDLE = frozenset({"visited", "through", "accounts", "transfers", "counters", "busy", "whole"})


class Watched(Protocol):
    """Whether time is being moved on right now."""

    @property
    def advancing(self) -> bool: ...


class RawLog(logging.StreamHandler[TextIO]):
    """Everything, as on Lambda."""

    def __init__(self, target: TextIO) -> None:
        super().__init__(target)
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
        self.setLevel(logging.WARNING)

    def begin(self, _timeline: Watched, _unix: Callable[[], float]) -> None:
        """From now on all is written."""
        self.setLevel(logging.INFO)

    def write(self, text: str) -> int:
        """Whole lines that functions printed, as a stream takes them."""
        if self.level == logging.INFO:
            self.stream.write(text)
        return len(text)


class ReadableLog(logging.Handler):
    """What a person wants to see. What follows from a cause is left out, unless it went wrong.

    While an advance is under way only what goes wrong is written; its own line sums up the rest.
    """

    def __init__(self, target: TextIO) -> None:
        super().__init__(logging.INFO)
        self._target = target
        self._timeline: Watched | None = None
        self._unix: Callable[[], float] = time.time
        self._counting = threading.Lock()
        self._seen: Counter[str] = Counter()

    def begin(self, timeline: Watched, unix: Callable[[], float]) -> None:
        """From now on causes are written, with the time by this clock."""
        self._timeline, self._unix = timeline, unix

    def emit(self, record: logging.LogRecord) -> None:
        """A line of the gateway's log."""
        if record.name == "local.access" and isinstance(record.args, tuple):
            if self._timeline is None:
                return
            method, path, status, took_ms, code = record.args
            self._request(str(method), str(path), int(str(status)), float(str(took_ms)), str(code))
        elif record.levelno >= logging.WARNING:
            self._write(f"! {record.getMessage()}")
            if record.exc_info and record.exc_info[1] is not None:
                self._write(f"  {type(record.exc_info[1]).__name__}: {record.exc_info[1]}")

    def write(self, text: str) -> int:
        """Whole lines that functions printed, as a stream takes them."""
        for line in text.splitlines():
            self._printed(line)
        return len(text)

    def _request(self, method: str, path: str, status: int, took_ms: float, code: str) -> None:
        if path == _ADVANCE and status == 200:
            self._write(f"advanced to {iso(self._unix())}: {self._summary()}, {took_ms:.0f} ms")
        elif path.startswith(_HOOKS):
            self._count("webhook" if status < 400 else "failed webhook")
            if status >= 400:
                self._write(f"! webhook {path.removeprefix(_HOOKS)}: {status}{code}")
        elif path.startswith(_EFFECTS) or (method == "GET" and status < 400 and _is_look(path)):
            return
        else:
            self._write(f"{method} {path} {status}{code}, {took_ms:.0f} ms")

    def _printed(self, line: str) -> None:
        """A function's line: its log as JSON, its metrics, or what it printed otherwise."""
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            self._write(f"  {line}")
        elif self._timeline is None and entry.get("level") == "WARNING":
            # What the demo's accounts lived through: a threshold passed, a card that declined.
            return
        elif entry.get("level") in _WENT_WRONG:
            self._write(f"! {_name(entry)}: {entry.get('message')}{_rest(entry)}")
        elif "message" in entry and entry["message"] == "scheduled run":
            self._scheduled(entry)

    def _scheduled(self, entry: Mapping[str, object]) -> None:
        self._count("schedule")
        done = entry.get("done")
        worth = {n: v for n, v in done.items() if v and n not in _IDLE} if isinstance(done, dict) else {}
        if worth and self._timeline is not None and not self._timeline.advancing:
            answer = ", ".join(f"{name} {len(v) if isinstance(v, list) else v}" for name, v in worth.items())
            self._write(f"schedule {_name(entry)}: {answer}")

    def _count(self, what: str) -> None:
        with self._counting:
            if self._timeline is not None and self._timeline.advancing:
                self._seen[what] += 1

    def _summary(self) -> str:
        with self._counting:
            seen, self._seen = self._seen, Counter()
        answer = [f"{count} {what}{'s' if count != 1 else ''}" for what, count in sorted(seen.items())]
        return ", ".join(answer) or "nothing was due"

    def _write(self, text: str) -> None:
        self._target.write(f"{iso(self._unix())[11:19]} {text}\n")
        self._target.flush()


def _is_look(path: str) -> bool:
    return path.startswith(f"{PREFIX}/") or _ASSET.search(path) is not None


def _name(entry: Mapping[str, object]) -> str:
    return str(entry.get("function", "a function")).removeprefix(_STACK)


def _rest(entry: Mapping[str, object]) -> str:
    shown = ((name, value) for name, value in entry.items() if name not in _FRAME)
    return "".join(f" {name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in shown)
