"""Who writes next: the order of a process's own threads, and how long it stands back for other processes.

Many processes that write one owner collide: of those that read it at once, one write holds. If each came back soon,
most of the store's work would be in vain; the more of them, the less would pass. So each stands back for a random time
up to a limit, and the limit follows what it met: twice as long after each collision, three quarters after each write
that held. It is kept from one act to the next, since a process that takes charge after charge meets the same crowd.
Together the processes come to write about as often as the owner can be written, however many they are.

Both ends of the limit are counted in attempts, not in seconds: how long a crowd must stand back follows from how long a
read and a write take, which differs by ten between a charge and a batch of ninety, and between one store and another.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from aerostack_billing.platform import clock, deadline

FIRST_LIMIT: Final = 2
"""In attempts: who meets one other comes back when that one is done."""
LONGEST_LIMIT: Final = 128
"""In attempts: 64 writers who stand back for half of it on average leave room for each other."""
LEAST_SECONDS: Final = 0.02
"""The first limit is no shorter, however quickly an attempt failed."""
LONGEST_SECONDS: Final = 20.0
_GROWS, _SHRINKS = 2.0, 0.75
_REMEMBERED_SECONDS = 10
"""A crowd is gone that was not met for so long after the wait for it."""
_SHARE_OF_TIME_LEFT = 0.25
"""No wait takes more of the time that is left for the answer: the later it gets, the sooner it is tried again."""

_QUEUES = 256


@dataclass
class Turn:
    """The place of one owner, or of few: a process's thread at work there knows how crowded it was."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    limit_seconds: float = 0.0
    back_at: float = 0.0

    def collided(self, took_seconds: float) -> float:
        """Note a collision, by an attempt that took so long; how many seconds to stand back."""
        now = clock.unix()
        known = self.limit_seconds if now - self.back_at <= _REMEMBERED_SECONDS else 0.0
        first = max(LEAST_SECONDS, FIRST_LIMIT * took_seconds)
        longest = max(first, min(LONGEST_SECONDS, LONGEST_LIMIT * took_seconds))
        self.limit_seconds = min(longest, max(first, known * _GROWS))
        limit = min(self.limit_seconds, max(0.0, deadline.left() * _SHARE_OF_TIME_LEFT))
        wait = random.uniform(0, limit)  # noqa: S311 - spreads writers, guards nothing
        self.back_at = now + wait
        return wait

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
