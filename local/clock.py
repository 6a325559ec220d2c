"""The clock of the whole local stack: real time plus an offset that `advance` moves on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path


class StackClock:
    """Unix seconds that never go back, shared by all threads.

    With `state`, the offset is kept in that file, so that a stack whose data outlives it also keeps its time. A clock
    of which none was kept begins `behind_seconds` before real time.
    """

    def __init__(
        self, state: Path | None = None, source: Callable[[], float] = time.time, *, behind_seconds: float = 0.0
    ) -> None:
        self._state = state
        self._source = source
        self._lock = threading.Lock()
        self._offset = -behind_seconds if is_new(state) else _stored_offset(state)
        self._latest = 0.0

    def unix(self) -> float:
        """Seconds since the epoch by this clock, with fractions."""
        with self._lock:
            self._latest = max(self._latest, self._source() + self._offset)
            return self._latest

    def now(self) -> datetime:
        """The moment it is by this clock, aware, in UTC."""
        return datetime.fromtimestamp(self.unix(), UTC)

    def advance_to(self, unix: float) -> None:
        """Make it `unix` now. A moment that has passed already changes nothing: time never goes back."""
        with self._lock:
            current = max(self._latest, self._source() + self._offset)
            if unix <= current:
                return
            self._offset = unix - self._source()
            self._latest = unix
            if self._state is not None:
                _store_offset(self._state, self._offset)


def iso(unix: float) -> str:
    """ISO 8601 in UTC with `Z`, whole seconds."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_new(state: Path | None) -> bool:
    """Whether no clock was kept in that file."""
    return state is None or not state.exists()


def _stored_offset(state: Path | None) -> float:
    if state is None or not state.exists():
        return 0.0
    return float(json.loads(state.read_text(encoding="utf-8"))["offset_seconds"])


def _store_offset(state: Path, offset_seconds: float) -> None:
    state.parent.mkdir(parents=True, exist_ok=True)
    written = state.with_suffix(".new")
    written.write_text(json.dumps({"offset_seconds": offset_seconds}), encoding="utf-8")
    written.replace(state)
