"""The Notifications table: when an account is looked ahead for, and what it was told of ahead of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import cast

from aerostack_billing.ledger.ledger import present
from aerostack_billing.notifications.models import Settings
from aerostack_billing.notifications.store import AGENDA_INDEX, SETTINGS, key, read_settings
from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, TransactionRefused, Write
from aerostack_billing.values.fields import adapter
from aerostack_billing.wallet.agendas import OUTLOOK_AGENDA, shard_of, shards

OUTLOOK = "outlook"
_DUE_PAGE = 100


@dataclass(frozen=True)
class Told:
    """What an account was told of ahead of time.

    `metrics` are those of the month `period`. `card` is the card whose end was told, and `ask_card_at` when Stripe is
    asked for the card again. `version` counts the writes; `agenda_at` is the next look, None for an account that asks
    for nothing.
    """

    account_id: str
    version: int = 0
    agenda_at: int | None = None
    period: str = ""
    metrics: tuple[str, ...] = ()
    card: str | None = None
    ask_card_at: int = 0

    def of(self, period: str) -> frozenset[str]:
        """The metrics that it was told of in a month."""
        return frozenset(self.metrics) if self.period == period else frozenset()


class OutlookStore:
    """Reads and conditional writes of what is looked for ahead of time."""

    def __init__(self, dynamo: Dynamo, table: str, outbox: Outbox) -> None:
        self._dynamo = dynamo
        self._table = table
        self._outbox = outbox

    def begin(self, account_id: str) -> None:
        """Have the account looked ahead for from now on. One that is already stays when it is due.

        The version moves on all the same: a look that read the settings from before must not take the account away.
        """
        write = Write(
            self._table,
            key(account_id, OUTLOOK),
            update="SET agenda = :agenda, agenda_at = if_not_exists(agenda_at, :now) ADD version :one",
            values={":agenda": shard_of(OUTLOOK_AGENDA, account_id), ":now": clock.seconds(), ":one": 1},
        )
        self._dynamo.update(write)

    def due(self) -> Iterator[tuple[str, int]]:
        """The accounts that are due, longest due first, and since when; costs by what is due."""
        for shard in shards(OUTLOOK_AGENDA):
            values = {":agenda": shard, ":now": clock.seconds()}
            condition = "agenda = :agenda AND agenda_at <= :now"
            items = self._dynamo.query(self._table, condition, values, index=AGENDA_INDEX, page_size=_DUE_PAGE)
            for item in items:
                yield str(item["account_id"]), cast("int", item["agenda_at"])

    def claim(self, account_id: str, due_at: int, seconds: int) -> bool:
        """Put the account's next look off by so long, unless another run did: whether this one looks now."""
        write = Write(
            self._table,
            key(account_id, OUTLOOK),
            update="SET agenda_at = :later ADD version :one",
            condition="agenda_at = :read",
            values={":read": due_at, ":later": clock.seconds() + seconds, ":one": 1},
        )
        try:
            self._dynamo.update(write)
        except ConditionFailed:
            return False
        return True

    def look(self, account_id: str) -> tuple[Settings, Told]:
        """The account's settings and what it was told, consistently: one request."""
        keys = [key(account_id, item) for item in (SETTINGS, OUTLOOK)]
        found = self._dynamo.batch_get({self._table: keys}, consistent=True)[self._table]
        by_key = {str(item["item"]): item for item in found}
        told = by_key.get(OUTLOOK)
        return (
            read_settings(account_id, by_key.get(SETTINGS)),
            adapter(Told).validate_python(told) if told else Told(account_id),
        )

    def write(self, read: Told, after: Told, events: Sequence[DomainEvent]) -> bool:
        """Write what was told and its events, all or none, if it stands as it was read: whether it did."""
        item: Item = {
            **key(after.account_id, OUTLOOK),
            **present(asdict(replace(after, version=read.version + 1))),
        }
        if after.agenda_at is not None:
            item["agenda"] = shard_of(OUTLOOK_AGENDA, after.account_id)
        told = Write(self._table, {}, put=item, condition="version = :read", values={":read": read.version})
        try:
            self._dynamo.transact([told, *map(self._outbox.adding, events)])
        except TransactionRefused:
            return False
        return True
