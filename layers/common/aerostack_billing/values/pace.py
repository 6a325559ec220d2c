"""A forecast by pace: what was used so far goes on evenly to the end of the month. Nothing else is guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NEEDED_SECONDS: Final = 24 * 3600
"""Of the month, before its pace is told: a first hour would be taken for a whole month of such hours."""


@dataclass(frozen=True)
class Month:
    """A month that is under way: its bounds and the present moment, in unix seconds."""

    starts_at: int
    ends_at: int
    now: int

    @property
    def elapsed(self) -> int:
        """Seconds since it began."""
        return self.now - self.starts_at

    @property
    def is_telling(self) -> bool:
        """Whether enough of it is over to go by."""
        return self.elapsed >= NEEDED_SECONDS

    def projected(self, amount: int, since_start: int | None = None) -> int | None:
        """What `amount` comes to at the month's end, rounded down; None before the pace is told.

        `since_start` of it was used in this month, where it holds more than that: the pace is of that alone.
        """
        if not self.is_telling:
            return None
        own = amount if since_start is None else since_start
        return amount + own * (self.ends_at - self.now) // self.elapsed

    def reached_at(self, ceiling: int | None, amount: int, since_start: int | None = None) -> int | None:
        """When `amount` comes to `ceiling` at this pace; None where it does not this month, or did already."""
        own = amount if since_start is None else since_start
        if ceiling is None or not self.is_telling or own <= 0 or amount >= ceiling:
            return None
        moment = self.now - (amount - ceiling) * self.elapsed // own
        return moment if moment < self.ends_at else None
