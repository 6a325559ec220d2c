"""What tokens cost by the price book, as the service computes it: in whole picodollars, rounded up to a micro once."""

from __future__ import annotations

from typing import Protocol

from aerostack_billing_client.usage import TokenUsage

_PICOS_PER_MICRO = 1_000_000
_BASIS_POINTS = 10_000


class Rated(Protocol):
    """A model's prices in dollars a million tokens. A token of the cache without a price of its own costs as input."""

    @property
    def input(self) -> str:
        """A token that came from no cache."""

    @property
    def output(self) -> str:
        """A token that the model made."""

    @property
    def cache_read(self) -> str | None:
        """A token that a cache held."""

    @property
    def cache_write(self) -> str | None:
        """A token that a cache took."""


def micros_of(rate: Rated, usage: TokenUsage, markup_bps: int) -> int:
    """The price of the tokens in micros, with the markup in basis points."""
    picos = (
        usage.input_tokens * _picodollars(rate.input)
        + usage.output_tokens * _picodollars(rate.output)
        + usage.cache_read_tokens * _picodollars(rate.cache_read or rate.input)
        + usage.cache_write_tokens * _picodollars(rate.cache_write or rate.input)
    )
    return -(-picos * (_BASIS_POINTS + markup_bps) // (_BASIS_POINTS * _PICOS_PER_MICRO))


def _picodollars(dollars: str) -> int:
    """Dollars a million tokens as picodollars a token: the price book has six decimals at most."""
    whole, _, decimals = dollars.partition(".")
    return int(whole + decimals.ljust(6, "0"))
