"""A paid month is one month's quota, also where it spans two calendar months.

Counters are of calendar months. So that a month which is bought on its last day is not two quotas for one price, what
was used of a paid monthly period before the month's turn counts in the new month's item too, as used, until the next
period begins. An item beside the counters holds what had been used when the period began, and what was carried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.plans.models import Limit
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Item, Write
from aerostack_billing.usage.models import Counter

BEGAN_ITEM: Final = "began"


@dataclass(frozen=True)
class Began:
    """Where the counters stood when a paid period began.

    `month` is the calendar month that was counted in then, and `used` what it had counted. `carried_into` is the month
    that what was used since was carried into, and `carried` how much of each.
    """

    period_start: int
    month: str
    used: Mapping[str, int] = field(default_factory=dict)
    carried_into: str = ""
    carried: Mapping[str, int] = field(default_factory=dict)

    def since(self, counters: Mapping[str, Counter]) -> dict[str, int]:
        """What the month's counters counted since then; nothing of what was given back meanwhile."""
        used = {name: counter.used - self.used.get(name, 0) for name, counter in counters.items()}
        return {name: amount for name, amount in used.items() if amount > 0}


def spans_into(plan: PlanState, month: str) -> bool:
    """Whether a paid monthly period of the plan began in the month before, and goes on in this one.

    A tier that an operator gave was not paid by the month; a year is paid for at once.
    """
    if plan.period_start is None or plan.period_end is None or plan.interval != "monthly":
        return False
    bought = plan.limits_tier != "free" and plan.tier_override is None
    return (
        bought and clock.next_period(clock.period_of(plan.period_start)) == month and plan.period_end > clock.seconds()
    )


@dataclass(frozen=True)
class Standing:
    """A month's counters, none where it has no item, and where they stood when the paid period began."""

    counters: Mapping[str, Counter]
    began: Began | None


def carried_into(
    month: str, plan: PlanState, limits: Mapping[str, Limit], standing: Callable[[str], Standing]
) -> tuple[Began | None, dict[str, int]]:
    """What was used of the paid period that began in the month before; asked where one did, at a month's first use.

    A counter that is full is full: no more than the ceiling is carried.
    """
    if plan.period_start is None or not spans_into(plan, month):
        return None, {}
    last = clock.period_of(plan.period_start)
    stands = standing(last)
    began = stands.began
    if began is None or (began.period_start, began.month) != (plan.period_start, last):
        return None, {}
    used = began.since(stands.counters)
    return began, {name: min(amount, limits[name].ceiling) for name, amount in used.items() if name in limits}


def read_began(item: Item | None) -> Began | None:
    """The item as it is stored."""
    if item is None:
        return None
    return Began(
        cast("int", item["period_start"]),
        str(item["month"]),
        cast("dict[str, int]", item["used"]),
        str(item["carried_into"]),
        cast("dict[str, int]", item["carried"]),
    )


def storing(table: str, account_id: str, read: Began | None, after: Began) -> Write:
    """The write that stores where the counters stand, if nobody has stored anything else since `read`."""
    values: dict[str, object] = {
        ":start": after.period_start,
        ":month": after.month,
        ":used": dict(after.used),
        ":into": after.carried_into,
        ":carried": dict(after.carried),
    }
    condition = "attribute_not_exists(period_start)"
    if read is not None:
        condition = "period_start = :was AND carried_into = :was_into"
        values |= {":was": read.period_start, ":was_into": read.carried_into}
    return Write(
        table,
        {"account_id": account_id, "period": BEGAN_ITEM},
        update="SET period_start = :start, #month = :month, #used = :used, carried_into = :into, carried = :carried",
        condition=condition,
        names={"#month": "month", "#used": "used"},
        values=values,
    )
