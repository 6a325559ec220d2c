"""A paid month is one month's quota, also where it spans two calendar months, and a paid year is twelve.

Counters are of calendar months. So that a month which is bought on its last day is not two quotas for one price, what
was used of a paid period in the calendar month in which it began counts in the one in which it ends too, as used, until
the next period begins. An item beside the counters holds what was used when the period began, and what was carried.

A period that is changed for another before its end was paid in part: the rest is credited. What was used of it beyond
what that part pays for counts in the period that begins. Where that is more than one month's quota, as when the page of
a cheaper plan's year is confirmed after a dearer month was used up, it counts month by month until it is made up for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
    that something was carried into last, and `carried` how much of each; `earlier` is the same of the months before.
    `owed` is what is still to be carried, from a period that ended early, beside what was used since this one began.
    `brought` is what of a period that ended early, used in months before `month`, is counted in `month`.
    """

    period_start: int
    month: str
    used: Mapping[str, int] = field(default_factory=dict)
    carried_into: str = ""
    carried: Mapping[str, int] = field(default_factory=dict)
    owed: Mapping[str, int] = field(default_factory=dict)
    earlier: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    brought: Mapping[str, int] = field(default_factory=dict)

    def from_before(self, month: str) -> Mapping[str, int]:
        """What of a month's counters was used in months before it."""
        if self.carried_into == month:
            return self.carried
        return self.brought if self.month == month else {}

    def carrying(self, month: str, carried: Mapping[str, int]) -> Began:
        """This once so much of it was carried into a month."""
        earlier = {**self.earlier, self.carried_into: self.carried} if self.carried_into else self.earlier
        left = {name: amount - carried.get(name, 0) for name, amount in self.owed.items()}
        return replace(self, carried_into=month, carried=carried, owed=above_zero(left), earlier=earlier)

    def carried_before(self, month: str) -> dict[str, int]:
        """What was carried into months before this one, which count it as used."""
        sums = dict[str, int]()
        for into, carried in {**self.earlier, self.carried_into: self.carried}.items():
            for name, amount in carried.items() if into < month else ():
                sums[name] = sums.get(name, 0) + amount
        return sums

    def given_back(self, metric: str, month: str) -> Began:
        """This once a month's counter of a metric was set to zero, with what it had counted before, or from before."""

        def without(amounts: Mapping[str, int]) -> Mapping[str, int]:
            return {**amounts, metric: 0} if amounts.get(metric) else amounts

        if self.carried_into == month:
            return replace(self, carried=without(self.carried))
        if self.month == month:
            return replace(self, used=without(self.used), brought=without(self.brought))
        return self

    def since(self, counters: Mapping[str, Counter]) -> dict[str, int]:
        """What the month's counters counted since then; nothing of what was given back meanwhile."""
        return above_zero({name: counter.used - self.used.get(name, 0) for name, counter in counters.items()})


def above_zero(amounts: Mapping[str, int]) -> dict[str, int]:
    """Those of them that are."""
    return {name: amount for name, amount in amounts.items() if amount > 0}


def _is_bought(plan: PlanState) -> bool:
    """Whether what the account may use was paid for; a tier that an operator gave was not."""
    return plan.quotas_tier != "free" and plan.tier_override is None


def spans_into(plan: PlanState, month: str) -> bool:
    """Whether a paid period of the plan ends in the month, and began in an earlier one."""
    if plan.period_start is None or plan.period_end is None or not _is_bought(plan):
        return False
    ends_here = clock.period_of(plan.period_start) != month == clock.period_of(plan.period_end)
    return ends_here and plan.period_end > clock.seconds()


def is_same_period(before: PlanState, after: PlanState) -> bool:
    """Whether no other paid period begins: one of another length that begins in the same second is another one."""
    return (before.period_start, before.interval) == (after.period_start, after.interval) or (
        before.period_start is after.period_start is None
    )


def ended_early(before: PlanState, after: PlanState) -> bool:
    """Whether a paid period was changed for another one before its end, so that the rest of its price was credited."""
    if before.period_start is None or before.period_end is None or after.period_start is None:
        return False
    within = before.period_start <= after.period_start < before.period_end and not is_same_period(before, after)
    return within and _is_bought(before) and _is_bought(after)


def still_owes(before: PlanState, after: PlanState, began: Began | None) -> bool:
    """Whether a paid period follows one in which not all was made up for that was owed when it began."""
    own = began is not None and began.period_start == before.period_start and bool(began.owed or began.earlier)
    return own and not is_same_period(before, after) and _is_bought(before) and _is_bought(after)


