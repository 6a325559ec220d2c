"""The audit of a stack of any size: what changed within a day, everything within a week, in as many runs as needed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from aerostack_billing.audit.money import MoneyAudit
from aerostack_billing.audit.places import KINDS, STAGES, Place, Places, Whole
from aerostack_billing.audit.service import Audit
from aerostack_billing.audit.usage import See, UsageAudit, look_on
from aerostack_billing.audit.wallets import Report, Violation
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Item, Page
from aerostack_billing.wallet.store import WalletStore

AT_ONCE: Final = 5_000
"""Wallets, and items of counters, that one run audits whole, what is pending for creators included."""
STEP: Final = 50
"""Items and pages, after which a run keeps its place."""
_FRUITLESS_STARTS: Final = 3
"""Runs in a row that ended without coming any further. The next says, before each item, at which one it is."""
_KEYS: Final = {
    "wallets": ("account_id", "item"),
    "creators": ("creator_id", "item"),
    "counters": ("account_id", "period"),
}


class Rounds:
    """Audits what is due, as much as there is time for. Any number of runs at once share it out among them."""

    def __init__(
        self,
        audit: Audit,
        money: MoneyAudit,
        usage: UsageAudit,
        wallets: WalletStore,
        creators: CreatorStore,
        places: Places,
        tell: Callable[[Violation], None],
        at_once: int = AT_ONCE,
    ) -> None:
        self._audit = audit
        self._money = money
        self._usage = usage
        self._wallets = wallets
        self._creators = creators
        self._places = places
        self._tell = tell
        self._at_once = at_once

    def one(self, account_id: str, see: See = look_on) -> Report:
        """Audit one account."""
        return self._told(self._audit.run(account_id, see=see))

    def go_on(self, may_go_on: Callable[[], bool], see: See = look_on, *, due_only: bool = False) -> Report:
        """Audit up to `at_once` wallets and items of counters whole; of more, the segments that are due.

        `due_only`: the whole too only if that is due. `may_go_on` is asked before each item of a segment. What is wrong
        is told as it is found, before the place behind it is kept: a run that ends at any point loses none of it. What
        is pending for creators is compared only where one run sees all.
        """
        whole = self._places.whole()
        if whole.is_due or not due_only:
            whole = replace(whole, begun_at=clock.seconds())
            if not whole.is_too_much and self._are_few():
                return self._all(whole, see)
            whole = replace(whole, large_since=whole.large_since or clock.seconds(), trying_since=None)
            self._places.keep_whole(whole)
        if whole.large_since is None:
            behind = whole.behind_seconds
            return Report(0, 0, (), behind_seconds=behind, changed_behind_seconds=behind)
        return self._segments(whole, may_go_on, see)

    def _all(self, whole: Whole, see: See) -> Report:
        self._places.keep_whole(replace(whole, trying_since=whole.begun_at))
        report = self._told(self._audit.run(None, see=see))
        self._places.keep_whole(Whole(whole.begun_at, covered=whole.begun_at))
        return replace(report, behind_seconds=0, changed_behind_seconds=0)

    def _segments(self, whole: Whole, may_go_on: Callable[[], bool], see: See) -> Report:
        report, places = Report(0, 0, ()), self._places.all()
        while may_go_on() and (place := _next(places)) is not None:
            for looked in self._pass(place, whole, may_go_on, see):
                report = _added(report, looked)
            places = self._places.all()
        behind = {kind: max(p.behind_seconds(whole) for p in places if p.kind == kind) for kind in KINDS}
        return replace(
            report,
            whole=not any(place.is_due for place in places),
            behind_seconds=behind["all"],
            changed_behind_seconds=behind["changed"],
        )

    def _pass(self, place: Place, whole: Whole, may_go_on: Callable[[], bool], see: See) -> Iterator[Report]:
        """Go on with a pass, or begin one: what each look found, until it comes to its end or there is no time."""
        ended_at, now = place.looking, clock.seconds()
        place = replace(place, began_at=place.began_at or now, kept_at=now, starts=place.starts + 1, looking=None)
        if ended_at is not None:
            yield self._told(_endless(place, ended_at))
            place = replace(place, after=ended_at, starts=0)
        self._places.keep(place)
        carefully, since_kept = place.starts > _FRUITLESS_STARTS, 0

        for stage in STAGES[STAGES.index(place.stage) :]:
            place = place if place.stage == stage else replace(place, stage=stage, after=None)
            for page in self._pages(place, whole):
                for item in page.items:
                    key: Item = {name: item[name] for name in _KEYS[stage]}
                    if not may_go_on():
                        self._places.keep(replace(place, kept_at=None, starts=0, looking=None))
                        return
                    if carefully:
                        self._places.keep(replace(place, kept_at=clock.seconds(), looking=key))
                    yield self._told(self._look(place, item, see))
                    place, since_kept = replace(place, after=key), since_kept + 1
                    if since_kept >= STEP:
                        place, since_kept = self._kept(place), 0
                if page.last is not None:
                    place, since_kept = replace(place, after=page.last), since_kept + 1
                    if since_kept >= STEP:
                        place, since_kept = self._kept(place), 0
        self._places.keep(Place(place.kind, place.number, covered=place.began_at))

    def _kept(self, place: Place) -> Place:
        place = replace(place, kept_at=clock.seconds(), starts=0)
        self._places.keep(place)
        return place

    def _pages(self, place: Place, whole: Whole) -> Iterator[Page]:
        """What the pass has before it in this stage."""
        since = place.since(whole)
        if place.stage == "wallets":
            return self._wallets.segment(place.segment, place.after, since)
        if place.stage == "creators":
            return self._creators.segment(place.segment, place.after, since)
        return self._usage.segment(place.segment, place.after, counting=place.kind == "changed")

    def _look(self, place: Place, item: Item, see: See) -> Report:
        if place.stage == "wallets":
            return self._money.wallet(str(item["account_id"]))
        if place.stage == "creators":
            return self._money.creator(str(item["creator_id"]))
        look = self._usage.glance if place.kind == "changed" else self._usage.look
        counters, wrong = look(item, see)
        return Report(0, 0, tuple(wrong), counters=counters)

    def _told(self, report: Report) -> Report:
        for violation in report.violations:
            self._tell(violation)
        return report

    def _are_few(self) -> bool:
        some = self._at_once + 1
        wallets = sum(1 for _ in islice(self._wallets.accounts(), some))
        return wallets < some and sum(1 for _ in islice(self._usage.items(), some)) < some


def _next(places: list[Place]) -> Place | None:
    """A place that is due and that no run is at, what changed before all; by chance, so that runs at once spread."""
    for kind in KINDS:
        free = [place for place in places if place.kind == kind and place.is_due and place.is_free]
        if free:
            return secrets.choice(free)
    return None


def _endless(place: Place, key: Item) -> Report:
    """What is told of an item at which every run ended: it is passed over, so that what is behind it is looked at."""
    owner = str(key.get("creator_id") or key.get("account_id"))
    return Report(
        0, 0, (Violation(owner, f"the audit of its {place.stage} comes to an end", expected=True, found=False),)
    )


def _added(one: Report, other: Report) -> Report:
    return Report(
        one.accounts + other.accounts,
        one.transfers + other.transfers,
        (*one.violations, *other.violations),
        (*one.busy, *other.busy),
        one.counters + other.counters,
    )
