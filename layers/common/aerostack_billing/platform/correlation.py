"""Which request, or which scheduled run, the code is at work for, and who asked for it.

Logs, ledger and domain events share the id; the ledger keeps who asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
_caller: ContextVar[str | None] = ContextVar("caller", default=None)


def current() -> str | None:
    """The id of what is at work; None outside of a function."""
    return _id.get()


def caller() -> str | None:
    """Who asked: the client id or the subject of the request's token; None where nobody with a token did."""
    return _caller.get()


def asked_by() -> dict[str, str]:
    """The caller as an attribute of what is stored; none where nobody with a token asked."""
    found = caller()
    return {} if found is None else {"caller": found}


@contextmanager
def using(correlation_id: str | None, caller: str | None = None) -> Iterator[None]:
    """Work under this id, and for this caller, inside the block."""
    before, asked_before = _id.set(correlation_id), _caller.set(caller)
    try:
        yield
    finally:
        _id.reset(before)
        _caller.reset(asked_before)


def carried(function: Callable[[Argument], Result]) -> Callable[[Argument], Result]:
    """`function` under the id, and by the deadline, of now, in whichever thread it is called: a thread has neither."""
    present = copy_context()

    def under_it(argument: Argument) -> Result:
        # A copy for each call: no two threads may be in one context at once.
        return present.copy().run(function, argument)

    return under_it
