"""By when the invocation at work has to have answered: nothing is begun that could not end before.

Lambda kills a function at its timeout, and its caller learns nothing of what became of the request. So an entry says
how long there is, and each call to another service is made in what is left of that, or refused.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[float] = ContextVar("deadline", default=math.inf)

_ANSWERING_SECONDS = 0.5
"""Kept for the answer itself, and for what logs and metrics take."""


_source: Callable[[], float] = time.monotonic
"""The process's own clock: Lambda's timeout does not go by the billing clock."""


def _ticks() -> float:
    return _source()


def use(source: Callable[[], float]) -> Callable[[], float]:
    """Take the seconds that pass from `source` for the whole process; returns the source that stood before."""
    global _source
    before, _source = _source, source
    return before


@contextmanager
def using(source: Callable[[], float]) -> Iterator[None]:
    """Likewise inside the block only."""
    before = use(source)
    try:
        yield
    finally:
        use(before)


@contextmanager
def within(context: object) -> Iterator[None]:
    """Work by the deadline that Lambda's context tells of, inside the block; by none where it tells of none."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    ends_at = _ticks() + remaining() / 1_000 - _ANSWERING_SECONDS if remaining is not None else math.inf
    before = _ends_at.set(ends_at)
    try:
        yield
    finally:
        _ends_at.reset(before)


def left() -> float:
    """Seconds until the answer has to be on its way, below zero once that is past; infinite outside of a function."""
    return _ends_at.get() - _ticks()


PATIENT_SECONDS = 10.0
"""What a call of a seldom called service of AWS may take: two tries of four seconds, and the pause between them."""


def allows(seconds: float) -> bool:
    """Whether what may take so long would end in time."""
    return left() >= seconds
