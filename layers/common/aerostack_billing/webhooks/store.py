"""Records of Stripe's events in the Events table: which have taken effect, and what became of the others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from aerostack_billing.platform import clock, correlation
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, Write
from aerostack_billing.webhooks.models import Outcome, Record

ACCOUNT_INDEX: Final = "by_account"
KEPT_SECONDS = 90 * 86400
"""Stripe sends again for three days and lists events for thirty; after that nothing can arrive twice."""


class EventStore:
    """Reads and writes event records."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def seen(self, event_id: str) -> bool:
        """Whether the event has a record: it took effect, or was found to have none."""
        return self._dynamo.get(self._table, {"event_id": _key(event_id)}) is not None

    def records(self, event_ids: Sequence[str]) -> dict[str, Record]:
        """What is recorded of up to a hundred events, by id; one that is not there was never taken in."""
        keys: list[Item] = [{"event_id": _key(event_id)} for event_id in event_ids]
        found = self._dynamo.batch_get({self._table: keys}, consistent=True)[self._table]
        return {record.event_id: record for record in map(_read, found)}

    def dead(self) -> list[Record]:
        """Every event that can never be processed, newest first; reads the whole table, for an operator alone."""
        condition, names = "begins_with(event_id, :prefix) AND #result = :dead", {"#result": "result"}
        found = self._dynamo.scan(self._table, condition, {":prefix": _PREFIX, ":dead": "dead"}, names=names)
        return sorted(map(_read, found), key=lambda record: record.received_at, reverse=True)

    def of_account(self, account_id: str, most: int, after: tuple[str, str] | None = None) -> list[Record]:
        """So many records of events about the account, newest first, behind the one that came then and has that id.

        One request. The index may lag; an event that was found to be about nobody is not in it.
        """
        start: Item | None = None
        if after is not None:
            start = {"account_id": account_id, "received_at": after[0], "event_id": _key(after[1])}
        items = self._dynamo.query(
            self._table,
            "account_id = :account",
            {":account": account_id},
            index=ACCOUNT_INDEX,
            forward=False,
            page_size=most,
            after=start,
        )
        return [_read(item) for item in islice(items, most)]

    def processed(self, outcome: Outcome) -> Write:
        """The write, for the transaction of the effect, that records the event unless it took effect before.

        What was found to have none, `ignored` or `dead`, may be found otherwise when it is looked at again.
        """
        item: Item = {
            "event_id": _key(outcome.event_id),
            "type": outcome.event_type,
            "result": outcome.result,
            "received_at": clock.iso_now(),
            "expires_at": clock.seconds() + KEPT_SECONDS,
        }
        if outcome.account_id is not None:
            item["account_id"] = outcome.account_id
        made_by = correlation.current()
        if made_by is not None:
            item["correlation_id"] = made_by
        return Write(
            self._table,
            {},
            put=item,
            condition="attribute_not_exists(event_id) OR #result IN (:ignored, :dead)",
            names={"#result": "result"},
            values={":ignored": "ignored", ":dead": "dead"},
        )

    def record(self, outcome: Outcome) -> None:
        """Record an event that has no effect on any table; one recorded before stays as it is."""
        try:
            self._dynamo.put(self.processed(outcome))
        except ConditionFailed:
            return


_PREFIX = "stripe#"


def _key(event_id: str) -> str:
    return f"{_PREFIX}{event_id}"


def _read(item: Item) -> Record:
    account_id, made_by = item.get("account_id"), item.get("correlation_id")
    return Record(
        event_id=str(item["event_id"]).removeprefix(_PREFIX),
        event_type=str(item["type"]),
        result=str(item["result"]),
        received_at=str(item["received_at"]),
        account_id=None if account_id is None else str(account_id),
        correlation_id=None if made_by is None else str(made_by),
    )
