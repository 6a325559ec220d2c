"""The reconciler: finds what no webhook delivered, takes it through the same code, and reports the drift.

It goes through Stripe's events and payments in windows of time, oldest first, and keeps how far it came. What it hands
on is deduped like any delivery, so that it may overlap itself, run twice at once, and stop anywhere.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from pydantic import ValidationError

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.accounts.sync import PlanSync
from aerostack_billing.payments.cards import Payment
from aerostack_billing.payments.history import History
from aerostack_billing.payments.wire import Unreadable
from aerostack_billing.platform import clock
from aerostack_billing.reconcile.store import ProgressStore
from aerostack_billing.values.errors import BillingError
from aerostack_billing.wallet.settlement import Settlement
from aerostack_billing.wallet.store import WalletStore
from aerostack_billing.webhooks.models import Event, Outcome
from aerostack_billing.webhooks.service import Webhooks

_WINDOW_SECONDS = 6 * 3_600
_WINDOWS = 4
"""A run that is far behind takes longer windows rather than more of them."""
_OVERLAP_SECONDS = 3_600
"""Looked through again each time: an event may be listed a moment after it was made."""
_ON_ITS_WAY_SECONDS = 300
"""A delivery younger than this may still be on its way: it is taken in, but it is no drift."""
_REVIEWS = 1_000
"""Accounts looked at in one run; those that are left are the first of the next."""
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
    ) -> None:
        self._progress = progress
        self._history = history
        self._webhooks = webhooks
        self._settlement = settlement
        self._wallets = wallets
        self._accounts = accounts
        self._sync = sync
        self._listener = listener

    def run(self, may_go_on: Callable[[], bool] = lambda: True) -> Reconciled:
        """Look through all that is new. A window in which something failed is looked through again next time.

        The windows after it are looked through all the same: what can never be taken in must not hide what can.
        """
        done = Reconciled()
        self._review(done)
        since, now, through = self._span()
        length = max(_WINDOW_SECONDS, -(-(now - since) // _WINDOWS))
        while since < now and may_go_on():
            until = min(now, since + length)
            self._window(since, until, done)
            if not done.failed:
                self._progress.advance(until)
                done.through, through = clock.iso(until), max(through, until)
            since = until
        self._listener.reconciled(max(0, now - through))
        return done

    def _review(self, done: Reconciled) -> None:
        """Look at the accounts whose plan time alone changes, or beside whose plan something is still to be undone."""
        for account_id in islice(self._accounts.due_for_review(), _REVIEWS):
            done.reviewed += 1
            # One that fails stays on the agenda: it does not keep the events from being looked through.
            self._guarded(account_id, functools.partial(self._sync.make_true, account_id))

    def preview(self) -> Reconciled:
        """What a run would find missing now, reported as a run does; nothing is taken in."""
        found = Reconciled()
        since, now, _ = self._span()
        for raw in self._history.events(since, now):
            found.events += 1
            with contextlib.suppress(ValidationError):
                event = Event.model_validate(raw)
                if self._webhooks.awaits(event):
                    found.missed.append(event.id)
        for intent, listed in self._history.payments(since, now):
            found.payments += 1
            if not self._guarded(intent, functools.partial(self._preview, intent, listed, found)):
                found.failed.append(intent)
        return found

    def _preview(self, payment_intent_id: str, listed: Callable[[], Payment], found: Reconciled) -> None:
        ours = self._settlement.look(payment_intent_id) if listed().status == "succeeded" else None
        if ours is not None and self._wallets.deposit(ours.account_id, payment_intent_id) is None:
            found.uncredited.append(payment_intent_id)

    def _span(self) -> tuple[int, int, int]:
        """From when, and up to when, there is something to look through, and up to when all was."""
        now = clock.seconds() + 1
        through = self._progress.through()
        if through is None:
            return now - _FIRST_LOOK_SECONDS, now, now - _FIRST_LOOK_SECONDS
        return through - _OVERLAP_SECONDS, now, through

    def _window(self, since: int, until: int, done: Reconciled) -> None:
        looks: list[tuple[str, Callable[[], object]]] = []
        for raw in self._history.events(since, until):
            done.events += 1
            looks.append((str(raw.get("id")), functools.partial(self._event, raw, done)))
        for intent, payment in self._history.payments(since, until):
            done.payments += 1
            looks.append((intent, functools.partial(self._payment, intent, payment, done)))
        done.failed += [name for name, look in looks if not self._guarded(name, look)]

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

    def _event(self, raw: dict[str, object], done: Reconciled) -> None:
        event = self._webhooks.read(raw)
        if isinstance(event, Outcome):
            # One that cannot be read was reported when it was recorded.
            return
        outcome = self._webhooks.process(event)
        late = event.created <= clock.seconds() - _ON_ITS_WAY_SECONDS
        if late and outcome.result in {"processed", "dead"}:
            done.missed.append(event.id)
            self._listener.drift_found("event", event.id)

    def _payment(self, payment_intent_id: str, listed: Callable[[], Payment], done: Reconciled) -> None:
        payment = listed()
        if payment.status != "succeeded" or payment.account_id is None:
            return
        if self._wallets.deposit(payment.account_id, payment_intent_id) is not None:
            return
        if self._settlement.settle(payment_intent_id) is not None:
            done.uncredited.append(payment_intent_id)
            self._listener.drift_found("payment", payment_intent_id)
