"""All that the local Stripe remembers: plain JSON, in memory, and on disk where a path is given."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from local.stripe.objects import Json


@dataclass
class State:
    """Objects by kind and id, in order of their creation, and the notes around them."""

    objects: dict[str, dict[str, Json]] = field(default_factory=dict)
    idempotency: dict[str, Json] = field(default_factory=dict)
    faults: list[Json] = field(default_factory=list)
    deliveries: dict[str, Json] = field(default_factory=dict)
    waiting: dict[str, float] = field(default_factory=dict)  # keys of deliveries to come, and when they are due
    settings: Json = field(
        default_factory=lambda: {
            "webhooks": "open",
            "dunning_ends_in": "canceled",
            "off_session_authentication": "action",
            "transfers_need_balance": False,
            "search_lags": True,
            "debits_activate": False,
        }
    )


class Store:
    """The state behind one lock, written to its snapshot after each change that leaves the lock."""

    def __init__(self, snapshot: pathlib.Path | None = None) -> None:
        self.lock = threading.RLock()
        self._snapshot = snapshot
        self.state = self._loaded()

    def _loaded(self) -> State:
        if self._snapshot is None or not self._snapshot.exists():
            return State()
        state = State(**json.loads(self._snapshot.read_text()))
        state.settings = State().settings | state.settings
        return state

    @contextlib.contextmanager
    def changing(self) -> Iterator[State]:
        """Hold the lock; what was changed is on disk before another caller can see it."""
        with self.lock:
            try:
                yield self.state
            finally:
                self._save()

    def _save(self) -> None:
        """Replace the snapshot in one step: a crash leaves the old one or the new one, never half of one."""
        if self._snapshot is None:
            return
        self._snapshot.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._snapshot.parent, prefix=self._snapshot.name)
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(self.state), file)
        pathlib.Path(name).replace(self._snapshot)
