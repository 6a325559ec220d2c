"""Blocks of quota in hand: which of them may be used, until when, and how large the next one should be."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from aerostack_billing_client.errors import UnexpectedAnswer
from aerostack_billing_client.plan_answers import Leased, Settled

_GROWTH = 4
"""A block is at most so many times as large as the one before: a moment's rush is not taken for the rule."""


class Leases(Protocol):
    """What leases and settles."""

    def lease(self, account_id: str, metric: str, quantity: int, *, ttl_seconds: int, allow_partial: bool) -> Leased:
        """A block of quota."""

    def settle(self, account_id: str, lease_id: str, used: int) -> Settled:
        """Give back what was not used."""


@dataclass(frozen=True, kw_only=True)
class LeaseTerms:
    """How a meter takes its leases.

    A block is as large as lasts `ahead_seconds` at the rate of late, from `least` to `most` units. It is leased for
    `ttl_seconds` (up to 3,600) and not used in the last `margin_seconds` of them, so that what is left of it can be
    given back. `workers` threads take and settle blocks in the background.
    """

    least: int = 10
    most: int = 10_000
    ahead_seconds: float = 5.0
    ttl_seconds: int = 60
    margin_seconds: float = 10.0
    workers: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ValueError("least must be at least 1, and most at least that")
        if not 1 <= self.ttl_seconds <= 3_600 or not 0 <= self.margin_seconds < self.ttl_seconds:
            raise ValueError("ttl_seconds must be from 1 to 3600, and margin_seconds less")
        if self.ahead_seconds <= 0 or self.workers < 1:
            raise ValueError("ahead_seconds and workers must be above 0")


@dataclass
class Block:
    """A lease, and how much of it is used; `ends_at` is the meter's own time."""

    lease_id: str
    granted: int
    ends_at: float
    used: int = 0

    @property
    def left(self) -> int:
        """What may still be used."""
        return self.granted - self.used


def block_of(lease: Leased, terms: LeaseTerms, sent_at: float) -> Block:
    """The block that a lease is, for as long as it is safe to use.

    Two clocks need not agree for that: the service counted `ttl_seconds` from a moment after `sent_at`, and its own
    time then was `expires_at` less `ttl_seconds`. The month in which the lease counts ends so much later.
    UnexpectedAnswer if its period is no month.
    """
    try:
        end_of_month = _end_of(lease.period)
    except ValueError as error:
        raise UnexpectedAnswer("The lease's period is no month.") from error
    granted_at = lease.expires_at.timestamp() - terms.ttl_seconds
    # The service's seconds are whole ones: up to one of them had passed already.
    of_month = end_of_month - granted_at - 1
    return Block(
        lease.lease_id, lease.granted, sent_at + max(0.0, min(terms.ttl_seconds - terms.margin_seconds, of_month))
    )


def _end_of(period: str) -> float:
    """Unix seconds at which a month, `2026-03`, is over."""
    year, month = int(period[:4]), int(period[5:])
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()


class Blocks:
    """The blocks of one account and metric."""

    def __init__(self) -> None:
        self._live: list[Block] = []

    def __bool__(self) -> bool:
        return bool(self._live)

    def add(self, block: Block) -> None:
        """One more."""
        self._live.append(block)

    def left(self, now: float) -> int:
        """What may be used now."""
        return sum(block.left for block in self._live if block.ends_at >= now)

    def take(self, quantity: int, now: float) -> bool:
        """Use so much, the oldest block first; False if there is not enough, and nothing is used."""
        if self.left(now) < quantity:
            return False
        for block in self._live:
            if block.ends_at >= now:
                part = min(block.left, quantity)
                block.used += part
                quantity -= part
        return True

    def over(self, now: float) -> list[Block]:
        """Those that are used up or whose time is over; they are here no more."""
        over = [block for block in self._live if not block.left or block.ends_at < now]
        if over:
            self._live = [block for block in self._live if block not in over]
        return over


class Pace:
    """How fast an account uses a metric, and so how large its next block is."""

    def __init__(self, terms: LeaseTerms, now: float) -> None:
        self.size = 0
        self._terms = terms
        self._since = now
        self._used = 0

    def note(self, quantity: int) -> None:
        """So much was used."""
        self._used += quantity

    def next(self, now: float) -> int:
        """The size of the block that is taken now."""
        terms = self._terms
        rate = self._used / max(now - self._since, 0.001)
        wanted = min(math.ceil(rate * terms.ahead_seconds), _GROWTH * self.size, terms.most)
        self.size = max(wanted, terms.least)
        self._since, self._used = now, 0
        return self.size


class Elapsed:
    """Seconds that passed, by the steady clock or by the wall clock, whichever went further.

    A steady clock stands still while a machine sleeps, and a wall clock may be set back.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._steady, self._wall = steady, wall
        self._last = steady(), wall()
        self._seconds = 0.0

    def __call__(self) -> float:
        """Seconds since the first call; not for several threads at once."""
        now = self._steady(), self._wall()
        self._seconds += max(now[0] - self._last[0], now[1] - self._last[1], 0.0)
        self._last = now
        return self._seconds
