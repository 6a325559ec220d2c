"""What work costs: an amount that its service names, or tokens by the price book; and the most that a kind may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aerostack_billing.prices.models import Priced, Terms, Tokens, UsageRequest
from aerostack_billing.values import authority
from aerostack_billing.values.checks import required
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.money import Micros, cents, micros


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


class Pricing:
    """Prices work."""

    def __init__(
        self,
        book: Callable[[], Book],
        terms: Callable[[], Terms],
        max_charge_cents: Callable[[], Mapping[str, int]],
    ) -> None:
        self._book = book
        self._terms = terms
        self._most = max_charge_cents

    def terms(self) -> Terms:
        """By what a price of this moment is worked out."""
        return self._terms()

    def price(self, amount: Micros | None, usage: UsageRequest | None, terms: Terms | None = None) -> Price:
        """What was asked, by these terms or those of this moment. UnknownModel (422)."""
        if usage is None:
            return Price(required(amount, "the amount of what has no usage"))
        priced = self._book().price(usage.tokens, terms)
        return Price(priced.amount, priced.view(), priced.tokens.total)

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
    return {"usage": basis.get("usage"), "price_version": basis.get("price_version")}
