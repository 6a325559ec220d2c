"""What a counters item says of a lease inside it: when it ends, how much was granted, and who took it.

All three are the digits of one number, since every write of the item costs by its size: seconds, eight digits that
stand for the caller, thirteen of the quantity. A release before 0.3 wrote the seconds alone.
"""

from __future__ import annotations

import hashlib
from typing import Final

_GRANTED: Final = 10**13
_CALLERS: Final = 10**8
_BELOW_SECONDS: Final = _CALLERS * _GRANTED


def packed(expires_at: int, granted: int, caller: str | None) -> int:
    """The number for a lease."""
    return (expires_at * _CALLERS + _digest(caller)) * _GRANTED + granted


def ends_at(number: int) -> int:
    """When the lease ends, in Unix seconds."""
    return number // _BELOW_SECONDS or number


def granted(number: int) -> int | None:
    """How much was granted; None where the release that took it did not say."""
    return number % _GRANTED if number >= _BELOW_SECONDS else None


def is_of(number: int, caller: str) -> bool:
    """Whether the caller took it. One stranger in a hundred million has the same digits."""
    return number >= _BELOW_SECONDS and number // _GRANTED % _CALLERS == _digest(caller)


def span(expires_at: int) -> tuple[int, int]:
    """The first and the last number of a lease that ends then."""
    first = expires_at * _BELOW_SECONDS
    return first, first + _BELOW_SECONDS - 1


def _digest(caller: str | None) -> int:
    """Never 0, which stands for nobody with a token."""
    if caller is None:
        return 0
    return 1 + int.from_bytes(hashlib.sha256(caller.encode()).digest()[:8], "big") % (_CALLERS - 1)
