"""The price book loaded: the one place that knows what tokens cost, on any day.

A price is worked out in picodollars (10^-12 of a dollar), in which a token costs a whole number of them, and rounded up
to a micro once, after the markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Final

from aerostack_billing.prices.models import BookData, DatedPrice, Priced, PricedModel, Terms, Tokens
from aerostack_billing.prices.versions import terms_of_today, today, version_on
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.money import Micros

PICOS_PER_MICRO: Final = 1_000_000
_BASIS_POINTS: Final = 10_000


class UnknownModel(InvalidRequest):
    """The book has no price for the model."""

    code = "UNKNOWN_MODEL"


@dataclass(frozen=True)
class Rate:
    """What a token of each sort costs, in picodollars."""

    input: int
    output: int
    cache_read: int
    cache_write: int

    def of(self, tokens: Tokens) -> int:
        """All the tokens together, in picodollars."""
        return (
            tokens.input_tokens * self.input
            + tokens.output_tokens * self.output
            + tokens.cache_read_tokens * self.cache_read
            + tokens.cache_write_tokens * self.cache_write
        )


def picodollars(dollars: str) -> int:
    """A price in dollars a million tokens as picodollars a token: "0.15" is 150,000."""
    whole, _, decimals = dollars.partition(".")
    return int(whole + decimals.ljust(6, "0"))


def with_markup(picos: int, markup_bps: int) -> Micros:
    """Picodollars and the markup on them, rounded up to a whole micro: the one rounding of a charge."""
    return -(-picos * (_BASIS_POINTS + markup_bps) // (_BASIS_POINTS * PICOS_PER_MICRO))


class PriceBook:
    """Answers what tokens cost; refuses every model it does not know."""

    def __init__(self, data: BookData, markup_bps: int) -> None:
        self.data = data
        self.markup_bps = markup_bps
        self._models = {name: model for model in data.models for name in (model.model, *model.aliases)}
        self._starts = sorted({price.effective_from for model in data.models for price in model.prices})

    def terms(self) -> Terms:
        """By what a price of this moment is worked out."""
        return terms_of_today(self._starts, self.markup_bps)

    def version(self, day: str) -> str:
        """The version that is in force on a day: the newest day on which any price starts, up to this one."""
        return version_on(day, self._starts)

    def price(self, tokens: Tokens, terms: Terms | None = None) -> Priced:
        """What the tokens cost by these terms, or by those of this moment.

        UnknownModel (422) for a model that the book does not name, or had no price for then.
        """
        terms = terms or self.terms()
        model = self._model(tokens.model)
        rate = rate_of(self._dated(model, terms.version))
        amount = with_markup(rate.of(tokens), terms.markup_bps)
        return Priced(amount, replace(tokens, model=model.model), terms)

    def published(self, max_charge_cents: Mapping[str, int]) -> dict[str, object]:
        """All of the book that is in force, and what is to follow, as `GET /api/billing/prices` shows it."""
        day = today()
        return {
            "version": self.version(day),
            "markup_bps": self.markup_bps,
            "models": [_shown(model, price) for model in self.data.models if (price := _on(model, day)) is not None],
            "upcoming": [
                _shown(model, price)
                for model in self.data.models
                for price in model.prices
                if price.effective_from > day
            ],
            "kinds": {kind: {"max_charge_cents": most} for kind, most in max_charge_cents.items()},
        }

    def _model(self, name: str) -> PricedModel:
        found = self._models.get(name)
        if found is None:
            raise UnknownModel(
                f"The price book has no model {name!r}. GET /api/billing/prices lists those it has.",
                {"usage.model": "unknown"},
            )
        return found

    def _dated(self, model: PricedModel, day: str) -> DatedPrice:
        price = _on(model, day)
        if price is None:
            raise UnknownModel(
                f"{model.model} has no price before {model.prices[0].effective_from}.",
                {"usage.model": f"has no price before {model.prices[0].effective_from}"},
            )
        return price


def load(markup_bps: int) -> PriceBook:
    """The book of this release. A price that does not hang together raises pydantic's ValidationError."""
    text = resources.files(__package__).joinpath("book.json").read_bytes()
    return PriceBook(BookData.model_validate_json(text), markup_bps)


def rate_of(price: DatedPrice) -> Rate:
    """A dated price in picodollars a token. Where no cache price is published, such a token costs as one of input."""
    return Rate(
        picodollars(price.input),
        picodollars(price.output),
        picodollars(price.cache_read or price.input),
        picodollars(price.cache_write or price.input),
    )


def _on(model: PricedModel, day: str) -> DatedPrice | None:
    started = [price for price in model.prices if price.effective_from <= day]
    return started[-1] if started else None


def _shown(model: PricedModel, price: DatedPrice) -> dict[str, object]:
    return {
        "model": model.model,
        "provider": model.provider,
        "aliases": model.aliases,
        "input": price.input,
        "output": price.output,
        "cache_read": price.cache_read,
        "cache_write": price.cache_write,
        "effective_from": price.effective_from,
    }
