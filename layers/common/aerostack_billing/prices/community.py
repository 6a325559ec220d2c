"""Prices in the format that the community keeps: a JSON of models with their cost a token, as `litellm` ships it.

It is read to compare it with our book and to bring single models over. Its numbers are read as decimals, never as
floats. What does not come to a whole number of picodollars a token is named and left out, not rounded.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from aerostack_billing.prices.book import Rate, rate_of
from aerostack_billing.prices.models import BookData, DatedPrice, PricedModel
from aerostack_billing.values.errors import InvalidRequest, OperatorRefused
from aerostack_billing.values.json_object import parse_object

_PICOS_PER_DOLLAR: Final = 10**12
_SPEC: Final = "sample_spec"
_INPUT, _OUTPUT = "input_cost_per_token", "output_cost_per_token"
_CACHE_READ, _CACHE_WRITE = "cache_read_input_token_cost", "cache_creation_input_token_cost"
_TAKEN: Final = frozenset({_INPUT, _OUTPUT, _CACHE_READ, _CACHE_WRITE})


class NotAPriceFile(OperatorRefused):
    """The file is no JSON object of models."""

    status, code = 422, "NOT_A_PRICE_FILE"


@dataclass(frozen=True)
class Listed:
    """A model as the file lists it, in picodollars a token. `unused` are its other costs, which our book cannot say."""

    name: str
    provider: str
    input: int
    output: int
    cache_read: int | None
    cache_write: int | None
    unused: tuple[str, ...] = ()

    @property
    def rate(self) -> Rate:
        """With the cache's prices filled in, as our book reads them."""
        own = self.input
        read = own if self.cache_read is None else self.cache_read
        return Rate(own, self.output, read, own if self.cache_write is None else self.cache_write)

    def dated(self, day: str) -> DatedPrice:
        """As an entry of our book."""
        return DatedPrice(
            effective_from=day,
            input=dollars(self.input),
            output=dollars(self.output),
            cache_read=None if self.cache_read is None else dollars(self.cache_read),
            cache_write=None if self.cache_write is None else dollars(self.cache_write),
        )


@dataclass(frozen=True)
class File:
    """What a file lists by name, and why some of it cannot be read."""

    listed: Mapping[str, Listed]
    unreadable: Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """A model that the file prices otherwise than our book's newest price, or that our book does not have."""

    model: str
    listed: Listed
    ours: PricedModel | None

    def view(self) -> dict[str, object]:
        """For whoever decides; dollars a million tokens."""
        ours = None if self.ours is None else self.ours.prices[-1]
        return {
            "model": self.model,
            "listed_as": self.listed.name,
            "provider": self.listed.provider,
            "ours": None if ours is None else ours.model_dump(),
            "theirs": self.listed.dated("0001-01-01").model_dump(exclude={"effective_from"}),
            "not_taken_over": list(self.listed.unused),
        }


def read(text: bytes) -> File:
    """The models of a file that are priced by the token. NotAPriceFile (422)."""
    try:
        models = parse_object(text)
    except InvalidRequest as error:
        raise NotAPriceFile("The file must be one JSON object: a model's name, and its costs.") from error
    listed: dict[str, Listed] = {}
    unreadable: dict[str, str] = {}
    for name, costs in models.items():
        if name == _SPEC or not isinstance(costs, dict) or _INPUT not in costs or _OUTPUT not in costs:
            continue
        try:
            listed[name] = _listed(name, costs)
        except ValueError as error:
            unreadable[name] = str(error)
    return File(listed, unreadable)


def compare(book: BookData, file: File, names: Collection[str] = ()) -> list[Difference]:
    """What the file says otherwise of the models that both have; of `names` also what our book does not have.

    InvalidRequest (422) for a name that the file does not list.
    """
    wanted = set(names)
    unknown = sorted(wanted - set(file.listed))
    if unknown:
        raise InvalidRequest(
            "The file lists no such model, or not by whole picodollars a token.",
            {name: file.unreadable.get(name, "not listed") for name in unknown},
        )
    found = []
    for model in book.models:
        listed = _of(model, file, wanted)
        if listed is not None and listed.rate != rate_of(model.prices[-1]):
            found.append(Difference(model.model, listed, model))
    ours = {name for model in book.models for name in (model.model, *model.aliases)}
    return found + [Difference(name, file.listed[name], None) for name in sorted(wanted - ours)]


