"""Allowances: holds that are drawn down by many captures, each with a line of its own, and extended.

Whoever serves many small pieces of work holds money for them, hands it out without a request, and captures what was
used by items. What is held is guaranteed; what a process that dies had not captured comes back when the hold lapses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from aerostack_billing.ledger.accounts import REVENUE, available, held
from aerostack_billing.ledger.keys import Done, check_same, fingerprint, transfer_id
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.platform import clock
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values import authority
from aerostack_billing.values.errors import BillingError, InvalidRequest
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.budgets import free_room, hold_room, spend_room
from aerostack_billing.wallet.charges import UNPRICED
from aerostack_billing.wallet.charging import MOST_ACTIONS, SHORT, actions_of
from aerostack_billing.wallet.hold_answers import drawn_answer, extended_answer
from aerostack_billing.wallet.hold_work import (
    CAPTURED,
    HoldEnded,
    HoldStates,
    Work,
    key_of,
    line_id,
    note_captured,
    same_capture,
)
from aerostack_billing.wallet.lapsing import LAPSED, Lapsing, draw, release
from aerostack_billing.wallet.models import Hold, Wallet
from aerostack_billing.wallet.pricing import Due, Price, Pricing
from aerostack_billing.wallet.reload_states import after_crediting, after_spending
from aerostack_billing.wallet.requests import MOST_HELD_SECONDS, CaptureItem, CaptureRequest, ExtendRequest
from aerostack_billing.wallet.rules import WalletPosting, check_cap, check_funds, pay_debt
from aerostack_billing.wallet.sharing import Sharing, check_payee
from aerostack_billing.wallet.store import WalletStore

_RACES = 8


@dataclass(frozen=True)
class _Item:
    """A piece of work, priced: its line's id and what the line says."""

    asked: CaptureItem
    line_id: str
    due: Due
    kind: str
    creator_id: str | None
    labels: dict[str, str]

    @property
    def price(self) -> Price:
        """What it costs."""
        return self.due.price


