"""What crowds of one size get of one wallet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """What so many processes got together."""

    processes: int
    way: str
    per_second: float
    transactions: int
    collisions: int

    @property
    def cells(self) -> list[str]:
        """As a table shows it; another store's transactions are not known."""
        known = [f"{self.transactions}", f"{100 * self.collisions / max(1, self.transactions):.0f} %"]
        rate = f"{self.per_second:,.0f}" if self.per_second >= 1 else f"{self.per_second:.1f}"
        return [self.way, f"{self.processes}", rate, *(known if self.transactions else ["", ""])]

    def row(self) -> str:
        """As the table shows it."""
        return f"| {' | '.join(self.cells)} |"
