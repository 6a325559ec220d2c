"""The Notifications table: an account's settings, and an item for each notice."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Final, cast

from aerostack_billing.ledger.ledger import if_as_read, present
from aerostack_billing.notifications.models import KEPT_SECONDS, NOTICE_PREFIX, Notice, Settings, digest
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, TransactionRefused, Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import Contended, RateLimitExceeded
from aerostack_billing.values.fields import adapter
from aerostack_billing.wallet.agendas import NOTICE_AGENDA, shard_of, shards

SETTINGS: Final = "settings"
AGENDA_INDEX: Final = "agenda"
ACTS_A_DAY: Final = 20
"""Test messages, and deliveries that are sent again: each may lead to mail to whomever the account names."""
NAMED_A_DAY: Final = 20
"""Addresses and webhooks that an account names anew on a day: each may be a stranger's, and a name is resolved."""
MAILS_A_DAY: Final = 24
"""Mails of one kind to one address of an account on a day; what comes beyond is told by the first of the next day."""
_ATTEMPTS = 8
_DAY_SECONDS = 86_400
_DUE_PAGE = 500
_AFTER = "$"  # the sign after `#`


class SettingsStore:
    """Reads and conditional writes of settings."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def get(self, account_id: str) -> Settings:
        """The settings, consistently read; those of an account that never chose are empty, at version 0."""
        return read_settings(account_id, self._dynamo.get(self._table, key(account_id, SETTINGS)))

    def apply(self, account_id: str, rule: Callable[[Settings], Settings]) -> Settings:
        """Write what `rule` makes of the settings if they are still as it saw them, else ask it again.

        Nothing is written where it changes nothing. StoreUnavailable (503) where others write them all the time.
        """
        for _ in attempts(_ATTEMPTS):
            read = self.get(account_id)
            after = replace(rule(read), version=read.version + 1)
            if replace(after, version=read.version) == read:
                return read
            condition, names, values = if_as_read(read)
            item: Item = {**key(account_id, SETTINGS), **present(asdict(after))}
            try:
                self._dynamo.put(Write(self._table, {}, put=item, condition=condition, names=names, values=values))
            except ConditionFailed:
                continue
            return after
        raise Contended("The settings are being changed elsewhere. Try again in a moment.")

    def count_named(self, account_id: str, number: int) -> None:
        """Count what is named anew: NAMED_A_DAY on a day in UTC, then RateLimitExceeded (429), and nothing counted."""
        if not _counted(self._dynamo, self._table, account_id, "named", number, NAMED_A_DAY):
            raise _too_many(f"An account names {NAMED_A_DAY} new addresses and webhooks a day.", NAMED_A_DAY)


def read_settings(account_id: str, item: Item | None) -> Settings:
    """The settings as their item has them; those of an account that never chose where there is none."""
    return adapter(Settings).validate_python(item) if item else Settings(account_id)


def key(account_id: str, item: str) -> Item:
    """The key of one of the account's items."""
    return {"account_id": account_id, "item": item}


@dataclass(frozen=True)
class Due:
    """A notice that somebody has to look at, as the agenda has it."""

    account_id: str
    item: str
    agenda_at: int


class Raced(Exception):
    """A notice is not as it was read: somebody else is at it."""


