"""What becomes due, and when: keys of a sparse index. A busy agenda has several: one takes 1,000 units a second.

A throttled key of an index throttles the writes of its table: one key for the holds of all accounts would hold all of
their charges back.
"""

from __future__ import annotations

import zlib
from typing import Final

RELOAD_AGENDA: Final = "reload"
HOLD_AGENDA: Final = "hold"
FUNDING_AGENDA: Final = "funding"
SPENDING_AGENDA: Final = "spending"
NOTICE_AGENDA: Final = "notice"
OUTLOOK_AGENDA: Final = "outlook"

_SHARDS = {HOLD_AGENDA: 16, RELOAD_AGENDA: 2, NOTICE_AGENDA: 8}
"""By agenda, where there is more than one. A hold enters its agenda and leaves it: 8,000 holds a second over all.

The number may grow with a release and never shrink: what stands under a key that is not read any more is never due.
"""


def shard_of(agenda: str, account_id: str) -> str:
    """The key under which an account's items stand on the agenda."""
    return _key(agenda, zlib.crc32(account_id.encode()) % _SHARDS.get(agenda, 1))


def shards(agenda: str) -> list[str]:
    """All keys of the agenda."""
    return [_key(agenda, number) for number in range(_SHARDS.get(agenda, 1))]


def _key(agenda: str, number: int) -> str:
    # The first is the name alone, which was the only key before there were several: it is read for ever.
    return agenda if number == 0 else f"{agenda}#{number}"
