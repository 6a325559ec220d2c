"""Onboarding: one connected account a creator, and its state as Stripe has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from aerostack_billing.creators.domain_events import BANK
from aerostack_billing.creators.models import AccountIntent, Creator, Onboarding, OnboardRequest
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.payments.connect import Connect, ConnectedAccount
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import Conflict
from aerostack_billing.values.redirects import RedirectPolicy

RecordFor = Callable[[str], Write]
"""Makes the processed of the event that is being taken, once its account is known."""
_KEY_TRUSTED_SECONDS = 20 * 3600


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

        InvalidRedirectUrl (422); AlreadyOnboarded (409) once nothing is left to complete.
        """
        self._redirects.check("return_url", request.return_url)
        self._redirects.check("refresh_url", request.refresh_url)
        account_id = self._ensure_account(creator_id)
        account = self._connect.account(account_id)
        self.note(creator_id, account)
        if onboarding_state(account) == "complete":
            raise AlreadyOnboarded("Onboarding is complete. There is nothing left to do.")
        return self._connect.onboarding_page(account_id, request.return_url, request.refresh_url)

    def _ensure_account(self, creator_id: str) -> str:
        """The creator's connected account: one, however many requests want it and whatever breaks.

        The intent is stored before Stripe is asked, and its id is Stripe's idempotency key.
        """
        intent = AccountIntent(f"connect-{creator_id}", clock.seconds())

        def intended(creator: Creator) -> Change[Creator]:
            if creator.connected_account_id or creator.account_intent:
                return Change(creator)
            return Change(replace(creator, account_intent=intent))

        creator = self._creators.apply(creator_id, intended).owner
        if creator.connected_account_id is not None:
            return creator.connected_account_id
        stored = creator.account_intent
        assert stored is not None
        found = None
        if clock.seconds() - stored.created_at > _KEY_TRUSTED_SECONDS:
            found = self._connect.find_account(creator_id, stored.created_at - 60)
        made = found or self._connect.create_account(creator_id, stored.intent_id)
        after = self._creators.apply(
            creator_id,
            lambda creator: Change(replace(creator, connected_account_id=creator.connected_account_id or made)),
        )
        return after.owner.connected_account_id or made

    def note(self, creator_id: str, account: ConnectedAccount | None, processed: Write | None = None) -> Creator:
        """Store an account's state; a creator who can be paid from now on is paid at the next sweep."""
        state = onboarding_state(account)

        def noted(creator: Creator) -> Change[Creator]:
            if creator.onboarding == state:
                return Change(creator, processed=processed)
            visit_at = clock.seconds() if state == "complete" else creator.visit_at
            return Change(replace(creator, onboarding=state, visit_at=visit_at), processed=processed)

        return self._creators.apply(creator_id, noted).owner

    def heard(self, account_id: str, record_for: RecordFor) -> str | None:
        """Ask for a connected account that Stripe sent word of, and store its state.

        The creator it belongs to; None if it is none of ours, and nothing was written.
        """
        account = self._connect.account(account_id)
        creator_id = self.owner(account)
        if creator_id is not None:
            self.note(creator_id, account, record_for(creator_id))
        return creator_id

    def owner(self, account: ConnectedAccount | None) -> str | None:
        """The creator whose account this is: by what Stripe has on it and by what the creator records."""
        if account is None or account.creator_id is None:
            return None
        creator = self._creators.get(account.creator_id)
        return creator.creator_id if creator.connected_account_id == account.account_id else None

    def payout_failed(self, account_id: str, code: str, record_for: RecordFor) -> str | None:
        """Note that a creator's bank refused the money, which stays on their Stripe account; None: none of ours."""
        creator_id = self.owner(self._connect.account(account_id))
        if creator_id is not None:
            processed = record_for(creator_id)
            self._creators.apply(
                creator_id, lambda creator: Change(replace(creator, last_error=f"{BANK}{code}"), processed=processed)
            )
        return creator_id
