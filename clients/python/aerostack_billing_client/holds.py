"""Money set aside around a piece of work, so that it is paid for when it succeeds and free when it fails."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self, TypeVar

from aerostack_billing_client.asking import Flow
from aerostack_billing_client.money import Cents
from aerostack_billing_client.service_calls import Holding, Labels
from aerostack_billing_client.usage import TokenUsage
from aerostack_billing_client.wallet_answers import Captured, Held

T = TypeVar("T")


class Runs(Protocol):
    """What makes calls."""

    def run(self, flow: Flow[T]) -> T:
        """Make them, and return what they return."""


class HoldOf:
    """What is known of a hold, in either way of calling."""

    def __init__(self, holding: Holding) -> None:
        self._holding = holding

    def __repr__(self) -> str:
        return f"{type(self).__name__}(account_id={self.account_id!r}, idempotency_key={self.idempotency_key!r})"

    @property
    def account_id(self) -> str:
        """Whose money it is."""
        return self._holding.account_id

    @property
    def idempotency_key(self) -> str:
        """The key of the hold, its capture and its release."""
        return self._holding.idempotency_key

    @property
    def held(self) -> Held:
        """The hold as it was taken; RuntimeError before the block."""
        return self._holding.held

    @property
    def captured(self) -> Captured | None:
        """What was taken, once it was."""
        return self._holding.captured


class HeldMoney(HoldOf):
    """A hold for the time of a `with` block.

    Inside, `capture` takes what the work cost. Left without, by an exception or not, it is released. Once a capture
    was tried it is not: whether it succeeded may be unknown, and unpaid work is not to become free. Then `capture`
    again, inside the block or after it; a hold that nobody ends gives its money back by itself at `expires_at`.
    """

    def __init__(self, client: Runs, holding: Holding) -> None:
        super().__init__(holding)
        self._client = client

    def capture(
        self,
        amount_cents: Cents | None = None,
        *,
        usage: TokenUsage | None = None,
        allow_partial: bool = False,
        labels: Labels | None = None,
    ) -> Captured:
        """Take the price; the rest goes back. Repeat it with the same price as often as needed: it is taken once.

        An amount, or usage by the price book of when the hold was taken; neither of them where a tool's price is held.

        InsufficientBalance, with the hold kept, where the price is above the hold and the wallet is short;
        `allow_partial` takes what there is.
        """
        return self._client.run(
            self._holding.capture(amount_cents, usage=usage, allow_partial=allow_partial, labels=labels)
        )

    def __enter__(self) -> Self:
        self._client.run(self._holding.take())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.run(self._holding.end())
