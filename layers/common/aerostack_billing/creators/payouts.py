"""Payouts: what is due becomes payable, and what is payable is paid, once, by a transfer to the creator's account.

A payout is stored, with its money moved from payable to in transit, before Stripe is asked. Whoever finds an open
payout creates its transfer once at Stripe (see `payments.once`), so that a crash at any point and a second sweep make
one transfer. A creator has one open payout at most.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Protocol

from aerostack_billing.creators.claims import Claims
from aerostack_billing.creators.models import Creator, Earned, HeldFor, Onboarding, Payout, PayoutHold, due
from aerostack_billing.creators.onboarding import CreatorAccounts, onboarding_state
from aerostack_billing.creators.posting import CreatorPosting
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.payments.connect import Connect, TransferMade
from aerostack_billing.payments.once import Intent, once
from aerostack_billing.platform import clock, correlation
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import BillingError, Inconsistent, PaymentsRefused, StoreUnavailable
from aerostack_billing.values.money import PER_CENT, Micros, cents, micros
from aerostack_billing.wallet.store import WalletStore

_DAY = 86_400
_RESUME_SECONDS = 300
_MATURED_AT_ONCE = 80
"""Counters taken in one transaction, which holds a hundred actions at most."""
_BATCH = 100
_WORKERS = 8
_ATTEMPTS = 8


@dataclass(frozen=True)
class PayoutTerms:
    """What is paid at least, and at most to a creator whom no operator has reviewed.

    Within `new_days` of a creator's first day at most `new_most` is paid in all, after that at most `unreviewed_most`.
    """

    minimum: Micros
    new_days: int
    new_most: Micros
    unreviewed_most: Micros

    def most(self, creator: Creator) -> Micros:
        """What may be paid now of what is payable: whole cents; 0 where it is less than the minimum."""
        payable = creator.payable
        if not creator.reviewed and creator.since is not None:
            new = clock.seconds() < creator.since + self.new_days * _DAY
            most = self.new_most if new else self.unreviewed_most
            payable = min(payable, most - creator.paid - creator.in_transit)
        return _in_whole_cents(payable) if payable >= self.minimum else 0


class PayoutListener(Protocol):
    """Observes payouts."""

    def payout_ended(self, payout: Payout) -> None:
        """Called when one was paid, failed or was reversed."""

    def payout_delayed(self, creator_id: str, error: BillingError) -> None:
        """Called when a creator could not be looked after in a sweep; the next one takes it up again."""


@dataclass(frozen=True)
class PayoutSweep:
    """What one sweep did."""

    visited: int
    failed: int


@dataclass(frozen=True)
class PayoutPreview:
    """What a sweep would do for one creator: what falls due, and what it would pay, or ask for again."""

    creator_id: str
    matures: Micros
    pays: Micros
    resumes: str | None
    onboarding: Onboarding
    held_for: HeldFor | None

    def view(self) -> dict[str, object]:
        """In cents."""
        return {
            "creator_id": self.creator_id,
            "matures_cents": cents(self.matures),
            "pays_cents": cents(self.pays),
            "resumes_payout": self.resumes,
            "onboarding": self.onboarding,
            "held_for": self.held_for,
        }


class Payouts:
    """Matures earnings and pays them."""

    def __init__(
        self,
        creators: CreatorStore,
        accounts: CreatorAccounts,
        connect: Connect,
        listener: PayoutListener,
        wallets: WalletStore,
        claims: Claims,
        terms: PayoutTerms,
    ) -> None:
        self._creators = creators
        self._wallets = wallets
        self._accounts = accounts
        self._connect = connect
        self._listener = listener
        self._claims = claims
        self._terms = terms

    def sweep(self, may_go_on: Callable[[], bool] = lambda: True) -> PayoutSweep:
        """Look after every creator who is to be visited now. Safe to run twice at once, and to stop anywhere.

        Before that, what deposits that are gone or contested paid for is claimed.
        """
        self._claims.sweep(may_go_on)
        visited = failed = 0
        creators = self._creators.due()
        with ThreadPoolExecutor(_WORKERS) as pool:
            while may_go_on() and (batch := list(islice(creators, _BATCH))):
                visited += len(batch)
                failed += sum(pool.map(correlation.carried(self._fails), batch))
        return PayoutSweep(visited, failed)

    def preview(self) -> Iterator[PayoutPreview]:
        """What a sweep would do now; nothing is written, and Stripe is not asked whether an account can be paid."""
        today = clock.now().strftime("%Y-%m-%d")
        for creator_id in self._creators.due():
            creator = self._creators.get(creator_id)
            matures = due(creator, self._creators.pending(creator_id), today)
            creator = self._judged(replace(creator, payable=creator.payable + matures))
            pays = self._terms.most(creator) if _may_begin(creator) and creator.waits_for is None else 0
            yield PayoutPreview(creator_id, matures, pays, creator.open_payout_id, creator.onboarding, creator.held_for)

    def _fails(self, creator_id: str) -> bool:
        try:
            self.look_after(creator_id)
        except BillingError as error:
            self._listener.payout_delayed(creator_id, error)
            return True
        return False

    def look_after(self, creator_id: str) -> None:
        """Mature what is due, bring an open payout to its end, and begin one if enough is payable.

        Nobody is paid who owes, and nobody whose payouts are held: what is payable waits.
        """
        self._mature(creator_id)
        creator = self._creators.get(creator_id)
        visit_at = creator.visit_at
        if creator.open_payout_id is not None:
            payout = self._creators.payout(creator_id, creator.open_payout_id)
            if payout is None:
                raise Inconsistent(f"{creator_id} has no payout {creator.open_payout_id}")
            visit_at = self._visit_again(creator, clock.seconds() + _RESUME_SECONDS, visit_at)
            self._conclude(payout, self._make(payout))
        elif _may_begin(creator):
            creator = self._judged(creator)
            if creator.waits_for is None and self._terms.most(creator) > 0:
                self._begin(creator_id, str(creator.connected_account_id))
        self._visit_again(creator, _tomorrow(), visit_at)

    def _judged(self, creator: Creator) -> Creator:
        """The creator with why enough that is payable is not paid all the same, if that is so."""
        if creator.payable < self._terms.minimum:
            return replace(creator, waits_for=None)
        if self._wallets.get(creator.creator_id).debt > 0:
            return replace(creator, waits_for="debt")
        return replace(creator, waits_for="review" if self._terms.most(creator) == 0 else None)

    def _visit_again(self, seen: Creator, at: int, visit_at: int | None) -> int:
        """Plan the next visit, unless another one was planned while this one went on; the time that was planned."""

        def planned(creator: Creator) -> Change[Creator]:
            next_at = at if creator.visit_at == visit_at else creator.visit_at
            return Change(replace(creator, visit_at=next_at, waits_for=seen.waits_for))

        self._creators.apply(seen.creator_id, planned)
        return at

    def _mature(self, creator_id: str) -> None:
        """Make payable what is due, as many counters at once as a transaction holds, until none is left."""
        today = clock.now().strftime("%Y-%m-%d")
        while True:
            try:
                after = self._creators.apply(creator_id, lambda creator: self._matured(creator, today)).owner
            except (Stale, TransferExists):
                continue
            if after.matured_through >= today:
                return

    def _matured(self, creator: Creator, today: str) -> Change[Creator]:
        """What is due becomes payable. The counters are read here, after the creator: a refund changes both."""
        counters = self._creators.due_counters(creator.creator_id, today, _MATURED_AT_ONCE)
        all_of_them = len(counters) < _MATURED_AT_ONCE
        posting = CreatorPosting(replace(creator, matured_through=today if all_of_them else creator.matured_through))
        if counters:
            posting.matured(sum((earned for _, earned in counters), Earned()))
        taking = [self._creators.taking(creator.creator_id, counter, earned) for counter, earned in counters]
        return Change(posting.creator, posting.transfers, taking)

    def _begin(self, creator_id: str, account_id: str) -> None:
        """Begin a payout, if the account can be paid at this very moment."""
        account = self._connect.account(account_id)
        self._accounts.record(creator_id, account_id, account)
        if onboarding_state(account) != "complete":
            return
        now = clock.now()
        payout_id = f"po_{now.strftime('%Y%m%d%H%M%S')}_{secrets.token_hex(8)}"
        begun: list[Payout] = []

        def rule(creator: Creator) -> Change[Creator]:
            begun.clear()
            amount = self._terms.most(creator)
            if not _may_begin(creator) or amount == 0:
                return Change(creator)
            begun.append(Payout(creator_id, payout_id, amount, account_id, int(now.timestamp())))
            posting = CreatorPosting(replace(creator, open_payout_id=payout_id))
            posting.begun(payout_id, amount)
            also = [self._creators.paying(begun[0], None), self._wallets.owing_nothing(creator_id)]
            return Change(posting.creator, posting.transfers, also)

        try:
            self._creators.apply(creator_id, rule)
        except Stale:
            # A debt came up since the wallet was read: the next visit finds it.
            return
        for payout in begun:
            self._conclude(payout, self._make(payout))

    def _make(self, payout: Payout) -> TransferMade | PaymentsRefused:
        """The payout's transfer, created now or before; or Stripe's refusal, after which there is none."""
        try:
            made = once(payout.intent, _Transfer(payout, self._creators, self._connect))
        except PaymentsRefused as refused:
            return refused
        if made is None:
            raise StoreUnavailable("The payout is changing right now. Try again.")
        return made

    def _conclude(self, payout: Payout, outcome: TransferMade | PaymentsRefused) -> None:
        """Record how an open payout ended; recorded before, nothing changes."""
        if isinstance(outcome, PaymentsRefused):
            reason = str(outcome.details.get("provider_code") or outcome.code)
            after = replace(payout, state="failed", reason=reason)
        else:
            after = replace(payout, state="paid", transfer_id=outcome.transfer_id)

        def ended(creator: Creator) -> Change[Creator]:
            if creator.open_payout_id != payout.payout_id:
                return Change(creator)
            posting = CreatorPosting(replace(creator, open_payout_id=None, last_error=after.reason))
            if after.state == "paid":
                posting.arrived(payout.payout_id, payout.amount)
            else:
                posting.failed(payout.payout_id, payout.amount)
            return Change(posting.creator, posting.transfers, [self._creators.paying(after, payout)])

        try:
            change = self._creators.apply(payout.creator_id, ended)
        except (Stale, TransferExists):
            return
        if change.transfers:
            self._listener.payout_ended(after)

    def reversed(self, transfer_id: str, record_for: Callable[[str], Write]) -> str | None:
        """Make payable again what Stripe says was reversed of a payout; its creator, None if it is none of ours.

        A person reversed it: payouts are held until an operator releases them, so that no sweep undoes it.
        """
        made = self._connect.made(transfer_id)
        creator_id = self._paid_by(made) if made is not None else None
        if made is None or made.payout_id is None or creator_id is None:
            return None
        for _ in attempts(_ATTEMPTS):
            payout = self._creators.payout(creator_id, made.payout_id)
            if payout is None or not _is_of(made, payout):
                return None
            if payout.state == "pending":
                self._conclude(payout, made)
                continue
            try:
                self._take_in(payout, micros(made.reversed_cents), record_for(creator_id))
            except (Stale, TransferExists):
                continue
            return creator_id
        raise PaymentsRefused("The payout is changing right now. Try again.")

    def _paid_by(self, made: TransferMade) -> str | None:
        """The creator whom a transfer paid: the owner of the account it went to, replaced since or not."""
        owner = self._creators.owner_of(made.destination) if made.destination is not None else None
        return owner or made.creator_id

    def _take_in(self, payout: Payout, total: int, processed: Write) -> None:
        more = total - payout.reversed
        after = replace(payout, state="reversed", reversed=total, reason="reversed")

        def came_back(creator: Creator) -> Change[Creator]:
            if more <= 0:
                return Change(creator, processed=processed)
            hold = creator.hold or PayoutHold("transfer_reversed", clock.seconds())
            posting = CreatorPosting(replace(creator, visit_at=_tomorrow(), last_error="reversed", hold=hold))
            posting.came_back(payout.payout_id, total, more)
            return Change(posting.creator, posting.transfers, [self._creators.paying(after, payout)], processed)

        if self._creators.apply(payout.creator_id, came_back).transfers:
            self._listener.payout_ended(after)


@dataclass(frozen=True)
class _Transfer:
    """The creation of a payout's transfer, as `once` asks for it."""

    payout: Payout
    creators: CreatorStore
    connect: Connect

    def create(self, intent: Intent) -> TransferMade:
        payout = self.payout
        return self.connect.transfer(
            payout.creator_id, payout.payout_id, payout.amount // PER_CENT, payout.destination, intent.intent_id
        )

    def find(self, _intent: Intent) -> TransferMade | None:
        return self.connect.find_transfer(self.payout.payout_id)

    def missed(self, intent: Intent) -> None:
        self.creators.renew_transfer(self.payout, replace(intent, missed_at=clock.seconds()))

    def renew(self, _intent: Intent) -> Intent:
        return self.creators.renew_transfer(self.payout, Intent(str(uuid.uuid4()), clock.seconds()))


def _may_begin(creator: Creator) -> bool:
    """Whether a payout may begin as far as the creator's own state says."""
    return creator.open_payout_id is None and creator.connected_account_id is not None and creator.hold is None


def _is_of(made: TransferMade, payout: Payout) -> bool:
    """Whether a transfer is the one that a payout made, or is making."""
    if payout.transfer_id is not None:
        return payout.transfer_id == made.transfer_id
    return made.destination in (None, payout.destination)


def _in_whole_cents(payable: Micros) -> Micros:
    """Stripe pays whole cents: what is less stays payable."""
    return payable // PER_CENT * PER_CENT


def _tomorrow() -> int:
    midnight = (clock.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(midnight.timestamp())
