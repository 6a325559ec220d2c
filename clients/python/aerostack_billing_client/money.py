"""Money is US cents as `int` or `Decimal`, with up to four decimals. Never a float."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation

Cents = int | Decimal
"""An amount in US cents: `2`, or `Decimal("0.34")`."""

_MICRO_OF_A_CENT = Decimal("0.0001")
_UNROUNDED = Context(traps=[Inexact, InvalidOperation])


def written(amount: Cents) -> int | str:
    """Cents as a request holds them: a number, or a string where there are decimals.

    TypeError for a float, which cannot hold most prices; ValueError for a fifth decimal: nothing is rounded.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise TypeError(f"money is an int or a Decimal of cents, not a {type(amount).__name__}")
    if isinstance(amount, int):
        return amount
    if not amount.is_finite():
        raise ValueError(f"{amount} is no number of cents with at most four decimals")
    try:
        return f"{amount.quantize(_MICRO_OF_A_CENT, context=_UNROUNDED):f}"
    except (Inexact, InvalidOperation) as error:
        raise ValueError(f"{amount} is no number of cents with at most four decimals") from error
