"""What a token costs, as data: models, the names they go by, and dated prices in dollars a million tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from aerostack_billing.values.fields import RequestModel
from aerostack_billing.values.money import Micros

MAX_TOKENS: Final = 1_000_000_000
"""The most that one count may say: no single call of a model comes near it."""

Dollars = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?$")]
"""Dollars a million tokens. Six decimals at most, so that a token costs a whole number of picodollars."""
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$", max_length=128)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
"""A day (UTC). As a version of the book it means: of each model, the newest price that starts on it or before."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class DatedPrice(_Strict):
    """What a model costs from a day on. A cache price that is not published is null: such tokens cost as `input`."""

    effective_from: Version
    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None

    @model_validator(mode="after")
    def _starts_on_a_day(self) -> Self:
        date.fromisoformat(self.effective_from)
        return self


class PricedModel(_Strict):
    """A model and every price it ever had, oldest first."""

    model: ModelName
    provider: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)]
    aliases: list[ModelName] = []
    prices: Annotated[list[DatedPrice], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        days = [price.effective_from for price in self.prices]
        if any(later <= earlier for earlier, later in pairwise(days)):
            raise ValueError(f"{self.model}: its prices must stand in the order of their days, one a day")
        return self


class BookData(_Strict):
    """book.json, checked when it is loaded: a wrong price stops the function, it does not bill."""

    models: Annotated[list[PricedModel], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        names = [name for model in self.models for name in (model.model, *model.aliases)]
        repeated = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
        if repeated:
            raise ValueError(f"each name belongs to one model, once: {', '.join(sorted(repeated))}")
        return self


@dataclass(frozen=True)
class Tokens:
    """What one or more calls of a model used. No token is in two counts: `input_tokens` came from no cache."""

    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def total(self) -> int:
        """All tokens, as a plan counts them."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens

    def view(self) -> dict[str, object]:
        """As requests, transfers and answers hold it."""
        return {
            "model": self.model,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cache_write_tokens": self.cache_write_tokens,
        }


_Count = Annotated[int, Field(ge=0, le=MAX_TOKENS)]


class UsageRequest(RequestModel):
    """The `usage` of a charge, hold or capture. No token is in two counts: `input_tokens` came from no cache."""

    model: ModelName
    input_tokens: _Count
    output_tokens: _Count
    cache_read_tokens: _Count = 0
    cache_write_tokens: _Count = 0

    @property
    def tokens(self) -> Tokens:
        """The same as a plain value."""
        return Tokens(
            self.model, self.input_tokens, self.output_tokens, self.cache_read_tokens, self.cache_write_tokens
        )


@dataclass(frozen=True)
class Terms:
    """By what a price is worked out: the book's version, and the markup in basis points."""

    version: str
    markup_bps: int


@dataclass(frozen=True)
class Priced:
    """A price by usage, with all that is needed to work it out again. `tokens` names the model as the book does."""

    amount: Micros
    tokens: Tokens
    terms: Terms

    def view(self) -> dict[str, object]:
        """As a transfer keeps it."""
        return {
            "usage": self.tokens.view(),
            "price_version": self.terms.version,
            "markup_bps": self.terms.markup_bps,
        }
