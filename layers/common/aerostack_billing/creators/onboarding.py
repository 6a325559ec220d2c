"""Onboarding: one connected account a creator, and its state as Stripe has it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from aerostack_billing.creators.domain_events import BANK
from aerostack_billing.creators.models import Creator, Onboarding, OnboardRequest
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.payments.connect import Connect, ConnectedAccount
from aerostack_billing.payments.once import Intent, once
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import (
    Conflict,
    Contended,
    Inconsistent,
    PaymentsRefused,
    PaymentsUnavailable,
)
from aerostack_billing.values.redirects import RedirectPolicy

RecordFor = Callable[[str], Write]
"""Makes the processed-event record of the event that is being taken, once its account is known."""
_LOOKS = 3
"""Accounts that are gone one after another within one request: more than one is somebody deleting them right now."""
_CREATED_MARGIN_SECONDS = 60
"""How far our clock may be ahead of Stripe's, where an account is looked for by when it was created."""


class AlreadyOnboarded(Conflict):
    """The creator's account is complete."""

    code = "ALREADY_ONBOARDED"


def onboarding_state(account: ConnectedAccount | None) -> Onboarding:
    """What a connected account's state means to its creator."""
    if account is None:
        return "none"
    if account.can_be_paid:
        return "complete"
    return "restricted" if account.submitted else "pending"


class CreatorAccounts:
    """Connects creators to Stripe."""

    def __init__(self, creators: CreatorStore, connect: Connect, redirects: RedirectPolicy) -> None:
        self._creators = creators
        self._connect = connect
        self._redirects = redirects

    def onboard(self, creator_id: str, request: OnboardRequest) -> str:
        """The URL of the page on which the creator completes the account, which is made now if there is none.

        An account that was deleted, or that we may not reach any more, is replaced. InvalidRedirectUrl (422);
        AlreadyOnboarded (409) once nothing is left to complete.
        """
        self._redirects.check("return_url", request.return_url)
        self._redirects.check("refresh_url", request.refresh_url)
        account_id, account = self._reachable_account(creator_id)
        self.record(creator_id, account_id, account)
        if onboarding_state(account) == "complete":
            raise AlreadyOnboarded("Onboarding is complete. There is nothing left to do.")
        return self._connect.onboarding_page(account_id, request.return_url, request.refresh_url)

    def _reachable_account(self, creator_id: str) -> tuple[str, ConnectedAccount]:
        for _ in range(_LOOKS):
            account_id = self._ensure_account(creator_id)
            account = self._connect.account(account_id)
            if account is not None:
                return account_id, account
            self._creators.apply(creator_id, partial(_forgotten, account_id=account_id))
        raise PaymentsUnavailable("The connected account is changing right now. Try again.")

    def _ensure_account(self, creator_id: str) -> str:
        """The creator's connected account: one, however many requests want it and whatever breaks (`payments.once`)."""
        creator = self._creators.apply(creator_id, _intended).owner
        if creator.connected_account_id is not None:
            return creator.connected_account_id
        if creator.account_intent is None:
            raise Inconsistent(f"{creator_id} has no connected account and intends none")
        creation = _Creation(creator_id, self._creators, self._connect)
        try:
            made = once(creator.account_intent, creation)
        except PaymentsRefused:
            # Stripe keeps a refusal under its key: the next attempt begins under a new one.
            creation.renew(creator.account_intent)
            raise
        if made is None:
            raise Contended("The account is changing right now. Try again.")
        after = self._creators.apply(creator_id, partial(self._connected, made=made)).owner
        return after.connected_account_id or made

    def _connected(self, creator: Creator, made: str) -> Change[Creator]:
        if creator.connected_account_id is not None:
            return Change(creator)
        owning = self._creators.owning(made, creator.creator_id)
        return Change(replace(creator, connected_account_id=made), also=[owning])

    def record(
        self, creator_id: str, account_id: str, account: ConnectedAccount | None, processed: Write | None = None
    ) -> Creator:
        """Store the state of an account; a creator who can be paid from now on is paid at the next sweep.

        That of an account which was replaced since is no longer the creator's: only `processed` is written.
        """
        state = onboarding_state(account)

        def recorded(creator: Creator) -> Change[Creator]:
            if creator.connected_account_id != account_id or creator.onboarding == state:
                return Change(creator, processed=processed)
            visit_at = clock.seconds() if state == "complete" else creator.visit_at
            owning = self._creators.owning(account_id, creator_id)
            return Change(replace(creator, onboarding=state, visit_at=visit_at), also=[owning], processed=processed)

        return self._creators.apply(creator_id, recorded).owner

    def heard(self, account_id: str, record_for: RecordFor) -> str | None:
        """Read a connected account that an event named from Stripe, and store its state.

        The creator it belongs to; None if it is none of ours, and nothing was written.
        """
        account = self._connect.account(account_id)
        creator_id = self.owner(account_id, account)
        if creator_id is not None:
            self.record(creator_id, account_id, account, record_for(creator_id))
        return creator_id

    def read_again(self, creator_id: str, account_id: str) -> tuple[bool, bool]:
        """Read a creator's account from Stripe, and store its state: whether that changed, and whether there is one."""
        account = self._connect.account(account_id)
        before = self._creators.get(creator_id)
        after = self.record(creator_id, account_id, account)
        return after.onboarding != before.onboarding, account is not None

    def owner(self, account_id: str, account: ConnectedAccount | None) -> str | None:
        """The creator whose account this is or was: by our own table.

        An account recorded before the table kept owners is known by its metadata, if the creator that these name has
        recorded it.
        """
        owner = self._creators.owner_of(account_id)
        if owner is not None or account is None or account.creator_id is None:
            return owner
        creator = self._creators.get(account.creator_id)
        return creator.creator_id if creator.connected_account_id == account_id else None

    def payout_failed(self, account_id: str, code: str, record_for: RecordFor) -> str | None:
        """Record that a creator's bank refused the money, which stays on their Stripe account; None: none of ours."""
        creator_id = self.owner(account_id, self._connect.account(account_id))
        if creator_id is not None:
            processed = record_for(creator_id)
            self._creators.apply(
                creator_id, lambda creator: Change(replace(creator, last_error=f"{BANK}{code}"), processed=processed)
            )
        return creator_id


