"""Once a day: what an account that asks for it should hear of before it happens. See decision 0046."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from aerostack_billing.accounts.domain_events import card_event
from aerostack_billing.accounts.paperwork import EXPIRES_SOON_SECONDS, ends
from aerostack_billing.notifications.events import AHEAD
from aerostack_billing.notifications.outlook_store import OutlookStore, Told
from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.payments.papers import PaymentMethod
from aerostack_billing.plans.models import Tier
from aerostack_billing.platform import clock
from aerostack_billing.usage.domain_events import forecast_event
from aerostack_billing.usage.models import Outlook
from aerostack_billing.values.errors import PaymentsFailed, PaymentsUnavailable

DAY_SECONDS: Final = 86_400
ASK_AGAIN_SECONDS: Final = 30 * DAY_SECONDS
"""Stripe is asked for an account's card so seldom: as long as a card is told to end soon, so that none ends unseen."""


class Forecasts(Protocol):
    """Where a month's usage leads."""

    def of(self, account_id: str) -> tuple[Tier, list[Outlook]]:
        """The tier whose limits hold, and this month's quotas by what they come to."""


class Cards(Protocol):
    """What an account pays with."""

    def kept(self, account_id: str) -> PaymentMethod | None:
        """The payment method that is kept; None where none is. PaymentsUnavailable, PaymentsFailed."""


@dataclass
class Looked:
    """What one run did: accounts looked at, events stored, and accounts whose card Stripe did not tell."""

    accounts: int = 0
    told: int = 0
    unanswered: int = 0


class LookAhead:
    """Finds the accounts that are due, and stores the events that they are to hear of."""

    def __init__(self, store: OutlookStore, forecasts: Forecasts, cards: Cards) -> None:
        self._store = store
        self._forecasts = forecasts
        self._cards = cards

    def run(self, may_go_on: Callable[[], bool] = lambda: True) -> Looked:
        """Look ahead for every account that is due. Safe to run twice at once, and to stop anywhere.

        An account's next look is put off before this one, so that one that fails costs the others nothing, and itself a
        day. What is told, and that it was told, are one transaction.
        """
        looked = Looked()
        for account_id, due_at in self._store.due():
            if not may_go_on():
                break
            if self._store.claim(account_id, due_at, DAY_SECONDS):
                looked.accounts += 1
                self._look(account_id, looked)
        return looked

    def _look(self, account_id: str, looked: Looked) -> None:
        settings, read = self._store.look(account_id)
        wanted = AHEAD & frozenset(settings.events)
        if not wanted:
            self._store.write(read, replace(read, agenda_at=None), [])
            return
        after, events = read, list[DomainEvent]()
        if "usage.forecast" in wanted:
            after, events = self._foreseen(after)
        if "card.expiring" in wanted and after.ask_card_at <= clock.seconds():
            try:
                after, ending = self._card(after)
            except (PaymentsFailed, PaymentsUnavailable):
                looked.unanswered += 1
            else:
                events = [*events, *ending]
        if after != read and self._store.write(read, after, events):
            looked.told += len(events)

    def _foreseen(self, told: Told) -> tuple[Told, list[DomainEvent]]:
        """The events of the metrics that reach their limit this month at their pace, each once a month."""
        period = clock.period()
        before = told.of(period)
        tier, outlooks = self._forecasts.of(told.account_id)
        found = {
            outlook.figures.name: event
            for outlook in outlooks
            if outlook.figures.name not in before and (event := forecast_event(told.account_id, tier, outlook))
        }
        if not found:
            return told, []
        return replace(told, period=period, metrics=tuple(sorted(before | found.keys()))), list(found.values())

    def _card(self, told: Told) -> tuple[Told, list[DomainEvent]]:
        """The event of a card that ends soon, once for each card, and when to ask again.

        Asked when there is something to tell, so that a card that was replaced meanwhile is not told of.
        """
        now = clock.seconds()
        method = self._cards.kept(told.account_id)
        ends_at = ends(method) if method is not None else None
        if method is None or ends_at is None:
            return replace(told, ask_card_at=now + ASK_AGAIN_SECONDS), []
        soon_at = ends_at - EXPIRES_SOON_SECONDS
        if soon_at > now:
            return replace(told, ask_card_at=min(soon_at, now + ASK_AGAIN_SECONDS)), []
        card = method.identity
        event = card_event(told.account_id, method, ends_at) if card != told.card else None
        return replace(told, card=card, ask_card_at=now + ASK_AGAIN_SECONDS), [event] if event else []