def merged(book: BookData, differences: Iterable[Difference], day: str, in_force: str) -> BookData:
    """The book with the file's prices from `day` on; every price that it had stays.

    InvalidRequest (422) for a day that is not after `in_force`, the version by which charges may have been made.
    """
    if day <= in_force:
        raise InvalidRequest(
            f"The prices must start after {in_force}, the book's version that is in force: charges were made by it.",
            {"effective_from": "too early"},
        )
    changed = {difference.model: difference for difference in differences}
    models = [
        model if model.model not in changed else _repriced(model, changed.pop(model.model), day)
        for model in book.models
    ]
    new = [
        PricedModel(model=name, provider=difference.listed.provider, prices=[difference.listed.dated(day)])
        for name, difference in changed.items()
    ]
    return BookData(models=[*models, *new])


def dollars(picos: int) -> str:
    """Picodollars a token as dollars a million tokens."""
    whole, decimals = divmod(picos, 10**6)
    return f"{whole}.{decimals:06d}".rstrip("0").rstrip(".")


def written(book: BookData) -> str:
    """The book as it stands in its file: a line a price, so that a change is read as one."""
    models = []
    for model in book.models:
        head = [f'"model": {json.dumps(model.model)}', f'"provider": {json.dumps(model.provider)}']
        head += [f'"aliases": {json.dumps(model.aliases)}'] if model.aliases else []
        prices = ",\n".join(f"        {json.dumps(price.model_dump(exclude_none=True))}" for price in model.prices)
        lines = ",\n".join(f"      {line}" for line in [*head, f'"prices": [\n{prices}\n      ]'])
        models.append(f"    {{\n{lines}\n    }}")
    return '{\n  "models": [\n' + ",\n".join(models) + "\n  ]\n}\n"


def _repriced(model: PricedModel, difference: Difference, day: str) -> PricedModel:
    kept = [price for price in model.prices if price.effective_from < day]
    if len(kept) < len(model.prices):
        raise InvalidRequest(
            f"{model.model} has a price that starts on {day} or later. Choose a later day, or edit the book.",
            {"effective_from": "too early"},
        )
    return PricedModel.model_validate({**model.model_dump(), "prices": [*kept, difference.listed.dated(day)]})


def _of(model: PricedModel, file: File, wanted: set[str]) -> Listed | None:
    """The model in the file, under the name that was asked for, or the first of ours that the file knows."""
    names = [model.model, *model.aliases]
    chosen = [name for name in names if name in wanted] if wanted else names
    return next((file.listed[name] for name in chosen if name in file.listed), None)


def _listed(name: str, costs: Mapping[str, object]) -> Listed:
    provider = str(costs.get("litellm_provider") or "unknown")
    unused = sorted(field for field in costs if "cost" in field and field not in _TAKEN and costs[field])
    return Listed(
        name=name,
        provider=provider,
        input=_needed(costs, _INPUT),
        output=_needed(costs, _OUTPUT),
        cache_read=_picos(costs, _CACHE_READ),
        cache_write=_picos(costs, _CACHE_WRITE),
        unused=tuple(unused),
    )


def _needed(costs: Mapping[str, object], field: str) -> int:
    found = _picos(costs, field)
    if found is None:
        raise ValueError(f"{field} is missing")
    return found


def _picos(costs: Mapping[str, object], field: str) -> int | None:
    cost = costs.get(field)
    if cost is None:
        return None
    if isinstance(cost, bool) or not isinstance(cost, int | Decimal):
        raise ValueError(f"{field} is no number")  # noqa: TRY004 - caught by its caller as what is wrong with a model
    picos = Decimal(cost) * _PICOS_PER_DOLLAR
    if picos < 0 or picos >= 10**12 or picos != int(picos):
        raise ValueError(f"{field} is no whole number of picodollars")
    return int(picos)
