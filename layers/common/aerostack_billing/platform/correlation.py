"""Which request, or which scheduled run, the code is at work for: the id that logs, ledger and domain events share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)


def current() -> str | None:
    """The id of what is at work; None outside of a function."""
    return _id.get()


@contextmanager
def using(correlation_id: str | None) -> Iterator[None]:
    """Work under this id inside the block."""
    before = _id.set(correlation_id)
    try:
        yield
    finally:
        _id.reset(before)


def carried(function: Callable[[Argument], Result]) -> Callable[[Argument], Result]:
    """`function` under the id of now, in whichever thread it is called: a thread begins without one."""
    correlation_id = current()

    def under_it(argument: Argument) -> Result:
        with using(correlation_id):
            return function(argument)

    return under_it
