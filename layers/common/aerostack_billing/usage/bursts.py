"""The burst limit: an account's `consume` calls in a clock minute, counted by the write that counts what they use.

The month's item holds the limit, the minute that was last counted in, and the calls of that minute. These lie in one
of seven attributes, by the minute, and each call removes the other six: so the first call of a minute finds none, and
begins to count at 1 by the same write as every later one. Only where the last call was a multiple of seven minutes ago
does an old count stand in the place of the new one; then a second write starts it again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aerostack_billing.platform.dynamo import Item, Write
from aerostack_billing.usage.models import Burst

LIMIT = "burst_limit"
_MINUTE = "burst_minute"
_PLACES = 7
"""Prime, and no divisor of an hour: who calls every 5, 10, 15 or 30 minutes never finds an old count."""


class BurstReached(Exception):
    """The minute's calls are used up: nothing was counted."""

    def __init__(self, burst: Burst) -> None:
        super().__init__("the burst limit is reached")
        self.burst = burst


@dataclass(frozen=True)
class Turn:
    """How a call is to be counted: in which minute, and which one's count it is to replace, if any stands there."""

    minute: int
    instead_of: int | None = None

    def counted(self, counting: Write) -> Write:
        """`counting` with the call beside it: both or neither.

        Its further condition: the limit is known, and this minute has calls left or is a new one. A minute that has
        passed is never counted in again, so that a clock which lags behind does not restart the count.
        """
        places = [_place(self.minute + n) for n in range(_PLACES)]
        names = {f"#burst{n}": place for n, place in enumerate(places)}
        calls, others = "#burst0", ", ".join(f"#burst{n}" for n in range(1, _PLACES))
        values: dict[str, object] = {":one": 1, ":minute": self.minute}
        if self.instead_of is None:
            free = f"attribute_not_exists(#minute) OR (#minute < :minute AND attribute_not_exists({calls}))"
            condition = f"attribute_exists(#limit) AND ({free} OR (#minute = :minute AND {calls} < #limit))"
            update = f", {calls} :one SET #minute = :minute"
            names |= {"#limit": LIMIT}
        else:
            condition, update = "#minute = :seen", f" SET {calls} = :one, #minute = :minute"
            values |= {":seen": self.instead_of}
        return replace(
            counting,
            update=f"{counting.update}{update} REMOVE {others}",
            condition=f"{counting.condition} AND {condition}",
            names={**(counting.names or {}), **names, "#minute": _MINUTE},
            values={**(counting.values or {}), **values},
        )

    def after(self, seen: Burst) -> Turn:
        """How to count a call that was refused, by what stood there. BurstReached if it is not to be counted."""
        if seen.minute == self.minute:
            if seen.remaining == 0:
                raise BurstReached(seen)
            return Turn(self.minute)
        if seen.minute == self.minute + 1:
            # Another clock is ahead of this one: its minute is the one that is counted in.
            return Turn(seen.minute)
        return Turn(self.minute, instead_of=seen.minute)


def read_burst(item: Item) -> Burst | None:
    """What an item says of the burst limit; None where it has none yet."""
    ceiling, minute = item.get(LIMIT), item.get(_MINUTE, 0)
    if not isinstance(ceiling, int) or not isinstance(minute, int):
        return None
    calls = item.get(_place(minute), 0)
    return Burst(ceiling, minute, calls if isinstance(calls, int) else 0)


def _place(minute: int) -> str:
    return f"burst_{minute % _PLACES}"
