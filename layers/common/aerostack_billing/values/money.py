"""Money is whole micros: a cent is 10,000 of them. Never a float inside; up to four decimals in JSON."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

Micros = int
"""An amount of US dollars in millionths: 1 cent = 10,000 micros, 1 dollar = 1,000,000."""

PER_CENT: Final = 10_000
MAX_CENTS: Final = 10_000_000
"""The most that one request may name: $100,000. Above it stands a mistake, not a price."""

_PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
_MICRO_OF_A_CENT = Decimal("0.0001")
_UNROUNDED = Context(traps=[Inexact])


def micros(cents: int) -> Micros:
    """Whole cents as micros."""
    return cents * PER_CENT


def parse_cents(value: object) -> Micros:
    """Cents, as a JSON number or string with up to four decimals, as micros.

    ValueError for anything else: a fifth decimal is refused, never rounded.
    """
    if isinstance(value, str):
        if not _PLAIN.fullmatch(value):
            raise ValueError("must be cents with up to four decimals, like 0.34")
    elif isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be cents, as a number or a string")  # noqa: TRY004 - pydantic takes no TypeError
    exact = Decimal(value)
    # Arithmetic rounds to 28 digits and overflows; comparing does neither.
    if not exact.is_finite() or not -MAX_CENTS <= exact <= MAX_CENTS:
        raise ValueError(f"must be at most {MAX_CENTS}")
    try:
        return int(exact.quantize(_MICRO_OF_A_CENT, context=_UNROUNDED) * PER_CENT)
    except Inexact as error:
        raise ValueError("must have at most four decimals") from error


_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": MAX_CENTS, "multipleOf": 0.0001},
        {"type": "string", "pattern": r"^([0-9]{1,7}(\.[0-9]{1,4})?|10000000)$"},
    ],
    "description": "US cents, with up to four decimals.",
}

Cents = Annotated[int, BeforeValidator(parse_cents), Field(ge=0), WithJsonSchema(_SCHEMA)]
"""A request's `amount_cents`, not below zero, held as micros."""


def whole_cents(amount: Micros) -> int:
    """Whole cents, rounded down: what may be promised of a balance."""
    return amount // PER_CENT


def cents(amount: Micros) -> int | float:
    """Exact cents for a JSON answer: 2, 0.34.

    The float is only how JSON writes a number with decimals: up to 10^11 cents its shortest form is these very digits.
    """
    whole, rest = divmod(amount, PER_CENT)
    return whole if rest == 0 else float(Decimal(amount) / PER_CENT)
