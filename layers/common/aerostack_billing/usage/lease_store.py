"""The leases that a month's counters carry: a few bytes each, for as long as they are open.

A lease stands in the item as one attribute. Its name is made of all that the lease's id says, so that an id which was
made up, or changed, names nothing there, and begins alike for all leases of a metric; its value is when the lease ends.
The item has to stay small: every write of it costs by its size, and forty open leases still fit in two write units.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, Write
from aerostack_billing.usage.store import LEASE_PREFIX, Sheet, UsageStore, read_sheet, refusal

_METRIC_CHARACTERS = 3
_LEASE_CHARACTERS = 13


def prefix_of(metric: str) -> str:
    """How the attributes of a metric's leases begin."""
    return LEASE_PREFIX + _short(metric, _METRIC_CHARACTERS)


@dataclass(frozen=True)
class Lease:
    """A block of quota handed out: how much, until when, under which number."""

    period: str
    metric: str
    granted: int
    expires_at: int
    number: str

    @property
    def field(self) -> str:
        """The attribute of the counters' item that holds it."""
        said = f"{self.period} {self.metric} {self.granted} {self.expires_at} {self.number}"
        return prefix_of(self.metric) + _short(said, _LEASE_CHARACTERS)


def _short(text: str, characters: int) -> str:
    """A few characters that stand for a text: five bits each."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:characters]


class LeaseStore:
    """Takes and settles leases, by one write each."""

    def __init__(self, dynamo: Dynamo, table: str, usage: UsageStore) -> None:
        self._dynamo = dynamo
        self._table = table
        self._usage = usage

    def take(self, account_id: str, lease: Lease) -> Sheet:
        """Count a lease as used and note it, in one write; the item after it.

        NoRoom, with the item, if the room does not suffice; NotOpen if the counter does not exist.
        """
        counting = self._usage.addition(account_id, lease.period, lease.metric, lease.granted)
        write = replace(
            counting,
            update=f"{counting.update} SET #lease = :lease",
            names={**(counting.names or {}), "#lease": lease.field},
            values={**(counting.values or {}), ":lease": lease.expires_at},
        )
        try:
            return read_sheet(self._dynamo.update(write))
        except ConditionFailed as failed:
            raise refusal(failed.item, lease.metric) from failed

    def settle(self, account_id: str, lease: Lease, unused: int) -> bool:
        """Strike a lease out and give back what was not used; False if it is not noted, and nothing was changed."""
        write = Write(
            self._table,
            self._key(account_id, lease.period),
            update="ADD #used :less, #room :unused REMOVE #lease",
            condition="#lease = :lease",
            names={"#used": f"{lease.metric}_used", "#room": f"{lease.metric}_room", "#lease": lease.field},
            values={":less": -unused, ":unused": unused, ":lease": lease.expires_at},
        )
        try:
            self._dynamo.update(write)
        except ConditionFailed:
            return False
        return True

    def forget(self, account_id: str, period: str, names: Sequence[str]) -> None:
        """Strike out leases that lapsed: they count as used, and can never be settled any more."""
        fields = {f"#lease{i}": f"{LEASE_PREFIX}{name}" for i, name in enumerate(names)}
        update = f"REMOVE {', '.join(fields)}"
        self._dynamo.update(Write(self._table, self._key(account_id, period), update=update, names=fields))

    def _key(self, account_id: str, period: str) -> Item:
        return {"account_id": account_id, "period": period}