def _intended(creator: Creator) -> Change[Creator]:
    if creator.connected_account_id or creator.account_intent:
        return Change(creator)
    return Change(replace(creator, account_intent=_new_intent()))


def _forgotten(creator: Creator, account_id: str) -> Change[Creator]:
    """Without an account that is gone: the next one is made under an intent of its own. Whose it was stays recorded."""
    if creator.connected_account_id != account_id:
        return Change(creator)
    return Change(replace(creator, connected_account_id=None, account_intent=None, onboarding="none"))


def _new_intent() -> Intent:
    return Intent(f"connect-{uuid.uuid4()}", clock.seconds())


@dataclass(frozen=True)
class _Creation:
    """The creation of a creator's connected account, as `once` asks for it."""

    creator_id: str
    creators: CreatorStore
    connect: Connect

    def create(self, intent: Intent) -> str:
        return self.connect.create_account(self.creator_id, intent.intent_id)

    def find(self, intent: Intent) -> str | None:
        return self.connect.find_account(self.creator_id, intent.created_at - _CREATED_MARGIN_SECONDS)

    def missed(self, intent: Intent) -> None:
        self._replace(intent, replace(intent, missed_at=clock.seconds()))

    def renew(self, intent: Intent) -> Intent | None:
        return self._replace(intent, _new_intent())

    def _replace(self, read: Intent, wanted: Intent) -> Intent | None:
        """Store `wanted` if the intent is still the one read; the intent that is stored after it."""

        def rule(creator: Creator) -> Change[Creator]:
            stored = creator.account_intent
            if stored is None or stored.intent_id != read.intent_id or stored.missed_at not in (None, read.missed_at):
                return Change(creator)
            return Change(replace(creator, account_intent=wanted))

        return self.creators.apply(self.creator_id, rule).owner.account_intent