def closed_months(before: PlanState, after: PlanState) -> list[str]:
    """The calendar months from the one in which a period began up to the one before it was changed for another."""
    months, month = list[str](), clock.period_of(before.period_start or 0)
    while month < clock.period_of(after.period_start or 0):
        months.append(month)
        month = clock.next_period(month)
    return months


@dataclass(frozen=True)
class Unpaid:
    """What was used of a period that ended early and is credited with the rest of its price: in all, and the part of
    it that no counter of this month has.
    """

    in_all: Mapping[str, int] = field(default_factory=dict)
    uncounted: Mapping[str, int] = field(default_factory=dict)


def unpaid(
    before: PlanState,
    after: PlanState,
    closed: Mapping[str, int],
    current: Mapping[str, int],
    limits: Mapping[str, Limit],
) -> Unpaid:
    """What was used, in months that are over and in this one, beyond what the part of the price that stays is for."""
    start, end = before.period_start or 0, before.period_end or 0
    months, gone = max(1, round((end - start) / _MONTH_SECONDS)), min(after.period_start or 0, end) - start
    in_all, uncounted = dict[str, int](), dict[str, int]()
    for name, limit in limits.items():
        paid_for = limit.ceiling * months * gone // (end - start)
        in_all[name] = max(0, closed.get(name, 0) + current.get(name, 0) - paid_for)
        uncounted[name] = max(0, closed.get(name, 0) - paid_for)
    return Unpaid(in_all, uncounted)


_MONTH_SECONDS = 365.25 / 12 * 86_400


@dataclass(frozen=True)
class Standing:
    """A month's counters, none where it has no item, and where they stood when the paid period began."""

    counters: Mapping[str, Counter]
    began: Began | None


def carried_into(
    month: str, plan: PlanState, limits: Mapping[str, Limit], standing: Callable[[str], Standing]
) -> tuple[Began | None, dict[str, int]]:
    """What was used of the paid period in the month in which it began, and the `Began` that is to note it.

    Asked at the first use of the month in which it ends, and, of a longer one, of each month in it: what is owed from
    before it is carried then. A counter that is full is full: no more than the ceiling is carried.
    """
    ends_here = spans_into(plan, month)
    if plan.period_start is None or not (ends_here or _is_amid(plan, month)):
        return None, {}
    first = clock.period_of(plan.period_start)
    stands = standing(first)
    began = stands.began
    if began is None or (began.period_start, began.month) != (plan.period_start, first):
        return None, {}
    used = began.since(stands.counters) if ends_here else {}
    sums = {name: used.get(name, 0) + began.owed.get(name, 0) for name in {**used, **began.owed}}
    return began, {name: min(amount, limits[name].ceiling) for name, amount in sums.items() if name in limits}


def _is_amid(plan: PlanState, month: str) -> bool:
    """Whether a paid period of the plan began before the month, and ends behind it."""
    if plan.period_start is None or plan.period_end is None or not _is_bought(plan):
        return False
    return clock.period_of(plan.period_start) < month < clock.period_of(plan.period_end)


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
        cast("dict[str, int]", item.get("owed", {})),
        cast("dict[str, dict[str, int]]", item.get("earlier", {})),
        cast("dict[str, int]", item.get("brought", {})),
    )


def storing(table: str, account_id: str, read: Began | None, after: Began) -> Write:
    """The write that stores where the counters stand, if nobody has stored anything else since `read`."""
    values: dict[str, object] = {
        ":start": after.period_start,
        ":month": after.month,
        ":used": dict(after.used),
        ":into": after.carried_into,
        ":carried": dict(after.carried),
        ":owed": dict(after.owed),
        ":earlier": {month: dict(carried) for month, carried in after.earlier.items()},
        ":brought": dict(after.brought),
    }
    settings = "period_start = :start, #month = :month, #used = :used, carried_into = :into, carried = :carried"
    condition = "attribute_not_exists(period_start)"
    if read is not None:
        condition = "period_start = :was AND carried_into = :was_into"
        values |= {":was": read.period_start, ":was_into": read.carried_into}
    return Write(
        table,
        {"account_id": account_id, "period": BEGAN_ITEM},
        update=f"SET {settings}, owed = :owed, earlier = :earlier, brought = :brought",
        condition=condition,
        names={"#month": "month", "#used": "used"},
        values=values,
    )
