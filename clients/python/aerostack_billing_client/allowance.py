"""Charging without a request for each charge: money is held ahead, handed out here, and captured by items.

One lock guards what is in hand, and is never held during a request. A thread in the background captures what was
handed out, ninety charges in a request, and lets the hold grow before it is used up. Who finds too little in hand asks
for more itself, and is told what the service refuses.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Self, Unpack

from aerostack_billing_client import forking
from aerostack_billing_client.allowance_calls import CaptureItem, capture_items, extend_hold
from aerostack_billing_client.allowance_parts import Drawn, Part, Reserved, passes, total
from aerostack_billing_client.allowance_prices import KnownPrices
from aerostack_billing_client.allowance_terms import AllowanceStats, AllowanceTerms, ChargeTerms, cents, micros
from aerostack_billing_client.blocks import Elapsed
from aerostack_billing_client.errors import ApiError, BillingError
from aerostack_billing_client.holds import Runs
from aerostack_billing_client.money import Cents
from aerostack_billing_client.paid_for import check_one_price
from aerostack_billing_client.refusals import HoldEnded, HoldNotFound, PaymentRequired
from aerostack_billing_client.service_calls import Kind, Labels, release_hold, take_hold
from aerostack_billing_client.wallet_answers import Captured

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 5.0
"""How long nothing is asked for ahead after that was refused or failed, nor settled after that failed."""


class Allowance:
    """Takes charges from one account at the speed of memory, out of money that is held for them.

    `charge` returns when the money is certain: it is held, and the charge is captured from it within seconds, by a
    line of the statement of its own. What the wallet, its cap or a budget refuses is raised by the charge that finds
    too little in hand: InsufficientBalance, SpendCapReached, BudgetReached.

    A charge names its amount, or is priced by `usage` or `tool_id`: by the price book and the tool's price, for which
    the service is asked once. The capture has the last word: what it came to otherwise is taken from what is held, or
    given back to it. `reserve` sets money aside for work that is priced when it ends.

    Close it at the end, or use it as a context manager: what was handed out is captured, and the rest of the hold goes
    back. At the interpreter's exit it closes itself. **A process that is killed loses what it had handed out and not
    captured yet: the charges of the last `settle_seconds`, and never more than the hold, `cents`.** The customer is
    not charged for them, and gets the held money back when the hold lapses, `ttl_seconds` later at most.

    Any number of threads may use it. A child process starts with nothing in hand, and takes a hold of its own.
    """

    def __init__(
        self,
        client: Runs,
        account_id: str,
        terms: AllowanceTerms,
        *,
        kind: Kind = "agent_execution",
        labels: Labels | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.account_id = account_id
        self.terms = terms
        self._client = client
        self._kind = kind
        self._labels = dict(labels or {})
        self._most = micros(terms.cents)
        self._clock = clock or Elapsed()
        self._prices = KnownPrices(self._clock)
        self._closed = False
        self.start_anew()
        forking.tend(self)

    def __repr__(self) -> str:
        return f"Allowance({self.account_id!r}, {self.stats()})"

    def start_anew(self) -> None:
        """Forget everything in hand: in a child process it is the parent's."""
        self._life = object()
        self._lock = threading.Lock()
        self._busy = threading.Condition(self._lock)
        self._asking = threading.Lock()
        self._settling = threading.Lock()
        self._worker: threading.Thread | None = None
        self._hold_id: str | None = None
        self._left = self._waiting = self._reserved = 0
        self._ends_at = self._renews_at = self._paused_until = 0.0
        self._parts: deque[Part] = deque()
        self._oldest = 0.0
        self._handed_out = self._captured = self._lost = 0

    def charge(self, amount_cents: Cents | None = None, **more: Unpack[ChargeTerms]) -> None:
        """Take a price out of what is held; mostly without a request.

        InsufficientBalance, SpendCapReached, BudgetReached, or another BillingError, where more has to be held or a
        price asked for and that fails: then nothing is taken. UnknownModel, ToolNotFound, PriceChanged for a price that
        there is not. ValueError above the allowance itself; RuntimeError once it is closed.
        """
        while not self.charge_at_hand(amount_cents, **more):
            self.ask_for(amount_cents, **more)

    def charge_at_hand(self, amount_cents: Cents | None = None, **more: Unpack[ChargeTerms]) -> bool:
        """Take a price if it is known and in hand, without waiting for anything; False, and nothing is taken, if not.

        ValueError and RuntimeError as `charge`.
        """
        item = CaptureItem(amount_cents, **more)
        price = self._known(item)
        if price is None:
            return False
        with self._lock:
            hold_id = self._set_aside(price)
            if hold_id is not None:
                self._hand_out(hold_id, Drawn(item, price))
            return hold_id is not None

    def reserve(self, amount_cents: Cents | None = None, **more: Unpack[ChargeTerms]) -> Reserved:
        """Set aside what work may cost, once other work leaves room. Errors as `charge`; end it before `close`."""
        while (reserved := self.reserve_at_hand(amount_cents, **more)) is None:
            self.ask_for(amount_cents, **more)
        return reserved

    def reserve_at_hand(self, amount_cents: Cents | None = None, **more: Unpack[ChargeTerms]) -> Reserved | None:
        """The same if the price is known and in hand, without waiting for anything; None if not."""
        price = self._known(CaptureItem(amount_cents, **more))
        if price is None:
            return None
        with self._lock:
            hold_id, life = self._set_aside(price), self._life
            self._reserved += price if hold_id is not None else 0
        return None if hold_id is None else Reserved(hold_id, price, partial(self._reserved_ended, life))

    def ask_for(self, amount_cents: Cents | None = None, **more: Unpack[ChargeTerms]) -> None:
        """Learn the price of a charge, and hold enough for it: as the terms say, or if refused, what it needs.

        Errors as `charge`. It takes nothing: the charge is still to be made. It waits for room beside what is reserved.
        """
        item = CaptureItem(amount_cents, **more)
        with self._asking:
            price = self._known(item)
            if price is None:
                self._checked(self._client.run(self._prices.ask(self.account_id, self._kind, item)))
                return
            with self._lock:
                self._open()
                if self._hold_id is not None and self._clock() < self._ends_at and self._left >= price:
                    return
            # What waits to be captured is a part of what is held: only without it there is room for more.
            self.settle()
            try:
                self._hold_more(self._most)
            except PaymentRequired:
                self._hold_more(price, self._reserved)
        self._start()
        with self._lock:
            self._busy.wait_for(lambda: self._closed or self._reserved + price <= self._most, _PAUSE_SECONDS)

    def settle(self) -> None:
        """Capture now what was handed out up to now; BillingError where that fails, and it is tried again later."""
        with self._settling:
            with self._lock:
                for begun in self._parts:
                    begun.sealed = True
            while (part := self._next()) is not None:
                self._capture(part)

    def close(self) -> None:
        """Capture what was handed out, and give the rest of the hold back; what cannot be captured is logged."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._busy.notify_all()
        atexit.unregister(self.close)
        if self._worker is not None:
            self._worker.join()
        try:
            # What another thread is asking for has come by then, and is given back too.
            with self._asking:
                self.settle()
                if self._hold_id is not None:
                    self._client.run(release_hold(self.account_id, self._hold_id))
        except BillingError as error:
            for part in self._parts:
                self._count_lost(part, error)
            self._parts.clear()

    def stats(self) -> AllowanceStats:
        """What was done so far."""
        with self._lock:
            waiting = sum(len(part.drawn) for part in self._parts)
            shown = [Decimal(cents(done)) for done in (self._handed_out, self._captured, self._lost)]
        return AllowanceStats(handed_out=shown[0], captured=shown[1], lost=shown[2], waiting=waiting)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What is in hand

    def _known(self, item: CaptureItem) -> int | None:
        """The price of a charge in micros; None where it has to be asked for."""
        check_one_price(item.amount_cents, item.usage, item.tool_id)
        price = self._prices.of(item)
        return None if price is None else self._checked(price)

    def _checked(self, price: int) -> int:
        if not 0 <= price <= self._most:
            raise ValueError(f"an allowance of {self.terms.cents} cents takes charges from 0 up to that")
        return price

    def _set_aside(self, price: int) -> str | None:
        """Take a price out of what is in hand, if there is enough of it: the hold that it comes from."""
        self._open()
        now = self._clock()
        if self._hold_id is None or now >= self._ends_at or price > self._left:
            return None
        self._left -= price
        self._waiting += price
        if self._wants_more(now):
            self._busy.notify_all()
        return self._hold_id

    def _hand_out(self, hold_id: str, drawn: Drawn) -> None:
        """Have a charge captured for which money is set aside."""
        self._handed_out += drawn.micros
        if not self._parts:
            self._oldest = self._clock()
        if not self._parts or not self._parts[-1].takes_from(hold_id):
            self._parts.append(Part(hold_id))
        self._parts[-1].drawn.append(drawn)
        if len(self._parts) > 1:
            self._busy.notify_all()

    def _reserved_ended(self, life: object, reserved: Reserved, item: CaptureItem | None) -> None:
        """Hand out what the work cost in place of what was set aside; None: nothing."""
        if life is not self._life:
            return  # The parent's, which charges it itself.
        known = None if item is None else self._prices.of(item)
        drawn = None if item is None else Drawn(item, reserved.micros if known is None else known)
        more = (0 if drawn is None else drawn.micros) - reserved.micros
        with self._lock:
            self._reserved -= reserved.micros
            self._busy.notify_all()
            self._waiting += more
            if reserved.hold_id == self._hold_id:
                self._left -= more
            if drawn is not None:
                self._hand_out(reserved.hold_id, drawn)
            closed = self._closed
        if closed and drawn is not None:
            self._count_lost(Part(reserved.hold_id, [drawn]), BillingError("the allowance was closed before"))

    def _open(self) -> None:
        if self._closed:
            raise RuntimeError("the allowance is closed")

    def _wants_more(self, now: float) -> bool:
        if self._hold_id is None or now < self._paused_until:
            return False
        return 2 * (self._left + self._reserved) <= self._most or now >= self._renews_at

    def _hold_more(self, up_to: int, beside: int = 0) -> None:
        """Extend the hold, or take one where there is none; only one thread at a time does."""
        with self._lock:
            hold_id, sent_at = self._hold_id, self._clock()
            add = max(0, up_to + beside - self._left - self._waiting)
            over = sent_at >= self._ends_at
        seconds = self.terms.ttl_seconds
        if hold_id is not None and not over:
            try:
                self._client.run(extend_hold(self.account_id, hold_id, ttl_seconds=seconds, add_cents=cents(add)))
            except HoldEnded:
                hold_id = None
        if hold_id is None or over:
            labels = self._labels or None
            held = self._client.run(
                take_hold(self.account_id, self._kind, cents(up_to), ttl_seconds=seconds, labels=labels)
            )
            hold_id, add = held.hold_id, up_to
            self._prices.held_by(None if held.price_version is None else held.price_version.isoformat())
        with self._lock:
            if hold_id != self._hold_id:
                self._hold_id, self._left = hold_id, 0
            self._left += add
            # A part of the time is left for the last capture, which is to come before the hold lapses.
            self._ends_at, self._renews_at = sent_at + 0.9 * seconds, sent_at + 0.5 * seconds

    # The thread in the background

    def _start(self) -> None:
        with self._lock:
            if self._worker is not None or self._closed:
                return
            self._worker = threading.Thread(target=self._work, name="aerostack-allowance", daemon=True)
            self._worker.start()
        atexit.register(self.close)

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._closed:
                    return
                now = self._clock()
                due = len(self._parts) > 1 or (self._parts and now >= self._oldest + self.terms.settle_seconds)
                more = self._wants_more(now)
                if not due and not more:
                    self._busy.wait(min(self.terms.settle_seconds, _PAUSE_SECONDS))
                    continue
            if self._settled() and more:
                self._ahead()

    def _ahead(self) -> None:
        try:
            with self._asking:
                self._hold_more(self._most)
        except BillingError as error:
            # Whoever needs it asks for itself, and is told.
            _log.debug("no more could be held ahead: %s", error)
            with self._lock:
                self._paused_until = self._clock() + _PAUSE_SECONDS

    def _settled(self) -> bool:
        try:
            self.settle()
        except BillingError as error:
            _log.warning("charges could not be captured yet, and are tried again: %s", error)
            with self._lock:
                self._busy.wait(_PAUSE_SECONDS)
            return False
        return True

    # Capturing

    def _next(self) -> Part | None:
        """The oldest part, if it is closed to further charges."""
        with self._lock:
            return self._parts[0] if self._parts and self._parts[0].sealed else None

    def _capture(self, part: Part) -> None:
        """Capture the oldest part, once however often it is tried; BillingError where it is to be tried again."""
        try:
            captured = self._client.run(
                capture_items(self.account_id, part.hold_id, part.items, final=False, idempotency_key=part.key)
            )
        except ApiError as error:
            if passes(error):
                raise
            if len(part.drawn) > 1 and not isinstance(error, HoldEnded | HoldNotFound):
                # One that is wrong is not to spoil the others. They stay in line, so that each is counted once
                # also where the service fails among them.
                self._replace_oldest(part.each())
                return
            self._count_lost(part, error)
            if not isinstance(error, HoldEnded | HoldNotFound):
                self._correct(part.hold_id, -total(part.drawn))
            self._replace_oldest([])
            return
        self._count_captured(part, captured)
        self._replace_oldest([])

    def _count_captured(self, part: Part, captured: Captured) -> None:
        """What it came to, which a price that changed meanwhile makes other than what was set aside."""
        taken, reserved = micros(captured.captured_cents), total(part.drawn)
        self._prices.captured(captured.items or ())
        with self._lock:
            self._captured += taken
            self._waiting -= reserved
            self._handed_out += taken - reserved
        self._correct(part.hold_id, taken - reserved)

    def _correct(self, hold_id: str, more: int) -> None:
        """So much more of the hold was used, or less, than was set aside; beyond the hold the balance has paid."""
        with self._lock:
            if hold_id == self._hold_id:
                self._left = max(self._left - more, -self._waiting)

    def _replace_oldest(self, parts: Sequence[Part]) -> None:
        with self._lock:
            self._parts.popleft()
            self._parts.extendleft(reversed(parts))
            self._oldest = self._clock()

    def _count_lost(self, part: Part, error: BillingError) -> None:
        lost = total(part.drawn)
        with self._lock:
            self._lost += lost
            self._waiting -= lost
        _log.error("%d charges, %s cents, were not captured: %s", len(part.drawn), cents(lost), error)
