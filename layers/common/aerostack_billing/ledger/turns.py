"""Who writes next: the order of a process's own threads, and how long it stands back for other processes.

Many processes that write one owner collide: of those that read it at once, one write holds. If each came back soon,
most of the store's work would be in vain; the more of them, the less would pass. So each stands back for a random time
up to a limit, and the limit follows what it met: twice as long after each collision, three quarters after each write
that held. It is kept from one act to the next, since a process that takes charge after charge meets the same crowd.
Together the processes come to write about as often as the owner can be written, however many they are.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from aerostack_billing.platform import clock, deadline

FIRST_LIMIT_SECONDS: Final = 0.02
"""About two writes: who meets one other comes back when that one is done."""
LONGEST_LIMIT_SECONDS: Final = 2.0
_GROWS, _SHRINKS = 2.0, 0.75
_REMEMBERED_SECONDS = 10
"""A crowd that was met longer ago than that has gone."""
_SHARE_OF_TIME_LEFT = 0.25
"""No wait takes more of the time that is left for the answer: the later it gets, the sooner it is tried again."""

_QUEUES = 256


@dataclass
class Turn:
    """The place of one owner, or of few: a process's thread at work there knows how crowded it was."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    limit_seconds: float = 0.0
    met_at: float = 0.0

    def collided(self) -> float:
        """Note a collision; how many seconds to stand back."""
        now = clock.unix()
        known = self.limit_seconds if now - self.met_at <= _REMEMBERED_SECONDS else 0.0
        self.limit_seconds = min(LONGEST_LIMIT_SECONDS, max(FIRST_LIMIT_SECONDS, known * _GROWS))
        self.met_at = now
        limit = min(self.limit_seconds, max(0.0, deadline.left() * _SHARE_OF_TIME_LEFT))
        return random.uniform(0, limit)  # noqa: S311 - spreads writers, guards nothing

    def held(self) -> None:
        """Note a write that held."""
        self.limit_seconds *= _SHRINKS


class Turns:
    """The places of all owners of a process."""

    def __init__(self) -> None:
        self._turns = [Turn() for _ in range(_QUEUES)]

    @contextmanager
    def of(self, name: str) -> Iterator[Turn]:
        """The owner's place, held inside the block: threads of one process queue here rather than collide."""
        turn = self._turns[hash(name) % _QUEUES]
        with turn.lock:
            yield turn
