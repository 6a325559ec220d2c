"""Holds whose time is over: freed by the schedule, and before it by whoever needs the money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from aerostack_billing.ledger.accounts import available, held
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.values.errors import StoreUnavailable
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.agendas import HOLD_AGENDA
from aerostack_billing.wallet.budgets import BudgetReached, free_room, reached
from aerostack_billing.wallet.charging import SHORT
from aerostack_billing.wallet.models import Hold, Wallet
from aerostack_billing.wallet.reload_states import after_crediting
from aerostack_billing.wallet.rules import WalletPosting, pay_debt
from aerostack_billing.wallet.store import HOLD_PREFIX, Labelled, WalletStore

LAPSED: Final = "lapse"
_LOOKED_AT = 64
_FREED = 16
_Rule = Callable[[Wallet], Change[Wallet]]


def end_id(hold_id: str) -> str:
    """The id of the transfer that ends a hold: there is one, so that no hold ends twice."""
    return f"{hold_id}:end"


def release(
    posting: WalletPosting,
    hold: Hold,
    ended_by: str,
    description: str,
    *,
    fingerprint: str | None = None,
    key: str = "",
) -> None:
    """Move what is held back to what can be spent, and give back the room that it took in budgets."""
    own = posting.wallet.account_id
    posting.wallet = free_room(posting.wallet, hold.labels, hold.epochs, hold.amount)
    details: dict[str, object] = {"ended_by": ended_by, **({"key": key} if key else {})}
    posting.move(
        "release",
        end_id(hold.hold_id),
        held(own),
        available(own),
        hold.amount,
        description,
        reference=hold.hold_id,
        fingerprint=fingerprint,
        details=details,
        granted=hold.granted,
    )


def draw(posting: WalletPosting, hold: Hold, amount: Micros, transfer_id: str) -> Hold:
    """Move a part of what is held back to what can be spent, likewise; the hold with the rest. Granted money first."""
    own, granted = posting.wallet.account_id, min(hold.granted, amount)
    posting.wallet = free_room(posting.wallet, hold.labels, hold.epochs, amount)
    described = "Part of a hold released to be captured"
    posting.move(
        "release", transfer_id, held(own), available(own), amount, described, reference=hold.hold_id, granted=granted
    )
    return replace(hold, amount=hold.amount - amount, granted=hold.granted - granted)


def budgeted(hold: Hold) -> dict[str, str]:
    """The labels of a hold under which it takes room in budgets."""
    return {label: hold.labels[label] for label in hold.epochs}


class Lapsing:
    """Frees what lapsed holds hold."""

    def __init__(self, wallets: WalletStore) -> None:
        self._wallets = wallets

    def lapse(self, hold: Hold) -> bool:
        """End a hold whose time is over; False if it was ended meanwhile."""
        try:
            self._wallets.apply(hold.account_id, lambda wallet: self._lapsed(wallet, hold), budgeted(hold))
        except (TransferExists, Stale):
            return False
        return True

    def sweep(self, may_go_on: Callable[[], bool] = lambda: True) -> int:
        """End every hold that is on the agenda; how many. Safe to run twice at once, and to stop anywhere."""
        ended = 0
        for account_id, item in self._wallets.due(HOLD_AGENDA):
            if not may_go_on():
                break
            hold = self._wallets.hold(account_id, item.removeprefix(HOLD_PREFIX))
            ended += int(hold is not None and hold.lapsed and self.lapse(hold))
        return ended

    def spend(
        self,
        account_id: str,
        transfer_id: str,
        rule: _Rule,
        at_last: _Rule | None = None,
        labels: Labelled | None = None,
    ) -> Change[Wallet]:
        """Apply a rule that spends, once more after some lapsed holds were freed where it finds the wallet short.

        `at_last` is the rule for that second time, where it is another one. `labels` name the budgets that it may meet.
        TransferExists if `transfer_id` stands: what was paid for before is not refused for want of money now.
        """
        try:
            return self._wallets.apply(account_id, rule, labels)
        except SHORT:
            self.check_new(account_id, transfer_id)
        self.free(account_id)
        # Also where none was found: a concurrent duplicate of this request may have freed it since the wallet was read.
        try:
            return self._wallets.apply(account_id, at_last or rule, labels)
        except SHORT as short:
            self.check_new(account_id, transfer_id)
            if isinstance(short, BudgetReached) and not short.reported:
                self._tell(short)
            raise

    def free(self, account_id: str) -> None:
        """End a few holds of an account whose time is over, those that free most first."""
        for hold in self._lapsed_holds(account_id):
            self.lapse(hold)

    def _lapsed_holds(self, account_id: str) -> list[Hold]:
        """A few holds whose time is over, those that free most first.

        However many are open, a caller's request looks at one page and frees as many as one answer may wait for; the
        schedule ends the others.
        """
        lapsed = [hold for hold in self._wallets.some_open_holds(account_id, _LOOKED_AT) if hold.lapsed]
        return sorted(lapsed, key=lambda hold: hold.amount, reverse=True)[:_FREED]

    def _tell(self, refused: BudgetReached) -> None:
        """Record that a budget refused a charge, once a window, with its domain event.

        The refusal stands whether or not the store takes the record.
        """
        with suppress(StoreUnavailable):
            self._wallets.apply(
                refused.account_id,
                lambda wallet: Change(reached(wallet, refused.label, refused.value)),
                {refused.label: refused.value},
            )

    def wallet(self, account_id: str, labels: Mapping[str, str] | None = None) -> Wallet:
        """The wallet as it is now, with the budgets that the labels meet."""
        return self._wallets.get(account_id, labels)

    def check_new(self, account_id: str, transfer_id: str) -> None:
        """Return if there is no such transfer; TransferExists if there is."""
        earlier = self._wallets.ledger.transfer(account_id, transfer_id)
        if earlier is not None:
            raise TransferExists(earlier)

    def _lapsed(self, wallet: Wallet, hold: Hold) -> Change[Wallet]:
        posting = WalletPosting(wallet)
        release(posting, hold, LAPSED, "Hold lapsed")
        pay_debt(posting, f"{end_id(hold.hold_id)}:debt", hold.hold_id)
        return Change(after_crediting(posting.wallet), posting.transfers, [self._wallets.closing(hold)])
