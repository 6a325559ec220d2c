"""How one call of a tool is paid: by a price of its server's, or by the price that its creator published."""

from __future__ import annotations

import logging
from typing import Protocol

from aerostack_billing_client.asking import Flow, new_key
from aerostack_billing_client.errors import BillingError
from aerostack_billing_client.money import Cents
from aerostack_billing_client.service_calls import Labels, charge, hold, refund_charge

_log = logging.getLogger(__name__)


class Payment(Protocol):
    """The payment of one call."""

    def before(self) -> Flow[None]:
        """Make sure of the money; the tool does not run if this is refused."""

    def succeeded(self) -> Flow[None]:
        """The tool succeeded."""

    def failed(self) -> Flow[None]:
        """The tool failed, and is free. What it raised must come through."""


class OwnPrice:
    """A price that the server names: held before the call, captured after it."""

    def __init__(
        self, account_id: str, kind: str, amount_cents: Cents | None, creator_id: str | None, labels: Labels | None
    ) -> None:
        self._amount_cents = amount_cents
        self._holding = hold(account_id, kind, amount_cents, creator_id=creator_id, labels=labels)

    def before(self) -> Flow[None]:
        """Hold the price."""
        return self._holding.take()

    def succeeded(self) -> Flow[None]:
        """Capture it."""
        yield from self._holding.capture(self._amount_cents, usage=None, allow_partial=False, labels=None)

    def failed(self) -> Flow[None]:
        """Give it back."""
        return self._holding.end()


class PublishedPrice:
    """The price of a creator's tool: charged before the call, refunded if it fails."""

    def __init__(self, account_id: str, tool_id: str, max_price_cents: Cents | None, labels: Labels | None) -> None:
        self._account_id = account_id
        self._tool_id = tool_id
        self._max_price_cents = max_price_cents
        self._labels = labels
        self._key = new_key()
        self._charge_id = ""

    def before(self) -> Flow[None]:
        """Charge it."""
        charged = yield from charge(
            self._account_id,
            "tool_call",
            tool_id=self._tool_id,
            max_price_cents=self._max_price_cents,
            labels=self._labels,
            idempotency_key=self._key,
        )
        self._charge_id = charged.charge_id

    def succeeded(self) -> Flow[None]:
        """Nothing is left to do."""
        yield from ()

    def failed(self) -> Flow[None]:
        """Refund it. A refund that fails is in the log, with the charge that is to be refunded."""
        try:
            yield from refund_charge(
                self._account_id, self._charge_id, reason="the tool failed", idempotency_key=self._key
            )
        except BillingError as error:
            _log.error("charge %s of %s is to be refunded: %s", self._charge_id, self._account_id, error)
