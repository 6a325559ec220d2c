"""After a fork, parent and child must share neither a connection nor a block of quota."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """What must start over in a child process."""

    def start_anew(self) -> None:
        """Forget what is the parent's."""


_tended: weakref.WeakSet[Forked] = weakref.WeakSet()


def tend(forked: Forked) -> None:
    """Have it start over in each child process, for as long as it lives."""
    _tended.add(forked)


def _in_child() -> None:
    for forked in list(_tended):
        forked.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