class NoticeStore:
    """Reads and conditional writes of notices."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def make(self, notice: Notice) -> bool:
        """Store a new notice, unless it is there: whether it was new."""
        write = Write(self._table, {}, put=_item_of(notice), condition="attribute_not_exists(account_id)")
        try:
            self._dynamo.put(write)
        except ConditionFailed:
            return False
        return True

    def look(self, account_id: str, items: Sequence[str]) -> tuple[Settings, list[Notice]]:
        """The account's settings and those of the notices that there are, in their order: one request."""
        keys = [key(account_id, item) for item in (SETTINGS, *items)]
        found = self._dynamo.batch_get({self._table: keys}, consistent=True)[self._table]
        by_key = {str(item["item"]): item for item in found}
        notices = [adapter(Notice).validate_python(by_key[item]) for item in sorted(items) if item in by_key]
        return read_settings(account_id, by_key.get(SETTINGS)), notices

    def write(self, changes: Sequence[tuple[Notice, Notice]]) -> list[Notice]:
        """Write each second notice in place of the first if all of them are as they were read; Raced if not."""
        after = [replace(new, version=read.version + 1) for read, new in changes]
        writes = [
            Write(self._table, {}, put=_item_of(new), condition=condition, names=names, values=values)
            for (read, _), new in zip(changes, after, strict=True)
            for condition, names, values in [if_as_read(read)]
        ]
        try:
            self._dynamo.transact(writes)
        except TransactionRefused as refused:
            raise Raced from refused
        return after

    def due(self) -> Iterator[Due]:
        """All notices that are due, longest due first, page by page as they are taken; costs by what is due."""
        return heapq.merge(*map(self._due_under, shards(NOTICE_AGENDA)), key=lambda due: due.agenda_at)

    def _due_under(self, shard: str) -> Iterator[Due]:
        values = {":agenda": shard, ":now": clock.seconds()}
        condition = "agenda = :agenda AND agenda_at <= :now"
        items = self._dynamo.query(self._table, condition, values, index=AGENDA_INDEX, page_size=_DUE_PAGE)
        return (Due(str(i["account_id"]), str(i["item"]), cast("int", i["agenda_at"])) for i in items)

    def put_off(self, due: Due, seconds: int) -> bool:
        """Have a notice looked at again only then, unless it was moved on meanwhile: whether this one did."""
        write = Write(
            self._table,
            key(due.account_id, due.item),
            update="SET agenda_at = :later",
            condition="agenda_at = :read",
            values={":read": due.agenda_at, ":later": clock.seconds() + seconds},
        )
        try:
            self._dynamo.update(write)
        except ConditionFailed:
            return False
        return True

    def newest(self, account_id: str, limit: int, before: str | None = None) -> list[Notice]:
        """That many notices of the account, the newest event first, behind the key `before`."""
        items = self._dynamo.query(
            self._table,
            "account_id = :account AND #item BETWEEN :first AND :last",
            {":account": account_id, ":first": NOTICE_PREFIX, ":last": before or f"{NOTICE_PREFIX[:-1]}{_AFTER}"},
            names={"#item": "item"},
            forward=False,
            page_size=limit + 1,
        )
        found = (adapter(Notice).validate_python(item) for item in items if item["item"] != before)
        return list(islice(found, limit))

    def count_act(self, account_id: str) -> None:
        """Count an act that has something sent: ACTS_A_DAY on a day in UTC, then RateLimitExceeded (429)."""
        if not _counted(self._dynamo, self._table, account_id, "acts", 1, ACTS_A_DAY):
            raise _too_many(f"An account sends {ACTS_A_DAY} test messages and repetitions a day.", ACTS_A_DAY)

    def may_mail(self, account_id: str, recipient: str, kind: str) -> bool:
        """Count a mail of a kind to an address: whether it is one of MAILS_A_DAY of this day in UTC."""
        return _counted(self._dynamo, self._table, account_id, f"mails#{kind}#{digest(recipient)}", 1, MAILS_A_DAY)


def day_ends_at() -> int:
    """When the day in UTC ends, in Unix seconds."""
    return (clock.seconds() // _DAY_SECONDS + 1) * _DAY_SECONDS


def _counted(dynamo: Dynamo, table: str, account_id: str, name: str, number: int, most: int) -> bool:
    """Count so many more on this day, all or none; whether there was room for them."""
    write = Write(
        table,
        key(account_id, f"{name}#{clock.day()}"),
        update="ADD acts :number SET expires_at = :expires",
        condition="attribute_not_exists(acts) OR acts <= :room",
        values={":number": number, ":room": most - number, ":expires": day_ends_at() + _DAY_SECONDS},
    )
    try:
        dynamo.update(write)
    except ConditionFailed:
        return False
    return True


def _too_many(why: str, most: int) -> RateLimitExceeded:
    wait = max(1, day_ends_at() - clock.seconds())
    return RateLimitExceeded(
        f"{why} Try again in {wait} s.",
        {"limit": most, "remaining": 0, "reset_at": clock.iso(day_ends_at()), "retry_after_seconds": wait},
        {"retry-after": str(wait)},
    )


def _item_of(notice: Notice) -> Item:
    item: Item = {
        **key(notice.account_id, notice.item),
        **present(asdict(notice)),
        "expires_at": notice.created_at + KEPT_SECONDS,
    }
    if notice.agenda_at is not None:
        item["agenda"] = shard_of(NOTICE_AGENDA, notice.account_id)
    return item
