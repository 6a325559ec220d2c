"""The reconciler: finds what no webhook delivered, takes it through the same code, and reports the drift.

It goes through Stripe's events and payments in windows of time, oldest first, and through each window by pages of a
hundred, newest first: an event only says where to look, so their order does not matter. It keeps how far it came after
each page, holds one page in memory, and asks the store once a page for what is known. What it hands on is deduped like
any delivery, so that it may overlap itself, run twice at once, and stop anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Protocol

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.accounts.sync import PlanSync
from aerostack_billing.payments.cards import Payment
from aerostack_billing.payments.history import MOST_TYPES, History, ListedPayment, pages
from aerostack_billing.payments.wire import Unreadable
from aerostack_billing.platform import clock
from aerostack_billing.reconcile.connected import ConnectedAccounts
from aerostack_billing.reconcile.store import Progress, ProgressStore, Window
from aerostack_billing.values.errors import BillingError, PaymentsRefused
from aerostack_billing.wallet.settlement import Settlement
from aerostack_billing.wallet.store import WalletStore
from aerostack_billing.webhooks.handlers import ACCOUNT_TYPES
from aerostack_billing.webhooks.models import Outcome
from aerostack_billing.webhooks.service import Webhooks

LISTS = [ACCOUNT_TYPES[first : first + MOST_TYPES] for first in range(0, len(ACCOUNT_TYPES), MOST_TYPES)]
"""What is listed of our own account; what happens in connected ones is not among it (`connected`).

