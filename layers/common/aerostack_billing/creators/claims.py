"""Claims: what creators earned of deposits that are gone or contested is held, and owed where it was paid out.

A deposit that is refunded, disputed or reported as fraud marks its account. Before anybody is paid, the ledger of each
marked account is read again (`creators.funding`), and what is claimed of each creator is brought to what it says: held
back from what is pending, taken from what is payable, which may go below zero. A dispute that is won gives it back the
same way. Marks stay, and are looked at daily, until nothing is claimed and nothing owed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from aerostack_billing.creators.claim_store import Claim, ClaimStore
from aerostack_billing.creators.funding import DueEarning, Funding, changes
from aerostack_billing.creators.models import Creator, Earned
from aerostack_billing.creators.posting import CreatorPosting
from aerostack_billing.creators.store import CreatorStore
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import BillingError, StoreUnavailable
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.agendas import FUNDING_AGENDA
from aerostack_billing.wallet.models import Deposit
from aerostack_billing.wallet.store import WalletStore

_LINES_AT_ONCE = 1_000
_DAY = 86_400


class ClaimListener(Protocol):
    """Whoever tells of claims."""

    def earnings_claimed(self, account_id: str, creator_id: str, more: Micros) -> None:
        """Called when more is claimed of a creator than before, of what an account paid."""

    def payout_delayed(self, creator_id: str, error: BillingError) -> None:
        """Called when an account could not be looked at in a sweep."""


class Claims:
    """Keeps what is claimed true to who paid."""

    def __init__(
        self, creators: CreatorStore, wallets: WalletStore, claims: ClaimStore, listener: ClaimListener
    ) -> None:
        self._creators = creators
        self._wallets = wallets
        self._claims = claims
        self._listener = listener

    def sweep(self, may_go_on: Callable[[], bool] = lambda: True) -> int:
        """Look at every account that is marked; how many. Safe to run twice at once, and to stop anywhere."""
        looked = 0
        for account_id, _ in self._wallets.due(FUNDING_AGENDA):
            if not may_go_on():
                break
            try:
                self.look(account_id)
            except (BillingError, Stale, TransferExists) as error:
                delayed = error if isinstance(error, BillingError) else StoreUnavailable("A claim is changing.")
                self._listener.payout_delayed(account_id, delayed)
            looked += 1
        return looked

    def look(self, account_id: str) -> None:
        """Bring what is claimed of creators to what the account's ledger says now.

        Stale or TransferExists if somebody else does the same: then the next sweep looks again.
        """
        mark = self._claims.mark(account_id)
        claimed = self._claims.claims(account_id)
        unpaid = self.unpaid(account_id)
        for name, more in changes({name: claim.amount for name, claim in claimed.items()}, unpaid).items():
            self._claim(claimed.get(name) or Claim(account_id, *name), more)
        if mark is not None:
            open_still = bool(unpaid) or self._wallets.get(account_id).debt > 0
            self._claims.looked(account_id, mark, clock.seconds() + _DAY if open_still else None)

    def unpaid(self, account_id: str) -> dict[DueEarning, Micros]:
        """What creators earned of the account that nobody paid for, as its ledger says now."""
        deposits = [deposit for deposit in self._wallets.deposits(account_id) if deposit.is_gone]
        if not deposits:
            return {}
        above, older = _begin(deposits)
        funding = Funding(older)
        funding.read(self._lines(account_id, above))
        return funding.unpaid(deposit.payment_intent_id for deposit in deposits if deposit.is_contested)

    def _lines(self, account_id: str, above: int) -> Iterator[Transfer]:
        """The lines behind one, oldest first, up to the wallet's newest.

        The index that has them in order may lag: StoreUnavailable where one is missing.
        """
        last = self._wallets.get(account_id).seq
        while above < last:
            lines = self._wallets.ledger.oldest(account_id, above, _LINES_AT_ONCE)
            for line in lines:
                if line.seq != above + 1:
                    break
                above = line.seq
                yield line
            if not lines or above < lines[-1].seq:
                raise StoreUnavailable("The newest lines of the ledger cannot be read in order yet.")

    def _claim(self, read: Claim, more: Micros) -> None:
        def claimed(creator: Creator) -> Change[Creator]:
            posting = CreatorPosting(creator)
            also: list[Write] = [self._claims.claiming(read, read.amount + more)]
            if read.due_day > creator.matured_through:
                posting.held_back(more)
                also.append(self._creators.earning(read.creator_id, read.due_day, Earned(-more)))
            else:
                posting.claimed(more)
            visit_at = clock.seconds() if more < 0 else creator.visit_at
            return Change(replace(posting.creator, visit_at=visit_at), posting.transfers, also)

        self._creators.apply(read.creator_id, claimed)
        if more > 0:
            self._listener.earnings_claimed(read.account_id, read.creator_id, more)


def _begin(deposits: list[Deposit]) -> tuple[int, Micros]:
    """Behind which line to begin, and how much deposited money was there then.

    Of what was there before the first deposit that is gone, nobody asks who paid it. The ledger is read whole where a
    deposit was credited before that was kept.
    """
    if any(deposit.seq == 0 for deposit in deposits):
        return 0, 0
    return min((deposit.seq - 1, deposit.older) for deposit in deposits)
