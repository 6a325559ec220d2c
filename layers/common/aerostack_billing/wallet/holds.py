"""Holds: money set aside for work that is priced when it ends.

A hold moves its amount from what can be spent to what is held, and ends once: captured, released, or lapsed. A capture
gives the whole hold back and takes its price in the same transaction, so that less, as much and more are one case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from aerostack_billing.ledger.accounts import REVENUE, available, held
from aerostack_billing.ledger.keys import Done, check_same, fingerprint, transfer_id
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.platform import clock
from aerostack_billing.platform.retry import attempts
from aerostack_billing.prices.models import Terms
from aerostack_billing.values import authority
from aerostack_billing.values.checks import required
from aerostack_billing.values.errors import InvalidRequest, StoreUnavailable
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.budgets import hold_room, room_left, spend_room
from aerostack_billing.wallet.hold_answers import captured_answer, released_answer, taken_answer
from aerostack_billing.wallet.hold_work import (
    CAPTURED,
    RELEASED,
    HoldEnded,
    HoldStates,
    Work,
    key_of,
    line_id,
    note_captured,
    over_id,
    same_capture,
    same_end,
)
from aerostack_billing.wallet.lapsing import LAPSED, Lapsing, budgeted, end_id, release
from aerostack_billing.wallet.models import Hold, Wallet
from aerostack_billing.wallet.pricing import Due, Price, Pricing
from aerostack_billing.wallet.reload_states import after_crediting, after_spending
from aerostack_billing.wallet.requests import CaptureRequest, HoldRequest, ReleaseRequest
from aerostack_billing.wallet.rules import WalletPosting, check_cap, check_funds, pay_debt, under_cap
from aerostack_billing.wallet.sharing import Sharing, check_payee
from aerostack_billing.wallet.store import WalletStore
from aerostack_billing.wallet.tools import PriceChanged, ToolNotFound

_RACES = 5
_Take = Callable[[Wallet, Micros, Micros, Mapping[str, str]], Micros]
"""What to take of a wallet for a price of which an open hold covers so much."""


class Holds:
    """Takes, captures and releases holds."""

    def __init__(self, wallets: WalletStore, lapsing: Lapsing, sharing: Sharing, pricing: Pricing) -> None:
        self._wallets = wallets
        self._states = HoldStates(wallets)
        self._lapsing = lapsing
        self._sharing = sharing
        self._pricing = pricing

    def take(self, request: HoldRequest) -> Done:
        """Set the amount aside until it is captured, released, or its time is over.

        InsufficientBalance and SpendCapReached (402) with nothing held; IdempotencyKeyReused (409). Of a tool its price
        is held, if it still is that in the transaction: ToolNotFound (404), PriceChanged (409) above what was allowed.
        """
        account_id = request.account_id
        hold_id = transfer_id("hold_", account_id, request.idempotency_key)
        asked = fingerprint(request)
        for _ in attempts(_RACES):
            try:
                due, terms = self._due(request, hold_id)
                if due.creator_id is not None:
                    self._sharing.register(due.creator_id)
                authority.current().check_amount(due.price.amount)
                now = clock.seconds()
                expires_at = now + request.ttl_seconds
                hold = Hold(account_id, hold_id, due.price.amount, request.kind, expires_at, due.creator_id)
                hold = replace(hold, labels=request.labels, terms=terms, tool_id=request.tool_id, taken_at=now)
                taken = partial(self._taken, hold=hold, due=due, reference=request.reference, asked=asked)
                change = self._lapsing.spend(account_id, hold_id, taken, labels=request.labels)
            except TransferExists as exists:
                return Done(taken_answer(check_same(exists.transfer, asked)), replayed=True)
            except Stale:
                continue
            return Done(taken_answer(change.transfers[0]))
        raise StoreUnavailable("The tool is changing right now. Try again with the same key.")

    def capture(self, hold_id: str, request: CaptureRequest) -> Done:
        """Charge the price of the work that the hold was for, and free the rest.

        More than is held is taken from the balance: InsufficientBalance or SpendCapReached (402), with the hold kept,
        where that does not do, unless `allow_partial` takes what there is. A hold whose time is over is served from
        the balance likewise. Usage is priced by the book of when the hold was taken. HoldNotFound (404); HoldEnded
        (409) for one captured or released under another key; InvalidRequest (422) above the kind's highest price;
        TokenRestricted (403) also for a hold that the token could not have taken.
        """
        asked = fingerprint(request)
        for _ in attempts(_RACES):
            hold = self._states.open(request.account_id, hold_id)
            try:
                line = line_id(request)
                lapsed = self._states.capturable(request.account_id, hold_id, line) if hold is None else None
                work = lapsed or Work.of(hold)
                work.check_token(ends=True)
                price = self._pricing.price(request.amount_cents, request.usage, work.terms)
                self._pricing.check(work.kind, price.amount, "amount_cents" if request.usage is None else "usage")
                asking = _Asking(request, price, asked)
                whole, part = (self._capturing(hold, work, asking, take) for take in (_all_of, _what_there_is))
                last = part if request.allow_partial else None
                change = self._lapsing.spend(request.account_id, line, whole, last, asking.labels(work))
            except TransferExists as exists:
                if exists.transfer.type == "capture":
                    first = same_capture(exists.transfer, hold_id, request, asked)
                    return Done(captured_answer(hold_id, first), replayed=True)
            except Stale:
                continue
            else:
                return Done(captured_answer(hold_id, change.transfers[-1]))
        raise HoldEnded("The hold is being captured or released right now. Try again with the same key.")

    def release(self, hold_id: str, request: ReleaseRequest) -> Done:
        """Give the whole hold back; of one that lapsed, which is given back already, record that nothing follows.

        HoldNotFound (404); HoldEnded (409) for one captured or released under another key; TokenRestricted (403) for
        one that the token could not have taken.
        """
        asked = fingerprint(request)
        for _ in attempts(_RACES):
            hold = self._states.open(request.account_id, hold_id)
            end = self._states.ended(request.account_id, hold_id) if hold is None else None
            self._check_release(request.account_id, hold_id, hold)
            if end is not None and end.details["ended_by"] != LAPSED:
                return Done(released_answer(hold_id, same_end(end, request, asked)), replayed=True)
            try:
                rule = partial(self._released, hold=hold, lapse=end, request=request, asked=asked)
                change = self._wallets.apply(request.account_id, rule, budgeted(hold) if hold else None)
            except TransferExists as exists:
                if end is not None:
                    first = same_end(exists.transfer, request, asked)
                    return Done(released_answer(hold_id, first), replayed=True)
            except Stale:
                continue
            else:
                return Done(released_answer(hold_id, change.transfers[0]))
        raise HoldEnded("The hold is being captured or released right now. Try again with the same key.")

    def _check_release(self, account_id: str, hold_id: str, hold: Hold | None) -> None:
        """Return if the token may release the hold: it takes the money of whoever works on it away."""
        mine = authority.current()
        if hold is not None:
            mine.check_undoing(hold.kind, hold.amount)
        elif mine.narrows_money:
            taken = self._wallets.ledger.transfer(account_id, hold_id)
            if taken is not None:
                mine.check_undoing(str(taken.details["kind"]), taken.amount)

    # What the wallet becomes

    def _due(self, request: HoldRequest, hold_id: str) -> tuple[Due, Terms]:
        """What is to be held, and the terms of its captures; TransferExists where it was held before."""
        terms = self._pricing.terms()
        try:
            due = self._pricing.due(request, terms, latest=True)
            check_payee(request.account_id, due.creator_id)
        except (InvalidRequest, ToolNotFound, PriceChanged):
            self._lapsing.check_new(request.account_id, hold_id)
            raise
        return due, terms

    def _taken(self, wallet: Wallet, hold: Hold, due: Due, reference: str | None, asked: str) -> Change[Wallet]:
        check_funds(wallet, hold.amount)
        check_cap(wallet, hold.amount)
        counted = hold_room(wallet, hold.labels, hold.amount)
        posting, own = WalletPosting(counted.wallet), wallet.account_id
        epochs = {label: count[0] for label, count in counted.counts.items()}
        hold = replace(hold, epochs=epochs, granted=posting.granted_of(hold.amount))
        details: dict[str, object] = {"kind": hold.kind, "expires_at": hold.expires_at, **due.price.basis}
        if hold.creator_id is not None:
            details["creator_id"] = hold.creator_id
        if hold.terms is not None:
            details |= {"price_version": hold.terms.version, "markup_bps": hold.terms.markup_bps}
        described = f"Hold for {hold.kind.replace('_', ' ')}"
        posting.move(
            "hold",
            hold.hold_id,
            available(own),
            held(own),
            hold.amount,
            described,
            reference=reference,
            fingerprint=asked,
            details=details,
            labels=hold.labels,
        )
        writes = [self._wallets.opening(hold), *self._pricing.unchanged([due.tool])]
        return Change(after_spending(posting.wallet), posting.transfers, writes)

    def _capturing(
        self, hold: Hold | None, work: Work, asking: _Asking, take: _Take
    ) -> Callable[[Wallet], Change[Wallet]]:
        return lambda wallet: self._captured(wallet, hold, work, asking, take)

    def _captured(self, wallet: Wallet, hold: Hold | None, work: Work, asking: _Asking, take: _Take) -> Change[Wallet]:
        posting, covered, hold_id = WalletPosting(wallet), 0, work.hold_id
        if hold is not None:
            covered = 0 if hold.lapsed else hold.amount
            release(posting, hold, CAPTURED, "Hold released to be captured")
        # Up to what an open hold guarantees, nothing is asked of the wallet.
        price, labels = asking.price.amount, asking.labels(work)
        if price > covered:
            price = take(posting.wallet, price, covered, labels)
        held_for, epochs = (hold.labels, hold.epochs) if hold is not None and covered > 0 else ({}, {})
        counted = spend_room(posting.wallet, labels, price, held_for=held_for, epochs=epochs, covered=covered)
        posting.wallet = counted.wallet
        split = None
        if work.creator_id and price > 0:
            split = self._sharing.share(work.creator_id, price, posting.granted_of(price))
        if hold is None:
            note_captured(posting, hold_id, key_of(asking.request))
        posting.move(
            "capture",
            line_id(asking.request),
            available(wallet.account_id),
            REVENUE,
            price,
            "Work captured from a hold",
            reference=hold_id,
            fingerprint=asking.asked,
            details={
                "kind": work.kind,
                "billing_mode": "wallet",
                "short": asking.price.amount - price,
                "key": key_of(asking.request),
                **({"tool_id": work.tool_id} if work.tool_id else {}),
                **asking.price.basis,
                **counted.details,
            },
            labels=labels,
            split=split,
        )
        posting.spend(price)
        pay_debt(posting, f"{line_id(asking.request)}:debt", hold_id)
        # The capture's own line goes last: it is the one that is answered with.
        transfers = sorted(posting.transfers, key=lambda transfer: transfer.type == "capture")
        settled = after_spending(after_crediting(posting.wallet))
        also = [self._wallets.closing(hold)] if hold is not None else []
        return Change(settled, transfers, [*also, *self._sharing.counting([split] if split else [])])

    def _released(
        self, wallet: Wallet, *, hold: Hold | None, lapse: Transfer | None, request: ReleaseRequest, asked: str
    ) -> Change[Wallet]:
        posting, key = WalletPosting(wallet), key_of(request)
        if hold is None:
            _note_release(posting, required(lapse, "the lapse of a hold that is not open"), asked, key)
            return Change(posting.wallet, posting.transfers)
        release(posting, hold, RELEASED, "Hold released", fingerprint=asked, key=key)
        pay_debt(posting, f"{end_id(hold.hold_id)}:debt", hold.hold_id)
        return Change(after_crediting(posting.wallet), posting.transfers, [self._wallets.closing(hold)])


@dataclass(frozen=True)
class _Asking:
    """What a capture is asked for."""

    request: CaptureRequest
    price: Price
    asked: str

    def labels(self, work: Work) -> dict[str, str]:
        """Those of the hold, and the capture's own beside them; InvalidRequest (422)."""
        return work.joined(self.request.labels)


