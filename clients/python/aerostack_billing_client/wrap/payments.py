"""How one call of a tool is paid: its price is held before the call, captured after it, and free where it fails."""

from __future__ import annotations

from aerostack_billing_client.aio.allowance import AsyncAllowance
from aerostack_billing_client.aio.service import AsyncServiceClient
from aerostack_billing_client.allowance import Allowance
from aerostack_billing_client.allowance_parts import Reserved
from aerostack_billing_client.allowance_terms import ChargeTerms
from aerostack_billing_client.asking import Flow
from aerostack_billing_client.money import Cents
from aerostack_billing_client.service import ServiceClient
from aerostack_billing_client.service_calls import Labels, hold
from aerostack_billing_client.wrap.deal import Allowances


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

    def take(self, billing: ServiceClient) -> None:
        """Set the price aside; the tool does not run if this is refused."""
        billing.run(self._holding.take())

    async def take_later(self, billing: AsyncServiceClient) -> None:
        """As `take`, awaited."""
        await billing.run(self._holding.take())

    def succeeded(self) -> Flow[None]:
        """Capture it."""
        yield from self._holding.capture(self._amount_cents, usage=None, allow_partial=False, labels=None)

    def failed(self) -> Flow[None]:
        """Give it back. What the tool raised must come through, so this never fails."""
        return self._holding.end()


class AllowedPayment:
    """The same out of an allowance: mostly without a request."""

    def __init__(self, allowance: Allowances, amount_cents: Cents | None, terms: ChargeTerms) -> None:
        self._allowance = allowance() if callable(allowance) else allowance
        self._amount_cents = amount_cents
        self._terms = terms
        self._reserved: Reserved | None = None

    def take(self, _billing: ServiceClient) -> None:
        """Set the price aside; the tool does not run if this is refused."""
        if not isinstance(self._allowance, Allowance):
            raise TypeError("a tool that is not awaited is paid out of an Allowance")
        self._reserved = self._allowance.reserve(self._amount_cents, **self._terms)

    async def take_later(self, _billing: AsyncServiceClient) -> None:
        """As `take`, awaited."""
        if not isinstance(self._allowance, AsyncAllowance):
            raise TypeError("a tool that is awaited is paid out of an AsyncAllowance")
        self._reserved = await self._allowance.reserve(self._amount_cents, **self._terms)

    def succeeded(self) -> Flow[None]:
        """Charge it, without a request."""
        if self._reserved is not None:
            self._reserved.charge(self._amount_cents, **self._terms)
        yield from ()

    def failed(self) -> Flow[None]:
        """Give it back."""
        if self._reserved is not None:
            self._reserved.release()
        yield from ()
