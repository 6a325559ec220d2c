"""A clock of the client's that a test moves."""

from __future__ import annotations


class Moment:
    """Unix seconds, moved by hand."""

    def __init__(self) -> None:
        self.at = 1_772_452_800.0

    def __call__(self) -> float:
        return self.at
