"""The price book of a fake service, with the service's arithmetic: exact, and rounded up to a micro once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aerostack_billing_client.token_prices import micros_of
from aerostack_billing_client.usage import TokenUsage


@dataclass(frozen=True)
class ModelRate:
    """Dollars a million tokens, as decimal text. Without a price of its own, a token of the cache costs as input."""

    model: str
    input: str
    output: str
    cache_read: str | None = None
    cache_write: str | None = None
    provider: str = "fake"
    aliases: tuple[str, ...] = ()

    def shown(self, day: str) -> dict[str, object]:
        """As the price book shows it."""
        names = ("model", "provider", "input", "output", "cache_read", "cache_write")
        return {name: getattr(self, name) for name in names} | {"aliases": list(self.aliases), "effective_from": day}


@dataclass(frozen=True)
class Book:
    """The prices of a moment; a hold keeps those of when it was taken."""

    version: str
    markup_bps: int = 0
    rates: tuple[ModelRate, ...] = ()

    def rate(self, model: str) -> ModelRate | None:
        """The price of a model, by its name or an alias; None for one that the book does not have."""
        return next((rate for rate in self.rates if model in {rate.model, *rate.aliases}), None)

    def micros(self, rate: ModelRate, usage: Mapping[str, int]) -> int:
        """What the tokens cost."""
        return micros_of(rate, TokenUsage(rate.model, **usage), self.markup_bps)
