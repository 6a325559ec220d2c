"""Money set aside around a piece of work, so that it is paid for when it succeeds and free when it fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from aerostack_billing_client.errors import BillingError
from aerostack_billing_client.money import Cents, written
from aerostack_billing_client.wallet_answers import Captured, Held, Released

_log = logging.getLogger(__name__)


class EndsHolds(Protocol):
    """What captures and releases holds."""

    def capture_hold(
        self, account_id: str, hold_id: str, amount_cents: Cents, *, allow_partial: bool, idempotency_key: str
    ) -> Captured:
        """Take the price."""

    def release_hold(self, account_id: str, hold_id: str, *, idempotency_key: str) -> Released:
        """Give it back."""


class HeldMoney:
    """A hold for the time of a `with` block.

    Inside, `capture` takes what the work cost. Left without, by an exception or not, it is released. Once a capture
    was tried it is not: whether it succeeded may be unknown, and unpaid work is not to become free. Then `capture`
    again, inside the block or after it; a hold that nobody ends gives its money back by itself at `expires_at`.
    """

    def __init__(self, holds: EndsHolds, account_id: str, idempotency_key: str, take: Callable[[], Held]) -> None:
        self.account_id = account_id
        self.idempotency_key = idempotency_key
        self.captured: Captured | None = None
        self._holds = holds
        self._take = take
        self._held: Held | None = None
        self._capturing = False

    @property
    def held(self) -> Held:
        """The hold as it was taken; RuntimeError before the block."""
        if self._held is None:
            raise RuntimeError("the hold is taken on entering its with block")
        return self._held

    def capture(self, amount_cents: Cents, *, allow_partial: bool = False) -> Captured:
        """Take the price; the rest goes back. Repeat it with the same price as often as needed: it is taken once.

        InsufficientBalance, with the hold kept, where the price is above the hold and the wallet is short;
        `allow_partial` takes what there is.
        """
        hold_id = self.held.hold_id
        # A price that cannot even be sent is no capture that was tried.
        written(amount_cents)
        self._capturing = True
        self.captured = self._holds.capture_hold(
            self.account_id,
            hold_id,
            amount_cents,
            allow_partial=allow_partial,
            idempotency_key=self.idempotency_key,
        )
        return self.captured

    def __enter__(self) -> Self:
        self._held = self._take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._capturing:
            return
        try:
            self._holds.release_hold(self.account_id, self.held.hold_id, idempotency_key=self.idempotency_key)
        except BillingError:
            # The work's own exception must come through; the hold ends by itself.
            _log.warning("a hold could not be released; it lapses at %s", self.held.expires_at, exc_info=True)