A renewal makes three events of these types, and seven that concern nobody here.
"""
_WINDOW_SECONDS = 6 * 3_600
_WINDOWS = 4
"""A run that is far behind takes longer windows rather than more of them."""
_OVERLAP_SECONDS = 3_600
"""Looked through again each time: an event may be listed a moment after it was made."""
_ON_ITS_WAY_SECONDS = 300
"""A delivery younger than this may still be on its way: it is taken in, but it is no drift."""
_REVIEWS = 1_000
"""Accounts looked at in one run; those that are left are the first of the next."""
_FAILED_LOOKS = 3
"""Connected accounts that fail in one run: more of them is Stripe failing, and each would take its time."""
_FIRST_LOOK_SECONDS = 3 * 86_400
"""How far back the very first run goes: as long as Stripe itself goes on delivering."""


class ReconcileListener(Protocol):
    """Whoever is to know that something was missed, or cannot be taken in."""

    def drift_found(self, kind: str, name: str) -> None:
        """Called for an event that had not arrived, and for a payment that was not credited."""

    def reconcile_failed(self, name: str, error: BillingError) -> None:
        """Called for an event or a payment that could not be taken in: each run tries it again, also for ever."""

    def payment_unreadable(self, name: str) -> None:
        """Called for a payment, or an event about one, of a form that is not known: trying again brings nothing."""

    def reconciled(self, behind_seconds: int) -> None:
        """Called once a run: for how long, at most, something has been left undone; 0 where nothing is."""


@dataclass
class Reconciled:
    """What one run looked through, and what it had to mend."""

    events: int = 0
    payments: int = 0
    reviewed: int = 0
    looked_at: int = 0
    missed: list[str] = field(default_factory=list)
    uncredited: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    through: str | None = None


class Reconciler:
    """Looks through what happened at Stripe."""

    def __init__(
        self,
        progress: ProgressStore,
        history: History,
        webhooks: Webhooks,
        settlement: Settlement,
        wallets: WalletStore,
        accounts: AccountStore,
        sync: PlanSync,
        listener: ReconcileListener,
        *,
        connected: ConnectedAccounts,
    ) -> None:
        self._progress = progress
        self._history = history
        self._webhooks = webhooks
        self._settlement = settlement
        self._wallets = wallets
        self._accounts = accounts
        self._sync = sync
        self._connected = connected
        self._listener = listener

    def run(self, may_go_on: Callable[[], bool] = lambda: True) -> Reconciled:
        """Look through all that is new. A window in which something failed is looked through again next time.

        The windows after it are looked through all the same: what can never be taken in must not hide what can.
        `may_go_on` is asked before each page; the next run goes on where this one ends.
        """
        done = Reconciled()
        self._review(done)
        progress, now = self._progress.read(), clock.seconds() + 1
        through = now - _FIRST_LOOK_SECONDS if progress.through is None else progress.through
        for window in self._windows(progress, now):
            ended = self._look_through(window, done, may_go_on) if may_go_on() else None
            if ended is None:
                break
            if not ended.failed and ended.since <= through:
                self._progress.advance(ended.until)
                done.through, through = clock.iso(ended.until), max(through, ended.until)
            elif progress.window is not None or ended.failed:
                self._progress.keep(None)
        self._look_at_accounts(done, may_go_on)
        self._listener.reconciled(max(0, now - through))
        return done

    def _windows(self, progress: Progress, now: int) -> Iterator[Window]:
        """What is to be looked through now: first the window in which the last run was cut off, if one was."""
        since = self._begin(progress, now)
        if progress.window is not None:
            yield progress.window
            since = progress.window.until
        length = max(_WINDOW_SECONDS, -(-(now - since) // _WINDOWS))
        while since < now:
            until = min(now, since + length)
            yield Window(since, until)
            since = until

    def _begin(self, progress: Progress, now: int) -> int:
        if progress.through is None:
            return now - _FIRST_LOOK_SECONDS
        return progress.through - _OVERLAP_SECONDS

    def _look_through(self, window: Window, done: Reconciled, may_go_on: Callable[[], bool]) -> Window | None:
        """Look through the window, and keep how far after each page; None if there is no time for the next one."""
        while True:
            after, failed = self._page_of(window, done)
            done.failed += failed
            window = replace(window, after=after, failed=window.failed or bool(failed))
            if after is None:
                if window.listing == "payments":
                    return window
                further = window.types + 1
                window = replace(window, types=further) if further < len(LISTS) else replace(window, listing="payments")
            if not (going_on := may_go_on()) or after is not None:
                self._progress.keep(window)
            if not going_on:
                return None

    def _page_of(self, window: Window, done: Reconciled) -> tuple[str | None, list[str]]:
        """Look through one page: where the next one begins, and what could not be taken in."""
        look = self._events_page if window.listing == "events" else self._payments_page
        try:
            return look(window, done)
        except PaymentsRefused:
            if window.after is None:
                raise
        # Stripe lists the id after which to go on no more: the list is read from its beginning.
        return look(replace(window, after=None), done)

    def _events_page(self, window: Window, done: Reconciled) -> tuple[str | None, list[str]]:
        page = self._history.events(window.since, window.until, window.after, LISTS[window.types])
        done.events += len(page.items)
        awaited = self._webhooks.awaited(page.items)
        return page.after, [str(raw["id"]) for raw in awaited if not self._event_guarded(raw, done)]

    def _payments_page(self, window: Window, done: Reconciled) -> tuple[str | None, list[str]]:
        page = self._history.payments(window.since, window.until, window.after)
        done.payments += len(page.items)
        uncredited, failed = self._uncredited(page.items)
        failed += [intent for intent in uncredited if not self._guarded(intent, partial(self._settle, intent, done))]
        return page.after, failed

    def _uncredited(self, listed: Sequence[ListedPayment]) -> tuple[list[str], list[str]]:
        """Which payments succeeded for an account, and are no deposit of it; and which could not be read."""
        succeeded: dict[str, str] = {}

        def look(intent: str, read: Callable[[], Payment]) -> None:
            payment = read()
            if payment.status == "succeeded" and payment.account_id is not None:
                succeeded[intent] = payment.account_id

        failed = [intent for intent, read in listed if not self._guarded(intent, partial(look, intent, read))]
        credited = self._wallets.credited(succeeded)
        return [intent for intent in succeeded if intent not in credited], failed

    def _review(self, done: Reconciled) -> None:
        """Look at the accounts whose plan time alone changes, or beside whose plan something is still to be undone."""
        for account_id in islice(self._accounts.due_for_review(), _REVIEWS):
            done.reviewed += 1
            # One that fails stays on the agenda: it does not keep the events from being looked through.
            self._guarded(account_id, partial(self._sync.make_true, account_id))

    def _look_at_accounts(self, done: Reconciled, may_go_on: Callable[[], bool]) -> None:
        """Look at the connected accounts whose turn it is, in the time that our own account's events leave."""
        failed = 0

        def found(account_id: str) -> None:
            done.missed.append(account_id)
            self._listener.drift_found("account", account_id)

        for account_id in self._connected.due():
            if failed == _FAILED_LOOKS or not may_go_on():
                return
            done.looked_at += 1
            look = partial(self._connected.look, account_id, partial(self._taken_in, done=done), found)
            if not self._guarded(account_id, look):
                done.failed.append(account_id)
                failed += 1

    def _taken_in(self, events: Sequence[Mapping[str, object]], done: Reconciled) -> bool:
        """Take in what never came of a page of events; whether all of that is taken in."""
        done.events += len(events)
        failed = [raw for raw in self._webhooks.awaited(events) if not self._event_guarded(raw, done)]
        done.failed += [str(raw["id"]) for raw in failed]
        return not failed

    def _event_guarded(self, raw: Mapping[str, object], done: Reconciled) -> bool:
        return self._guarded(str(raw["id"]), partial(self._event, raw, done))

    def preview(self) -> Reconciled:
        """What a run would find missing now, reported as a run does; nothing is taken in."""
        found, now = Reconciled(), clock.seconds() + 1
        since = self._begin(self._progress.read(), now)
        for types in LISTS:
            for events in pages(partial(self._history.events, since, now, types=types)):
                found.events += len(events.items)
                found.missed += [str(raw["id"]) for raw in self._webhooks.awaited(events.items)]
        for account_id in self._connected.due():
            self._guarded(account_id, partial(self._preview_account, account_id, found))
        for payments in pages(partial(self._history.payments, since, now)):
            found.payments += len(payments.items)
            uncredited, failed = self._uncredited(payments.items)
            found.failed += failed
            for intent in uncredited:
                if not self._guarded(intent, partial(self._preview, intent, found)):
                    found.failed.append(intent)
        return found

    def _preview_account(self, account_id: str, found: Reconciled) -> None:
        watched = self._connected.watched(account_id)
        found.looked_at += 1
        for events in self._connected.events(watched) if watched is not None else ():
            found.events += len(events)
            found.missed += [str(raw["id"]) for raw in self._webhooks.awaited(events)]

    def _preview(self, payment_intent_id: str, found: Reconciled) -> None:
        if self._settlement.look(payment_intent_id) is not None:
            found.uncredited.append(payment_intent_id)

    def _guarded(self, name: str, look: Callable[[], object]) -> bool:
        """Whether the look is done. One thing that fails keeps none of the others from being looked at.

        What cannot be read is done with once it is reported: waiting for it would hold the window for ever.
        """
        try:
            look()
        except Unreadable:
            self._listener.payment_unreadable(name)
        except BillingError as error:
            self._listener.reconcile_failed(name, error)
            return False
        return True

    def _event(self, raw: Mapping[str, object], done: Reconciled) -> None:
        event = self._webhooks.read(raw)
        if isinstance(event, Outcome):
            # One that cannot be read was reported when it was recorded.
            return
        outcome = self._webhooks.process(event)
        late = event.created <= clock.seconds() - _ON_ITS_WAY_SECONDS
        if late and outcome.result in {"processed", "dead"}:
            done.missed.append(event.id)
            self._listener.drift_found("event", event.id)

    def _settle(self, payment_intent_id: str, done: Reconciled) -> None:
        if self._settlement.settle(payment_intent_id) is not None:
            done.uncredited.append(payment_intent_id)
            self._listener.drift_found("payment", payment_intent_id)
