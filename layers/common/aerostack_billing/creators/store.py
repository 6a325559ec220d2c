"""The Creators table: of a creator the item `creator`, its pending earnings by due day, and its payouts.

A popular creator's callers must not meet on one item. So a charge never touches the item `creator`: it adds to one of
64 counters of the earning's due day, picked by chance, and those are summed when they are looked at. A conflict of two
transactions on one counter is retried; the more callers, the more counters they spread over.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Final, cast

from aerostack_billing.creators.domain_events import creator_events
from aerostack_billing.creators.models import Creator, Earned, Payout
from aerostack_billing.ledger.ledger import Change, Ledger, if_as_read, present, written_now, written_since
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.payments.once import Intent
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, Page, Segment, Write
from aerostack_billing.values.fields import adapter

SHARDS: Final = 64
CREATOR: Final = "creator"
DUE_PREFIX: Final = "due#"
PAYOUT_PREFIX: Final = "payout#"
AGENDA_INDEX: Final = "agenda"
PAYOUT_AGENDA: Final = "payout"
LOOK_AGENDA: Final = "look"

_DUE_PAGE = 1_000
_CONNECTED = "connected#"
_FIRST_LOOK_SECONDS = 3_600
"""After a change: what it led to may be lost on its way."""
_PARTS: Final = ("amount", "granted", "fee_fraction")


@dataclass(frozen=True)
class Watched:
    """A connected account whose events are looked for, and its creator.

    `changed_at` is when its state changed last, `looked_at` up to when its events were looked through; unix seconds.
    """

    account_id: str
    owner: str
    changed_at: int
    looked_at: int


class CreatorStore:
    """Reads and conditional writes of creators, their pending earnings and payouts."""

    def __init__(self, dynamo: Dynamo, table: str, ledger: Ledger, outbox: Outbox) -> None:
        self._dynamo = dynamo
        self._table = table
        self.ledger = ledger
        self._outbox = outbox

    def get(self, creator_id: str) -> Creator:
        """The creator, consistently read; one never written has nothing."""
        item = self._dynamo.get(self._table, _key(creator_id, CREATOR))
        return adapter(Creator).validate_python(item) if item else Creator(creator_id)

    def apply(self, creator_id: str, rule: Callable[[Creator], Change[Creator]]) -> Change[Creator]:
        """Carry out what `rule` makes of the creator, as `Ledger.apply` promises, together with its domain events."""

        def telling(creator: Creator) -> Change[Creator]:
            change = rule(creator)
            events = map(self._outbox.adding, creator_events(creator, change))
            return replace(change, also=[*change.also, *events])

        return self.ledger.apply(f"creator:{creator_id}", lambda: self.get(creator_id), self._owned, telling)

    def _owned(self, read: Creator, after: Creator) -> list[Write]:
        return [self.writing(read, after)]

    def writing(self, read: Creator, after: Creator) -> Write:
        """The write of a creator as it will be, if it is as it was read; one that is new is known from now on."""
        if read.version == 0:
            after = replace(after, since=clock.seconds())
        item = written_now({**_key(after.creator_id, CREATOR), **present(asdict(after))})
        if after.visit_at is not None:
            item |= {"agenda": PAYOUT_AGENDA, "agenda_at": after.visit_at}
        condition, names, values = if_as_read(read)
        return Write(self._table, {}, put=item, condition=condition, names=names, values=values)

    def register(self, creator_id: str, visit_at: int) -> None:
        """Put a creator that is not known yet on the agenda of payouts; one that is stays as it is."""
        if self._dynamo.get(self._table, _key(creator_id, CREATOR), consistent=False) is not None:
            return
        new = Creator(creator_id)
        try:
            self._dynamo.put(self.writing(new, replace(new, version=1, visit_at=visit_at)))
        except ConditionFailed:
            return

    # Connected accounts: whose one is, also one that was replaced since

    def owner_of(self, connected_account_id: str) -> str | None:
        """The creator that recorded this connected account, also one that has another by now; consistently read."""
        item = self._dynamo.get(self._table, owner_key(connected_account_id))
        return str(item["owner"]) if item else None

    def owning(self, connected_account_id: str, creator_id: str) -> Write:
        """The write that keeps whose connected account this is, and that its state changed now: it is looked at soon.

        An account has one creator for ever.
        """
        now = clock.seconds()
        return Write(
            self._table,
            owner_key(connected_account_id),
            update="SET #owner = :owner, changed_at = :now, looked_at = if_not_exists(looked_at, :now), "
            "agenda = :agenda, agenda_at = :at",
            names={"#owner": "owner"},
            values={":owner": creator_id, ":now": now, ":agenda": LOOK_AGENDA, ":at": now + _FIRST_LOOK_SECONDS},
        )

    def to_look_at(self) -> Iterator[str]:
        """The connected accounts that are to be looked at now, those that waited longest first, page by page."""
        items = self._due_on(LOOK_AGENDA)
        return (str(item["creator_id"]).removeprefix(_CONNECTED) for item in items)

    def watched(self, connected_account_id: str) -> Watched | None:
        """What is known of a connected account and its looks; None where it is looked at no more."""
        item = self._dynamo.get(self._table, owner_key(connected_account_id))
        if item is None or "agenda_at" not in item:
            return None
        watched: Watched = adapter(Watched).validate_python({"account_id": connected_account_id, **item})
        return watched

    def look_again(self, watched: Watched, looked_at: int, at: int) -> None:
        """Plan an account's next look, and note up to when this one got; not if its state changed meanwhile."""
        self._dynamo.advance(
            Write(
                self._table,
                owner_key(watched.account_id),
                update="SET looked_at = :looked, agenda_at = :at",
                condition="changed_at = :changed AND attribute_exists(agenda)",
                values={":looked": looked_at, ":at": at, ":changed": watched.changed_at},
            )
        )

    def look_no_more(self, connected_account_id: str) -> None:
        """Take an account that is gone off the agenda; whose it was stays known."""
        self._dynamo.update(Write(self._table, owner_key(connected_account_id), update="REMOVE agenda, agenda_at"))

    # Pending earnings

    def earning(self, creator_id: str, due_day: str, earned: Earned) -> Write:
        """The write that adds to what falls due on a day, on a counter of its own chance."""
        shard = f"{DUE_PREFIX}{due_day}#{secrets.randbelow(SHARDS):02d}"
        adds = ", ".join(f"{name} :{name}" for name in _PARTS)
        values = {f":{name}": getattr(earned, name) for name in _PARTS}
        return Write(self._table, _key(creator_id, shard), update=f"ADD {adds}", values=values)

    def pending(self, creator_id: str) -> dict[str, Earned]:
        """What is pending by due day, soonest first."""
        days: dict[str, Earned] = {}
        for item, earned in self._counters(creator_id, f"{DUE_PREFIX}~"):
            day = item.split("#")[1]
            days[day] = days.get(day, Earned()) + earned
        return days

    def earnings(self, creator_id: str) -> tuple[Creator, dict[str, Earned]]:
        """The creator, and what is pending by due day: one request, since their items stand beside each other."""
        items = self._dynamo.query(
            self._table,
            "creator_id = :creator AND #item BETWEEN :first AND :last",
            {":creator": creator_id, ":first": CREATOR, ":last": f"{DUE_PREFIX}~"},
            names={"#item": "item"},
        )
        creator, days = Creator(creator_id), dict[str, Earned]()
        for item in items:
            name = str(item["item"])
            if name == CREATOR:
                creator = adapter(Creator).validate_python(item)
            elif name.startswith(DUE_PREFIX):
                day = name.split("#")[1]
                days[day] = days.get(day, Earned()) + _earned(item)
        return creator, days

    def due_counters(self, creator_id: str, day: str, limit: int) -> list[tuple[str, Earned]]:
        """Up to `limit` counters of days up to and including `day`."""
        return list(islice(self._counters(creator_id, f"{DUE_PREFIX}{day}#~"), limit))

    def _counters(self, creator_id: str, last: str) -> Iterator[tuple[str, Earned]]:
        items = self._dynamo.query(
            self._table,
            "creator_id = :creator AND #item BETWEEN :first AND :last",
            {":creator": creator_id, ":first": DUE_PREFIX, ":last": last},
            names={"#item": "item"},
        )
        return ((str(item["item"]), _earned(item)) for item in items)

    def taking(self, creator_id: str, counter: str, earned: Earned) -> Write:
        """The write that takes a counter away, if it is as it was read."""
        # A counter from before parts were told apart has the first alone.
        same = [f"({name} = :{name} OR :{name} = :none AND attribute_not_exists({name}))" for name in _PARTS]
        values = {":none": 0, **{f":{name}": getattr(earned, name) for name in _PARTS}}
        return Write(self._table, _key(creator_id, counter), delete=True, condition=" AND ".join(same), values=values)

    # Payouts

    def payout(self, creator_id: str, payout_id: str) -> Payout | None:
        """One payout."""
        item = self._dynamo.get(self._table, _key(creator_id, PAYOUT_PREFIX + payout_id))
        return adapter(Payout).validate_python(item) if item else None

    def payouts(self, creator_id: str, limit: int) -> list[Payout]:
        """The latest payouts, newest first."""
        items = self._dynamo.query(
            self._table,
            "creator_id = :creator AND begins_with(#item, :prefix)",
            {":creator": creator_id, ":prefix": PAYOUT_PREFIX},
            names={"#item": "item"},
            forward=False,
            page_size=limit,
        )
        return [adapter(Payout).validate_python(item) for item in islice(items, limit)]

    def paying(self, payout: Payout, read: Payout | None) -> Write:
        """The write of a payout, if it is as it was read; None read: if there is none."""
        item = {**_key(payout.creator_id, PAYOUT_PREFIX + payout.payout_id), **present(asdict(payout))}
        if read is None:
            return Write(self._table, {}, put=item, condition="attribute_not_exists(creator_id)")
        return Write(
            self._table,
            {},
            put=item,
            condition="#state = :state AND #reversed = :reversed",
            names={"#state": "state", "#reversed": "reversed"},
            values={":state": read.state, ":reversed": read.reversed},
        )

    def renew_transfer(self, payout: Payout, wanted: Intent) -> Intent:
        """Replace the intent of an open payout's transfer, if it is as read; the intent that is stored after it."""
        write = Write(
            self._table,
            _key(payout.creator_id, PAYOUT_PREFIX + payout.payout_id),
            update="SET renewed = :wanted",
            condition="#state = :pending AND "
            + ("attribute_not_exists(renewed)" if payout.renewed is None else "renewed = :read"),
            names={"#state": "state"},
            values={
                ":wanted": present(asdict(wanted)),
                ":pending": "pending",
                **({":read": present(asdict(payout.renewed))} if payout.renewed else {}),
            },
        )
        try:
            self._dynamo.update(write)
        except ConditionFailed:
            stored = self.payout(payout.creator_id, payout.payout_id)
            return stored.intent if stored is not None else payout.intent
        return wanted

    def due(self) -> Iterator[str]:
        """The creators that the payout sweep is to look at now, page by page."""
        return (str(item["creator_id"]) for item in self._due_on(PAYOUT_AGENDA))

    def _due_on(self, agenda: str) -> Iterator[Item]:
        return self._dynamo.query(
            self._table,
            "agenda = :agenda AND agenda_at <= :now",
            {":agenda": agenda, ":now": clock.seconds()},
            index=AGENDA_INDEX,
            page_size=_DUE_PAGE,
        )

    def all_creators(self) -> list[str]:
        """Every creator; reads the whole table, for the audit alone."""
        items = self._dynamo.scan(self._table, "#item = :creator", {":creator": CREATOR}, names={"#item": "item"})
        return sorted(str(item["creator_id"]) for item in items)

    def segment(self, segment: Segment, after: Item | None, since: int | None) -> Iterator[Page]:
        """The creators of a segment behind that key; with `since`, those that were written at or after it."""
        condition, values = written_since(since)
        condition, values = f"#item = :creator{condition}", {":creator": CREATOR, **values}
        return self._dynamo.scan_segment(self._table, segment, condition, values, names={"#item": "item"}, after=after)


def owner_key(connected_account_id: str) -> Item:
    """The key of the item that says whose connected account this is. No creator's id holds a `#`."""
    return _key(f"{_CONNECTED}{connected_account_id}", "owner")


def _earned(counter: Item) -> Earned:
    return Earned(**{name: cast("int", counter.get(name, 0)) for name in _PARTS})


def _key(creator_id: str, item: str) -> Item:
    return {"creator_id": creator_id, "item": item}
