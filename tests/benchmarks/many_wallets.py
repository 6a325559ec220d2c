"""The audit of ten thousand wallets: of all of them, in runs that end in the midst, and a day later of what changed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from unittest import mock

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.audit.places import EVERY_SECONDS, Places
from aerostack_billing.audit.rounds import Rounds
from aerostack_billing.audit.wallets import Report, Violation
from tests.benchmarks.place import Place
from tests.rooms.conftest import metered
from tests.rooms.worlds.wallet import charge, fund

WALLETS = 10_000
CHANGED = 100
LINES = 3
RUN = 1_500
"""Wallets, after which a run has no time left: seven of them come round."""
_HOUR = 3_600


@dataclass(frozen=True)
class Audited:
    """What the audit of some wallets among many took."""

    name: str
    wallets: int
    runs: int
    requests: int
    write_units: float
    read_units: float
    peak_kib: int

    def each(self, total: float) -> float:
        """A total, by wallet that was looked at; of none, 0."""
        return total / self.wallets if self.wallets else 0.0


def measured(place: Place, wallets: int = WALLETS, changed: int = CHANGED) -> Iterator[Audited]:
    """The weekly and the daily pass over as many wallets, of which so many changed; AssertionError if one is missed."""
    parts, accounts = place.parts, [f"acct_{number:06d}" for number in range(wallets)]
    for account in accounts:
        fund(parts, account, 500)
        for key in range(LINES - 1):
            charge(parts, account, 1, f"k{key}")
    place.time.forward(_HOUR)
    yield _audited(parts, f"all of {wallets:,}, {LINES} lines each", accounts)
    place.time.forward(EVERY_SECONDS["changed"])
    for account in accounts[:changed]:
        charge(parts, account, 1, "later")
    # What is written within a quarter of an hour before a pass begins, the next one looks at again.
    place.time.forward(_HOUR)
    yield _audited(parts, f"{changed:,} that changed of {wallets:,}", accounts[:changed])
    place.time.forward(EVERY_SECONDS["changed"])
    yield _audited(parts, f"none that changed of {wallets:,}", [])


def _audited(parts: Runtime, name: str, expected: Sequence[str]) -> Audited:
    """What is due, in runs that end after so many wallets each, and go on where the last one ended."""
    audit, told, looked = parts.audit, list[Violation](), list[str]()
    money = audit.money
    look = money.wallet

    def noting(account_id: str) -> Report:
        looked.append(account_id)
        return look(account_id)

    places, stores = Places(parts.dynamo, parts.settings.events_table), (parts.wallet.store, parts.creators.store)
    rounds = Rounds(audit.service, money, audit.usage, *stores, places, told.append, at_once=0)
    runs, whole = 0, False
    tracemalloc.start()
    with mock.patch.object(money, "wallet", noting), metered(parts.dynamo._client) as meter:
        while not whole:
            left = iter(range(RUN))
            whole, runs = rounds.go_on(lambda left=left: next(left, None) is not None, due_only=True).whole, runs + 1  # type: ignore[misc]
        spent = meter.spent()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (sorted(looked), told) == (sorted(expected), [])
    return Audited(name, len(looked), runs, *spent, peak // 1024)
