"""Connected accounts, looked at one by one: Stripe lists what happens in one to who asks for that account alone.

How soon an account is looked at again follows from how long it has been as it is: an hour after a change, then after
as long again each time, a week at most. What a look costs is bounded by the accounts, not by what happens in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final

from aerostack_billing.creators.onboarding import CreatorAccounts
from aerostack_billing.creators.store import CreatorStore, Watched
from aerostack_billing.payments.history import History, pages
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import BillingError, ObjectMissing
from aerostack_billing.webhooks.handlers import CONNECT_TYPES

MOST_LOOKS: Final = 250
"""Accounts of one run, those that have waited longest: a run is every quarter of an hour, so 24,000 a day."""
SOONEST_SECONDS: Final = 3_600
LATEST_SECONDS: Final = 7 * 86_400
_OVERLAP_SECONDS: Final = 3_600
"""Looked through again each time: an event may be listed a moment after it was made."""
_LISTED_SECONDS: Final = 29 * 86_400
"""Stripe lists the events of thirty days; of an account that waited for longer the state is read too."""

Take = Callable[[Sequence[Mapping[str, object]]], bool]
"""Takes in what is new of a page of events; whether all of it is taken in."""
Found = Callable[[str], None]
"""Told of an account whose state no event had brought."""


class ConnectedAccounts:
    """Looks at the accounts of creators."""

    def __init__(self, creators: CreatorStore, accounts: CreatorAccounts, history: History) -> None:
        self._creators = creators
        self._accounts = accounts
        self._history = history

    def due(self) -> Iterator[str]:
        """The accounts to look at now, those that waited longest first."""
        return islice(self._creators.to_look_at(), MOST_LOOKS)

    def events(self, watched: Watched) -> Iterator[Sequence[Mapping[str, object]]]:
        """What happened in an account since the last look, by pages. ObjectMissing for one that we may not reach."""
        since = max(watched.looked_at - _OVERLAP_SECONDS, clock.seconds() - _LISTED_SECONDS)
        listed = partial(self._history.events_of, watched.account_id, since, clock.seconds() + 1, types=CONNECT_TYPES)
        return (page.items for page in pages(listed))

    def watched(self, account_id: str) -> Watched | None:
        """What is known of an account and its looks; None for one that is looked at no more."""
        return self._creators.watched(account_id)

    def look(self, account_id: str, take: Take, found: Found) -> None:
        """Take in what happened in an account since the last look, and plan the next one.

        One that failed is looked at an hour later from where it began; it holds back no other. Errors of Stripe and
        the store are passed on.
        """
        watched = self.watched(account_id)
        if watched is None:
            return
        now = clock.seconds()
        try:
            taken = self._taken(watched, now, take, found)
        except BillingError:
            self._creators.look_again(watched, watched.looked_at, now + SOONEST_SECONDS)
            raise
        as_it_is = min(max(now - watched.changed_at, SOONEST_SECONDS), LATEST_SECONDS)
        looked_at, wait = (now, as_it_is) if taken else (watched.looked_at, SOONEST_SECONDS)
        self._creators.look_again(watched, looked_at, now + wait)

    def _taken(self, watched: Watched, now: int, take: Take, found: Found) -> bool:
        try:
            # Also what comes after a page of which something failed.
            pages_taken = [take(events) for events in self.events(watched)]
        except ObjectMissing:
            if self._state(watched, found):
                raise
            self._creators.look_no_more(watched.account_id)
            return True
        if watched.looked_at < now - _LISTED_SECONDS:
            self._state(watched, found)
        return all(pages_taken)

    def _state(self, watched: Watched, found: Found) -> bool:
        """Store the account's state as Stripe has it; whether there is the account."""
        changed, there = self._accounts.read_again(watched.owner, watched.account_id)
        if changed:
            found(watched.account_id)
        return there
