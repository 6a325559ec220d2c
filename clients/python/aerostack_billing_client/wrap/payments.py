"""How one call of a tool is paid: its price is held before the call, captured after it, and free where it fails."""

from __future__ import annotations

from aerostack_billing_client.asking import Flow
from aerostack_billing_client.money import Cents
from aerostack_billing_client.service_calls import Labels, hold


class Payment:
    """The payment of one call: a price of the server's, or that of a tool, which pays its creator."""

    def __init__(
        self,
        account_id: str,
        kind: str,
        amount_cents: Cents | None,
        *,
        creator_id: str | None = None,
        tool_id: str | None = None,
        max_price_cents: Cents | None = None,
        labels: Labels | None = None,
    ) -> None:
        self._amount_cents = amount_cents
        self._holding = hold(
            account_id,
            kind,
            amount_cents,
            creator_id=creator_id,
            tool_id=tool_id,
            max_price_cents=max_price_cents,
            labels=labels,
        )

    def before(self) -> Flow[None]:
        """Hold the price; the tool does not run if this is refused."""
        return self._holding.take()

    def succeeded(self) -> Flow[None]:
        """Capture it."""
        yield from self._holding.capture(self._amount_cents, usage=None, allow_partial=False, labels=None)

    def failed(self) -> Flow[None]:
        """Give it back. What the tool raised must come through, so this never fails."""
        return self._holding.end()
