"""Whole lines from many threads: what functions print while others print as well."""

from __future__ import annotations

import io
import threading
from typing import Protocol


class Target(Protocol):
    """What takes whole lines."""

    def write(self, text: str, /) -> int: ...

    def flush(self) -> None: ...


class WholeLines(io.TextIOBase):
    """A stream that hands each thread's lines on whole: `print` writes a line and its end apart.

    On Lambda a function has its log for itself; here all of them, and the gateway, share one.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._begun = threading.local()

    def writable(self) -> bool:
        """It is written to, and never read."""
        return True

    def write(self, text: str) -> int:
        """Hand on what ends a line, with what the thread began of it before; keep the rest for its next write."""
        lines, end, rest = (getattr(self._begun, "text", "") + text).rpartition("\n")
        if end:
            self._target.write(lines + end)
        self._begun.text = rest
        return len(text)

    def flush(self) -> None:
        """Flush what was handed on; a line that is only begun stays here."""
        self._target.flush()