def _all_of(wallet: Wallet, price: Micros, _covered: Micros, _labels: Mapping[str, str]) -> Micros:
    """The whole price; InsufficientBalance or SpendCapReached (402)."""
    check_funds(wallet, price)
    check_cap(wallet, price)
    return price


def _what_there_is(wallet: Wallet, price: Micros, covered: Micros, labels: Mapping[str, str]) -> Micros:
    """As much of the price as there is, also in the budgets, and at least what was covered."""
    allowed = wallet.balance if wallet.debt == 0 else covered
    if wallet.spend_cap is not None:
        allowed = min(allowed, under_cap(wallet, wallet.spend_cap))
    room = room_left(wallet, labels)
    if room is not None:
        allowed = min(allowed, room)
    return min(price, max(covered, allowed))


def _note_release(posting: WalletPosting, lapse: Transfer, asked: str, key: str) -> None:
    """Move nothing: the hold's money came back when it lapsed. The line keeps it from being captured."""
    own, hold_id = posting.wallet.account_id, lapse.reference or ""
    details = {"ended_by": RELEASED, "key": key, "given_back": lapse.amount}
    described = "Hold released after it lapsed"
    posting.move(
        "release",
        over_id(hold_id),
        held(own),
        available(own),
        0,
        described,
        reference=hold_id,
        fingerprint=asked,
        details=details,
    )
