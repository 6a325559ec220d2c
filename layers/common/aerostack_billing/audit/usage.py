"""The audit of usage: each counter holds its own ceiling, which is its account's, and what takes places is there."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.audit.wallets import Violation
from aerostack_billing.plans.catalog import Catalog
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Dynamo, Item, Page, Segment
from aerostack_billing.platform.retry import attempts
from aerostack_billing.usage.counters import CountersItem, read_counters
from aerostack_billing.usage.places import PlaceStore
from aerostack_billing.usage.store import RESOURCES_ITEM, STORAGE_ITEM, UsageStore, is_month, limits_of, tier_of

See = Callable[[str, str, CountersItem], None]
"""Is shown an account, the name of an item of its counters, and the item."""

_COUNTERS = "attribute_type(#tier, :text)"
_LOOKS = 20
_LONGEST_WAIT_SECONDS = 0.02
"""What two items say of one another is looked at again while it does not agree: it may be changing at this moment."""


def look_on(_owner: str, _name: str, _sheet: CountersItem) -> None:
    """Do nothing with what is shown."""


class UsageAudit:
    """Audits counters in the store. Its one write moves items that carry an older release's limits to this one's."""

    def __init__(
        self,
        dynamo: Dynamo,
        table: str,
        usage: UsageStore,
        places: PlaceStore,
        accounts: AccountStore,
        catalog: Catalog,
    ) -> None:
        self._dynamo = dynamo
        self._table = table
        self._usage = usage
        self._places = places
        self._accounts = accounts
        self._catalog = catalog

    def run(self, account_id: str | None, see: See = look_on) -> tuple[int, list[Violation]]:
        """How many counters one account has, or all of them, and what is wrong with them; `see` is shown each item."""
        looked, found = 0, list[Violation]()
        for item in self._items(account_id):
            counters, wrong = self.look(item, see)
            looked += counters
            found += wrong
        return looked, found

    def items(self) -> Iterator[Item]:
        """Every item that holds counters, in the table's own order, page by page as they are taken."""
        return self._dynamo.scan(self._table, _COUNTERS, {":text": "S"}, names={"#tier": "tier"})

    def segment(self, segment: Segment, after: Item | None, *, counting: bool) -> Iterator[Page]:
        """The items of a segment that hold counters, behind that key; `counting`: those only that still count.

        Those are the gauges, and those of this month and of the last, whose thresholds may be left to tell.
        """
        condition, names, values = _COUNTERS, {"#tier": "tier"}, {":text": "S"}
        if counting:
            current = clock.period()
            periods = (current, clock.period_of(clock.start_of(current) - 1), STORAGE_ITEM, RESOURCES_ITEM)
            values |= {f":p{number}": period for number, period in enumerate(periods)}
            condition, names["#period"] = f"{condition} AND #period IN (:p0, :p1, :p2, :p3)", "period"
        return self._dynamo.scan_segment(self._table, segment, condition, values, names=names, after=after)

    def glance(self, item: Item, see: See = look_on) -> tuple[int, list[Violation]]:
        """As `look`, but only what the item itself says, which asks for no other. One of older limits gets a `look`."""
        owner, name, counters_item = str(item["account_id"]), str(item["period"]), read_counters(item)
        if counters_item.limits_version < self._catalog.data.limits_version:
            return self.look(item, see)
        see(owner, name, counters_item)
        return len(counters_item.counters), list(self._ceilings(owner, name, counters_item))

    def look(self, item: Item, see: See = look_on) -> tuple[int, list[Violation]]:
        """How many counters one item holds, and what is wrong with them; `see` is shown the item."""
        owner, name, counters_item = str(item["account_id"]), str(item["period"]), read_counters(item)
        found = list[Violation]()
        if not is_month(name) or name >= clock.period():
            counters_item = self._brought_up_to_date(owner, name, counters_item)
        see(owner, name, counters_item)
        found += self._ceilings(owner, name, counters_item)
        if not is_month(name) or name >= clock.period():
            found += self._tier(owner, name, counters_item)
        if name == RESOURCES_ITEM:
            found += self._taken(owner)
        return len(counters_item.counters), found

    def _brought_up_to_date(self, owner: str, name: str, counters_item: CountersItem) -> CountersItem:
        """The item with this release's limits: those that no write has touched since the release are moved here."""
        if counters_item.limits_version >= self._catalog.data.limits_version:
            return counters_item
        self._usage.open(self._accounts.get(owner), name, counters_item)
        return self._usage.read(owner, [name], consistent=True).get(name, counters_item)

    def _items(self, account_id: str | None) -> Iterator[Item]:
        """Every item that holds counters; for all accounts this reads the whole table."""
        if account_id is None:
            return self.items()
        own = self._dynamo.query(self._table, "account_id = :account", {":account": account_id})
        return (item for item in own if "tier" in item)

    def _ceilings(self, owner: str, name: str, counters_item: CountersItem) -> Iterator[Violation]:
        if counters_item.limits_version < self._catalog.data.limits_version:
            # A month that is over keeps the limits it ended with: no write will touch it.
            return
        limits = limits_of(self._catalog.plan(counters_item.tier), name)
        for metric, counter in counters_item.counters.items():
            # A name that the catalog has no more has no limit to hold it against.
            if metric in limits and counter.used + counter.room != limits[metric].ceiling:
                violated = f"used and room of {metric} in {name} are the hard limit"
                yield Violation(owner, violated, limits[metric].ceiling, counter.used + counter.room)
            if counter.used < 0:
                yield Violation(owner, f"used of {metric} in {name} is not below zero", 0, counter.used)

    def _tier(self, owner: str, name: str, counters_item: CountersItem) -> Iterator[Violation]:
        tier = tier_of(self._accounts.get(owner).plan, name)
        for _ in attempts(_LOOKS, longest_wait_seconds=_LONGEST_WAIT_SECONDS):
            if counters_item.tier == tier:
                return
            counters_item = self._usage.counters_item(owner, name)
            tier = tier_of(self._accounts.get(owner).plan, name)
        yield Violation(owner, f"the counters of {name} carry the account's plan", tier, counters_item.tier)

    def _taken(self, owner: str) -> Iterator[Violation]:
        there, counted = Tally[str](), dict[str, int]()
        for _ in attempts(_LOOKS, longest_wait_seconds=_LONGEST_WAIT_SECONDS):
            counted = {
                kind: counter.used
                for kind, counter in self._usage.counters_item(owner, RESOURCES_ITEM).counters.items()
            }
            there = Tally(place.kind for place in self._places.all(owner))
            if all(counted.get(kind, 0) == there[kind] for kind in {*counted, *there}):
                return
        for kind in sorted({*counted, *there}):
            if counted.get(kind, 0) != there[kind]:
                yield Violation(owner, f"places of {kind} are what takes them", there[kind], counted.get(kind, 0))