class Allowances:
    """Draws holds down, and extends them."""

    def __init__(self, wallets: WalletStore, lapsing: Lapsing, sharing: Sharing, pricing: Pricing) -> None:
        self._wallets = wallets
        self._states = HoldStates(wallets)
        self._lapsing = lapsing
        self._sharing = sharing
        self._pricing = pricing

    def capture(self, hold_id: str, request: CaptureRequest) -> Done:
        """Charge every item, or none, out of what is held; `final` frees the rest, else it stays held.

        More than is held is taken from the balance, under the checks of a charge: InsufficientBalance, SpendCapReached
        or BudgetReached (402) with the hold kept as it was. A hold whose time is over is served from the balance
        likewise. HoldNotFound (404); HoldEnded (409) for one that was captured or released; InvalidRequest (422), also
        where the items touch more creators and budgets than one transaction takes; ToolNotFound (404) and PriceChanged
        (409), which name the item. TokenRestricted (403) for another kind's hold, and to end one that the token could
        not have taken. Written under the conditions that wallet and hold are as they were read, that tools cost what
        they did, and that no line of the key exists.
        """
        account_id, asked, latest = request.account_id, fingerprint(request), False
        for _ in attempts(_RACES):
            hold = self._states.open(account_id, hold_id)
            try:
                work = Work.of(hold) if hold is not None else self._ended_work(hold_id, request)
                work.check_token(ends=request.final)
                items = self._items(work, request, latest=latest)
                change = self._take(hold, work, items, request, asked)
            except TransferExists:
                again = self._again(hold_id, request, asked)
                if again is not None:
                    return again
            except Stale:
                latest = True
            except SHORT:
                # What this process remembers of a tool may be dearer than it is now.
                if latest or request.names_no_tool:
                    raise
                latest = True
            else:
                lines = {transfer.transfer_id: transfer for transfer in change.transfers}
                return Done(drawn_answer(hold_id, [lines[item.line_id] for item in items]))
        raise HoldEnded("The hold is being captured or released right now. Try again with the same key.")

    def extend(self, hold_id: str, request: ExtendRequest) -> Done:
        """Let a hold end later, and hold more, under the checks of a hold for the money that is added.

        It takes room again in the budgets that its labels meet now: so it moves into a window that has begun since.
        InsufficientBalance, SpendCapReached and BudgetReached (402) with the hold as it was, the first of them also for
        an account that owes; HoldNotFound (404); HoldEnded (409) for one that was captured or released, whose time is
        over, or which would live longer than MOST_HELD_SECONDS.
        """
        account_id, asked = request.account_id, fingerprint(request)
        line_id = transfer_id("ext_", account_id, f"{hold_id}\0{request.idempotency_key}")
        for _ in attempts(_RACES):
            hold = self._states.open(account_id, hold_id)
            try:
                if hold is None or hold.lapsed or _too_old(hold, request):
                    self._lapsing.check_new(account_id, line_id)
                    if hold is None:
                        self._states.ended(account_id, hold_id)
                    raise HoldEnded("The hold is over, or would live too long. Take another one.", {"hold_id": "ended"})
                rule = partial(self._extended, hold=hold, request=request, line_id=line_id, asked=asked)
                change = self._lapsing.spend(account_id, line_id, rule, labels=hold.labels)
            except TransferExists as exists:
                return Done(extended_answer(hold_id, check_same(exists.transfer, asked)), replayed=True)
            except Stale:
                continue
            else:
                return Done(extended_answer(hold_id, change.transfers[0]))
        raise HoldEnded("The hold is being captured or released right now. Try again with the same key.")

    # What was done before

    def _ended_work(self, hold_id: str, request: CaptureRequest) -> Work:
        """What a lapsed hold was for; TransferExists where this capture was made, HoldEnded (409) where another was."""
        return self._states.capturable(request.account_id, hold_id, line_id(request))

    def _again(self, hold_id: str, request: CaptureRequest, asked: str) -> Done | None:
        """The first answer, where this capture was made before; None where it was not."""
        ids = [line_id(request, place) for place in range(len(request.items or ()))]
        found = self._wallets.ledger.those(request.account_id, ids)
        if ids[0] not in found:
            return None
        same_capture(found[ids[0]], hold_id, request, asked)
        return Done(drawn_answer(hold_id, [found[line_id] for line_id in ids]), replayed=True)

    # What the wallet becomes

    def _items(self, work: Work, request: CaptureRequest, *, latest: bool) -> list[_Item]:
        """The items, priced; TransferExists where they were captured before, whatever they would cost now."""
        found: list[_Item] = []
        seen: set[str | None] = {None}
        for place, asked in enumerate(request.items or ()):
            try:
                # A tool's price is looked up once for all items of it.
                found.append(self._item(work, request, place, asked, latest=latest and asked.tool_id not in seen))
            except UNPRICED as wrong:
                self._lapsing.check_new(request.account_id, line_id(request))
                _of_item(wrong, place)
                raise
            seen.add(asked.tool_id)
        return found

    def _item(self, work: Work, request: CaptureRequest, place: int, asked: CaptureItem, *, latest: bool) -> _Item:
        kind = asked.kind or ("tool_call" if asked.tool_id is not None else work.kind)
        due = self._pricing.due(asked, work.terms, latest=latest)
        creator_id = due.creator_id or (work.creator_id if kind == "tool_call" else None)
        if (kind == "tool_call") != (creator_id is not None):
            wrong = {"creator_id": "is required for a tool_call and allowed for nothing else"}
            raise InvalidRequest("An item's creator does not fit its kind.", wrong)
        check_payee(request.account_id, creator_id)
        self._pricing.check(kind, due.price.amount, "amount_cents" if asked.usage is None else "usage")
        if creator_id is not None and creator_id != work.creator_id:
            self._sharing.register(creator_id)
        return _Item(asked, line_id(request, place), due, kind, creator_id, work.joined(asked.labels))

    def _take(
        self, hold: Hold | None, work: Work, items: Sequence[_Item], request: CaptureRequest, asked: str
    ) -> Change[Wallet]:
        rule = partial(self._captured, hold=hold, work=work, items=items, request=request, asked=asked)
        labels = frozenset(pair for item in items for pair in item.labels.items())
        return self._lapsing.spend(request.account_id, items[0].line_id, rule, labels=labels)

    def _captured(
        self,
        wallet: Wallet,
        *,
        hold: Hold | None,
        work: Work,
        items: Sequence[_Item],
        request: CaptureRequest,
        asked: str,
    ) -> Change[Wallet]:
        posting, key, first = WalletPosting(wallet), key_of(request), items[0].line_id
        covered = 0 if hold is None or hold.lapsed else hold.amount
        left = self._released(posting, hold, work, items, request)
        # The first line is what the key is known by, and says what is left for the answer.
        about: dict[str, object] = {"key": key, "hold_id": work.hold_id, "left": left.amount if left else 0}
        for item in items:
            own = min(covered, item.price.amount)
            covered -= own
            self._line(posting, item, hold, own, about if item is items[0] else {}, asked)
        pay_debt(posting, f"{first}:debt", work.hold_id)
        tools = self._pricing.unchanged(item.due.tool for item in items)
        if actions_of(wallet, posting) + 1 + len(tools) > MOST_ACTIONS:
            wrong = {"items": "meet more creators and budgets than one capture takes"}
            raise InvalidRequest("Capture these items by several requests.", wrong)
        splits = [transfer.split for transfer in posting.transfers if transfer.split is not None]
        also = [*self._sharing.counting(splits), *tools]
        if hold is not None:
            also.append(self._wallets.closing(hold) if left is None else self._wallets.changing(hold, left))
        return Change(after_spending(after_crediting(posting.wallet)), posting.transfers, also)

    def _released(
        self, posting: WalletPosting, hold: Hold | None, work: Work, items: Sequence[_Item], request: CaptureRequest
    ) -> Hold | None:
        """Free what the items are paid from; the hold with the rest, None where it ends."""
        if hold is None or hold.lapsed:
            if hold is not None:
                release(posting, hold, LAPSED, "Hold lapsed")
            if request.final:
                note_captured(posting, work.hold_id, key_of(request))
            return None
        if request.final:
            release(posting, hold, CAPTURED, "Hold released to be captured", key=key_of(request))
            return None
        drawn = min(hold.amount, sum(item.price.amount for item in items))
        return draw(posting, hold, drawn, f"{items[0].line_id}:drawn") if drawn > 0 else hold

    def _line(
        self,
        posting: WalletPosting,
        item: _Item,
        hold: Hold | None,
        own: Micros,
        about: Mapping[str, object],
        asked: str,
    ) -> None:
        """Take the price of one item, `own` of it guaranteed by the hold."""
        price = item.price.amount
        if price > own:
            check_funds(posting.wallet, price)
            check_cap(posting.wallet, price)
        held_for, epochs = (hold.labels, hold.epochs) if hold is not None and own > 0 else ({}, {})
        counted = spend_room(posting.wallet, item.labels, price, held_for=held_for, epochs=epochs, covered=own)
        posting.wallet = counted.wallet
        split = None
        if item.creator_id and price > 0:
            split = self._sharing.share(item.creator_id, price, posting.granted_of(price))
        posting.move(
            "capture",
            item.line_id,
            available(posting.wallet.account_id),
            REVENUE,
            price,
            "Work captured from a hold",
            reference=item.asked.reference,
            fingerprint=asked if about else None,
            details={"kind": item.kind, "billing_mode": "wallet", **item.price.basis, **counted.details, **about},
            labels=item.labels,
            split=split,
        )
        posting.spend(price)

    def _extended(
        self, wallet: Wallet, *, hold: Hold, request: ExtendRequest, line_id: str, asked: str
    ) -> Change[Wallet]:
        added = request.add_cents
        authority.current().check_undoing(hold.kind, hold.amount + added)
        # Also where nothing is added: who owes keeps no money from what is owed by having it held on and on.
        check_funds(wallet, added)
        check_cap(wallet, added)
        freed = free_room(wallet, hold.labels, hold.epochs, hold.amount)
        counted = hold_room(freed, hold.labels, hold.amount + added)
        posting, own = WalletPosting(counted.wallet), wallet.account_id
        after = replace(
            hold,
            amount=hold.amount + added,
            granted=hold.granted + posting.granted_of(added),
            epochs={label: count[0] for label, count in counted.counts.items()},
            expires_at=max(hold.expires_at, clock.seconds() + request.ttl_seconds),
            taken_at=hold.taken_at or clock.seconds(),
        )
        posting.move(
            "hold",
            line_id,
            available(own),
            held(own),
            added,
            "Hold extended",
            reference=hold.hold_id,
            fingerprint=asked,
            details={"kind": hold.kind, "expires_at": after.expires_at, "holds": after.amount},
            labels=hold.labels,
        )
        return Change(after_spending(posting.wallet), posting.transfers, [self._wallets.changing(hold, after)])


def _too_old(hold: Hold, request: ExtendRequest) -> bool:
    """Whether the extension would let the hold live too long; of an older hold its first extension counts."""
    return clock.seconds() + request.ttl_seconds > (hold.taken_at or clock.seconds()) + MOST_HELD_SECONDS


def _of_item(wrong: BillingError, place: int) -> None:
    """Let a refusal say of which item it is."""
    if isinstance(wrong, InvalidRequest):
        wrong.details = {f"items.{place}.{name}": why for name, why in wrong.details.items()}
    else:
        wrong.details = {"item": place, **wrong.details}
