"""What was told to whoever asked: clients, producers, operators. The tables must say the same."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.tables import Tables

Json = dict[str, Any]
Counted = tuple[str, str]
"""An account and a metric."""


@dataclass
class Answers:
    """What callers were told, and what they were not."""

    transfers: dict[tuple[str, str], int] = field(default_factory=dict)
    """By account and transfer id the micros that were answered as moved."""
    carried: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    """What was carried into a month, by account and month."""
    counted: dict[Counted, int] = field(default_factory=lambda: defaultdict(int))
    """What was answered as counted."""
    unknown: dict[Counted, list[int]] = field(default_factory=lambda: defaultdict(list))
    """What was asked to be counted and never answered: each of it is counted, or not."""
    tiers: dict[str, set[str | None]] = field(default_factory=lambda: defaultdict(lambda: {None}))
    """By account the tiers that operators may have given it: one, unless an answer was lost."""
    suspended: set[str] = field(default_factory=set)
    """Accounts whose auto-reload was suspended, and whose users saved no settings since."""
    budgets: dict[str, int] = field(default_factory=dict)
    """By account the highest limit that a budget of it may have had, in micros."""
    operations: set[str] = field(default_factory=set)
    """Acts of operators that were answered."""

    def broken(self, tables: Tables) -> list[str]:
        """All that the tables do not say as it was told."""
        return [
            *self._transfers(tables),
            *self._counters(tables),
            *self._tiers(tables),
            *self._suspensions(tables),
            *self._operations(tables),
        ]

    def _transfers(self, tables: Tables) -> list[str]:
        there = {(line["account_id"], line["transfer_id"]): line["amount"] for line in tables.of("LedgerTable")}
        return [
            f"{account} was told of {transfer}: {amount}, the ledger has {there.get((account, transfer))}"
            for (account, transfer), amount in self.transfers.items()
            if there.get((account, transfer)) != amount
        ]

    def _counters(self, tables: Tables) -> list[str]:
        used: dict[Counted, int] = defaultdict(int)
        for row in tables.of("UsageTable"):
            for name, value in row.items():
                if name.endswith("_used"):
                    used[row["account_id"], name.removesuffix("_used")] += int(value)
            if row["period"] == "began":
                self.keep_carried(row)
        # What was carried into a month from the one before is counted in both.
        for (account, _), carried in self.carried.items():
            for name, value in carried.items():
                used[account, name] -= value
        wrong = []
        for name in {*self.counted, *self.unknown}:
            answer, unknown = self.counted[name], self.unknown[name]
            least = answer + sum(q for q in unknown if q < 0)
            most = answer + sum(q for q in unknown if q > 0)
            if not least <= used[name] <= most:
                wrong.append(f"{name}: {used[name]} counted, {least} to {most} asked for")
        return wrong

    def keep_carried(self, row: Any) -> None:  # noqa: ANN401 - a row of the table
        """Keep what was carried into a month: the record goes when a later period begins, the month's item stays.

        A period that begins in that same month takes what was carried out of it, and may bring something else.
        """
        self.carried.pop((row["account_id"], row["month"]), None)
        into = {row["month"]: row.get("brought", {}), **row.get("earlier", {}), row["carried_into"]: row["carried"]}
        for month, carried in into.items():
            if month:
                self.carried[row["account_id"], month] = {name: int(value) for name, value in carried.items()}

    def _tiers(self, tables: Tables) -> list[str]:
        stored = {row["account_id"]: row.get("plan", {}).get("tier_override") for row in tables.of("AccountsTable")}
        return [
            f"{account}: operators gave one of {given}, stored is {stored.get(account)}"
            for account, given in self.tiers.items()
            if stored.get(account) not in given
        ]

    def _suspensions(self, tables: Tables) -> list[str]:
        states = {row["account_id"]: row["reload"].get("state") for row in tables.of("WalletsTable", "wallet")}
        return [
            f"{account}: auto-reload was suspended, and is {states.get(account)}"
            for account in self.suspended
            if states.get(account) != "suspended"
        ]

    def _operations(self, tables: Tables) -> list[str]:
        lines = {row["transfer_id"] for row in tables.operators()}
        wrong = [f"{line} has no first line" for line in lines if f"{line.partition('#')[0]}#1" not in lines]
        return wrong + [f"{act} was told, and is not in the log" for act in self.operations if f"{act}#2" not in lines]
