"""What a charge of an allowance will cost, known before its capture: an amount, tokens by the book, a tool's price.

The service is asked once: for the price book of the hold's version, and for each tool. What it then captures corrects
what was reserved, and tells the newest price of a tool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aerostack_billing_client.allowance_calls import CaptureItem
from aerostack_billing_client.allowance_terms import micros
from aerostack_billing_client.asking import Flow
from aerostack_billing_client.plan_answers import ModelPrice, Prices
from aerostack_billing_client.service_calls import Kind, quote
from aerostack_billing_client.token_prices import micros_of
from aerostack_billing_client.usage import TokenUsage
from aerostack_billing_client.user_calls import prices
from aerostack_billing_client.wallet_answers import CapturedItem

_TOOL_SECONDS = 60.0
"""How long a tool's price is taken for known after the service told it."""


@dataclass(frozen=True, slots=True)
class _Book:
    """The price book, by every name of a model."""

    version: str
    markup_bps: int
    models: dict[str, ModelPrice]

    @classmethod
    def of(cls, told: Prices) -> _Book:
        models = {name: model for model in told.models for name in (model.model, *model.aliases)}
        return cls(told.version.isoformat(), told.markup_bps, models)


class KnownPrices:
    """Prices as the service last told them. Any number of threads may read them; one at a time asks."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._book: _Book | None = None
        self._tools: dict[str, tuple[int, float]] = {}
        self._quoted: tuple[TokenUsage, int] | None = None
        """The last usage that the book did not price and the service did: a release may be between the two."""

    def of(self, item: CaptureItem) -> int | None:
        """Its price in micros; None where the service has to be asked."""
        if item.amount_cents is not None:
            return micros(item.amount_cents)
        if item.usage is not None:
            return self._of_tokens(item.usage)
        price, told_at = self._tools.get(item.tool_id or "", (0, float("-inf")))
        dearer = item.max_price_cents is not None and price > micros(item.max_price_cents)
        return None if dearer or self._clock() >= told_at + _TOOL_SECONDS else price

    def ask(self, account_id: str, kind: Kind, item: CaptureItem) -> Flow[int]:
        """Ask for what is not known, and its price. UnknownModel, ToolNotFound, PriceChanged, as the service says."""
        if item.usage is not None and self._book is None:
            self._book = _Book.of((yield from prices()))
        if (known := self.of(item)) is not None:
            return known
        quoted = yield from quote(
            account_id,
            item.kind or ("tool_call" if item.tool_id is not None else kind),
            usage=item.usage,
            tool_id=item.tool_id,
            max_price_cents=item.max_price_cents,
        )
        price = micros(quoted.amount_cents)
        if item.tool_id is not None:
            self._tools[item.tool_id] = (price, self._clock())
        if item.usage is not None:
            self._quoted = (item.usage, price)
        return price

    def held_by(self, version: str | None) -> None:
        """A hold was taken by this version of the book, whose prices its captures pay: another one is forgotten."""
        if self._book is not None and version != self._book.version:
            self._book = None

    def captured(self, items: Iterable[CapturedItem]) -> None:
        """What was captured tells what tools cost now."""
        now = self._clock()
        for item in items:
            if item.tool_id is not None:
                self._tools[item.tool_id] = (micros(item.amount_cents), now)

    def _of_tokens(self, usage: TokenUsage) -> int | None:
        book, quoted = self._book, self._quoted
        if book is None:
            return None
        rate = book.models.get(usage.model)
        if rate is not None:
            return micros_of(rate, usage, book.markup_bps)
        return quoted[1] if quoted is not None and quoted[0] == usage else None
