"""What work costs: an amount that its service names, or tokens by the price book; and the most that a kind may cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aerostack_billing.ledger.ledger import Stale
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.prices.models import Priced, Terms, Tokens, UsageRequest
from aerostack_billing.values import authority
from aerostack_billing.values.checks import required
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.money import Micros, cents, micros
from aerostack_billing.wallet.requests import Payable
from aerostack_billing.wallet.tools import Tool, Tools


class Book(Protocol):
    """The price book."""

    def price(self, tokens: Tokens, terms: Terms | None = None) -> Priced:
        """What the tokens cost by these terms, or by those of this moment; UnknownModel (422)."""


@dataclass(frozen=True)
class Price:
    """What work costs, and by what: `basis` is what a transfer keeps to compute it again; empty for an amount."""

    amount: Micros
    basis: Mapping[str, object] = field(default_factory=dict)
    tokens: int = 0
    """All tokens, as the plan counts them."""


@dataclass(frozen=True)
class Due:
    """What is to be paid, whom it pays a share, and the tool that said so, if one did."""

    price: Price
    creator_id: str | None
    tool: Tool | None = None


class Pricing:
    """Prices work."""

    def __init__(
        self,
        book: Callable[[], Book],
        terms: Callable[[], Terms],
        max_charge_cents: Callable[[], Mapping[str, int]],
        tools: Callable[[], Tools],
    ) -> None:
        self._book = book
        self._terms = terms
        self._most = max_charge_cents
        self._tools = tools

    def terms(self) -> Terms:
        """By what a price of this moment is worked out."""
        return self._terms()

    def price(self, amount: Micros | None, usage: UsageRequest | None, terms: Terms | None = None) -> Price:
        """What was asked, by these terms or those of this moment. UnknownModel (422)."""
        if usage is None:
            return Price(required(amount, "the amount of what has no usage"))
        priced = self._book().price(usage.tokens, terms)
        return Price(priced.amount, priced.view(), priced.tokens.total)

    def due(self, request: Payable, terms: Terms | None = None, *, latest: bool) -> Due:
        """What a request asks to be paid: an amount, usage, or a tool's price.

        UnknownModel (422); ToolNotFound (404), PriceChanged (409). A tool is as this process remembers it, unless
        `latest`: the write of `unchanged` holds only if it still is so.
        """
        if request.tool_id is None:
            return Due(self.price(request.amount_cents, request.usage, terms), request.creator_id)
        tool = self._tools().priced(request.tool_id, request.max_price_cents, latest=latest)
        basis = {"tool_id": tool.tool_id, "tool_version": tool.version}
        return Due(Price(tool.price, basis), tool.creator_id, tool)

    def unchanged(self, tools: Iterable[Tool | None]) -> list[Write]:
        """The writes that hold only if the tools are as they were read; one a tool. Stale where one is read two ways.

        One write cannot hold for two of its prices: those who read it while it changed look again.
        """
        known: dict[str, Tool] = {}
        for tool in tools:
            if tool is not None and known.setdefault(tool.tool_id, tool) != tool:
                raise Stale
        return [self._tools().unchanged(tool) for tool in known.values()]

    def check(self, kind: str, amount: Micros, field_: str = "amount_cents") -> None:
        """Return if a charge of this kind may take so much; InvalidRequest (422) or TokenRestricted (403) if not."""
        authority.current().check_kind(kind)
        authority.current().check_amount(amount)
        most = self._most()[kind]
        if amount > micros(most):
            raise InvalidRequest(
                f"A {kind} may cost {most} cents at most. Charge its parts, or check the price.",
                {field_: f"comes to {cents(amount)} cents, above {most}"},
            )


def shown(basis: Mapping[str, object]) -> dict[str, object]:
    """What an answer says of how a price came about; nulls where it was named."""
    return {name: basis.get(name) for name in ("usage", "price_version", "tool_id")}
