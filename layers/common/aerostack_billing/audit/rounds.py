"""The audit of a large stack: it goes on where the last run ended, until it was all around."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal, cast, get_args

from aerostack_billing.audit.money import MoneyAudit
from aerostack_billing.audit.service import Audit
from aerostack_billing.audit.usage import See, UsageAudit, look_on
from aerostack_billing.audit.wallets import Report
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Dynamo, Item, Write
from aerostack_billing.wallet.store import WalletStore

Stage = Literal["wallets", "creators", "counters"]
_STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
_PLACE: Final = "audit#place"
AT_ONCE: Final = 5_000
"""Wallets, and items of counters, that one run audits whole, what is pending for creators included."""
_STEP: Final = 50


@dataclass(frozen=True)
class Place:
    """How far a round came: behind which item of which table.

    `began_at`, and `ended_at` of the last round that came to its end: unix seconds; None before the first.
    """

    stage: Stage = "wallets"
    after: Item | None = None
    began_at: int | None = None
    ended_at: int | None = None

    @property
    def behind_seconds(self) -> int:
        """For how long no round has come to its end; before the first one did, since that one began."""
        since = self.began_at if self.ended_at is None else self.ended_at
        return 0 if since is None else max(0, clock.seconds() - since)


class Places:
    """Where the round stands: one item of the Events table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def read(self) -> Place:
        """Where the last run ended; the beginning before the first."""
        item = self._dynamo.get(self._table, {"event_id": _PLACE}) or {}
        if item.get("stage") not in _STAGES:
            return Place()
        began_at, ended_at = (cast("int | None", item.get(name)) for name in ("began_at", "ended_at"))
        return Place(cast("Stage", item["stage"]), cast("Item | None", item.get("after")), began_at, ended_at)

    def keep(self, place: Place) -> None:
        """Keep it; of two runs at once the last to write is gone on from, and no item is passed over by both."""
        when: Item = {"began_at": place.began_at, "ended_at": place.ended_at}
        item: Item = {"event_id": _PLACE, "stage": place.stage, "after": place.after, **when}
        self._dynamo.put(Write(self._table, {}, put=item))


class Rounds:
    """Audits as much as there is time for, in the tables' own order."""

    def __init__(
        self,
        audit: Audit,
        money: MoneyAudit,
        usage: UsageAudit,
        wallets: WalletStore,
        creators: CreatorStore,
        places: Places,
        at_once: int = AT_ONCE,
    ) -> None:
        self._audit = audit
        self._money = money
        self._usage = usage
        self._wallets = wallets
        self._creators = creators
        self._places = places
        self._at_once = at_once

    def go_on(self, may_go_on: Callable[[], bool], see: See = look_on) -> Report:
        """Audit all, or, of more than `at_once` wallets or counters, what comes next.

        `may_go_on` is asked before each item then. A run that breaks is gone on from where it last kept its place, at
        most fifty items before. What is pending for creators is compared only where one run sees all.
        """
        place = self._places.read()
        if place.stage == "wallets" and place.after is None and self._are_few():
            return self._ended(self._audit.run(None, see=see))
        place = replace(place, began_at=place.began_at or clock.seconds())
        report = Report(0, 0, ())
        for stage in _STAGES[_STAGES.index(place.stage) :]:
            place = place if place.stage == stage else replace(place, stage=stage, after=None)
            for number, (key, look) in enumerate(self._behind(place, see), 1):
                if not may_go_on():
                    self._places.keep(place)
                    return replace(report, whole=False, behind_seconds=place.behind_seconds)
                report = _added(report, look())
                place = replace(place, after=key)
                if number % _STEP == 0:
                    self._places.keep(place)
        return self._ended(report)

    def _ended(self, report: Report) -> Report:
        self._places.keep(Place(ended_at=clock.seconds()))
        return replace(report, behind_seconds=0)

    def _are_few(self) -> bool:
        some = self._at_once + 1
        wallets = sum(1 for _ in islice(self._wallets.accounts_behind(None), some))
        return wallets < some and sum(1 for _ in islice(self._usage.items_behind(None), some)) < some

    def _behind(self, place: Place, see: See) -> Iterator[tuple[Item, Callable[[], Report]]]:
        """The keys of what comes next of a stage, each with its audit."""
        after = place.after or {}
        if place.stage == "wallets":
            for account in self._wallets.accounts_behind(cast("str | None", after.get("account_id"))):
                yield {"account_id": account}, lambda account=account: self._money.wallet(account)  # type: ignore[misc]
        elif place.stage == "creators":
            for creator in self._creators.creators_behind(cast("str | None", after.get("creator_id"))):
                yield {"creator_id": creator}, lambda creator=creator: self._money.creator(creator)  # type: ignore[misc]
        else:
            for item in self._usage.items_behind(place.after):
                key: Item = {"account_id": item["account_id"], "period": item["period"]}
                yield key, lambda item=item: self._counters(item, see)  # type: ignore[misc]

    def _counters(self, item: Item, see: See) -> Report:
        counters, wrong = self._usage.look(item, see)
        return Report(0, 0, tuple(wrong), counters=counters)


def _added(one: Report, other: Report) -> Report:
    return Report(
        one.accounts + other.accounts,
        one.transfers + other.transfers,
        (*one.violations, *other.violations),
        (*one.busy, *other.busy),
        one.counters + other.counters,
    )
