"""A paid month is one month's quota, whatever day it begins on; Free's is the calendar's, and a year's is twelve."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from aerostack_billing.accounts.store import VersionConflict
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.plans.models import Interval, Tier
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import PlanLimitExceeded
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.plans import buy, pass_days, set_plan
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.usage import consume, settle, take

DAY = 86_400
MOST: dict[Tier, int] = {"free": 55_000, "starter": 575_000, "pro": 2_400_000, "business": 12_000_000}


def used(parts: Runtime, account: str, month: str) -> int:
    return parts.usage.store.counters_item(account, month).counters["api_requests"].used


def audit(parts: Runtime, account: str) -> None:
    assert parts.audit.service.run(account).violations == ()


def test_bought_on_the_31st_at_2330_and_cancelled_is_one_month_s_quota(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 31, 23, 30)
    buy(parts, world, account, "pro")
    parts.accounts.subscriptions.cancel(account)
    consume(parts, account, MOST["pro"])
    time_stands.to(2026, 4, 1, 0, 0)
    with pytest.raises(PlanLimitExceeded) as refused:
        consume(parts, account)
    assert (refused.value.details["limit"], refused.value.details["hard_limit"]) == (2_000_000, MOST["pro"])
    audit(parts, account)
    pass_days(world, time_stands, 30)
    plan = parts.accounts.sync.make_true(account).account.plan
    assert plan.tier == "free"
    # What Free allows in that month is left: none of it was used.
    consume(parts, account, MOST["free"])
    audit(parts, account)


def test_what_is_left_of_the_paid_month_is_there_after_the_turn_and_the_next_payment_brings_a_whole_one(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 16, 12)
    consume(parts, account, 40_000)
    buy(parts, world, account, "pro")
    consume(parts, account, 1_400_000)
    time_stands.to(2026, 4, 1, 0, 0)
    assert consume(parts, account, 1)["used"] == 1_400_001
    consume(parts, account, 999_999)
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account)
    pass_days(world, time_stands, 16)
    parts.accounts.sync.make_true(account)
    assert used(parts, account, "2026-04") == 1_000_000
    consume(parts, account, 1_400_000)
    audit(parts, account)
    time_stands.to(2026, 5, 1, 0, 0)
    # Since the payment in April: not what the payment before paid for.
    assert consume(parts, account, 1)["used"] == 1_400_001
    audit(parts, account)


def test_two_paid_months_are_never_three_quotas(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 3, 31, 23, 30)
    taken = 0
    set_plan(parts, account, "pro", time_stands.at)
    for moment in ((2026, 3, 31, 23, 40), (2026, 4, 2), (2026, 4, 30, 23, 40), (2026, 5, 1), (2026, 5, 20)):
        time_stands.to(*moment)
        if moment == (2026, 4, 30, 23, 40):
            set_plan(parts, account, "pro", time_stands.at - 600)
        for quantity in (MOST["pro"], 1):
            try:
                consume(parts, account, quantity)
                taken += quantity
            except PlanLimitExceeded:
                pass
    assert taken == 2 * MOST["pro"]
    audit(parts, account)


@pytest.mark.parametrize(("interval", "tier"), [("yearly", "pro"), ("monthly", "free")])
def test_a_year_s_second_month_and_free_go_by_the_calendar(
    parts: Runtime, account: str, time_stands: Time, interval: Interval, tier: Tier
) -> None:
    time_stands.to(2026, 3, 31, 23, 30)
    set_plan(parts, account, tier, time_stands.at, 365, interval)
    consume(parts, account, MOST[tier])
    time_stands.to(2026, 4, 1, 0, 0)
    assert consume(parts, account, MOST[tier])["used"] == MOST[tier]


def test_a_paid_year_is_twelve_months_quotas_in_the_thirteen_months_that_it_touches(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 31, 23, 30)
    set_plan(parts, account, "pro", time_stands.at, 365, "yearly")
    taken = 0
    for number in range(13):
        time_stands.to(2026 + (2 + number) // 12, (2 + number) % 12 + 1, 31 if number == 0 else 2, 23, 40)
        with contextlib.suppress(PlanLimitExceeded):
            consume(parts, account, MOST["pro"])
            taken += 1
    assert (taken, clock.period()) == (12, "2027-03")
    audit(parts, account)
    time_stands.to(2027, 3, 31, 23, 30)
    set_plan(parts, account, "pro", time_stands.at, 366, "yearly")
    consume(parts, account, MOST["pro"])
    audit(parts, account)


@pytest.mark.parametrize("interval", ["monthly", "yearly"])
@pytest.mark.parametrize("used_here", [0, 1_000_000])
def test_a_period_that_is_changed_early_leaves_what_was_used_beyond_its_paid_part_on_the_next_one(
    parts: Runtime, account: str, time_stands: Time, interval: Interval, used_here: int
) -> None:
    """Bought on the 31st, used up in an hour, and credited all but whole for a dearer one on the 1st."""
    time_stands.to(2026, 3, 31, 23, 0)
    set_plan(parts, account, "pro", time_stands.at, 31 if interval == "monthly" else 365, interval)
    if used_here and interval == "monthly":
        consume(parts, account, MOST["pro"] - used_here)
    else:
        consume(parts, account, MOST["pro"])
    time_stands.to(2026, 4, 1, 0, 0)
    if used_here:
        consume(parts, account, used_here)
    set_plan(parts, account, "business", time_stands.at, 30)
    paid_for = MOST["pro"] // (31 * 24) if interval == "monthly" else MOST["pro"] * 12 // (365 * 24)
    before = MOST["pro"] + (used_here if interval == "yearly" else 0)
    consume(parts, account, 12_000_000 - before + paid_for)
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account)
    audit(parts, account)


def test_a_period_that_is_changed_early_in_the_month_in_which_it_began_counts_after_the_turn_too(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 30)
    set_plan(parts, account, "pro", time_stands.at)
    consume(parts, account, MOST["pro"])
    time_stands.to(2026, 3, 31, 23, 30)
    set_plan(parts, account, "business", time_stands.at)
    consume(parts, account, 12_000_000 - MOST["pro"])
    time_stands.to(2026, 4, 1, 0, 0)
    paid_for = MOST["pro"] * (47 * 3_600 + 1_800) // (30 * DAY)
    consume(parts, account, paid_for)
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account)
    audit(parts, account)


def test_a_plan_changed_to_a_year_in_the_second_month_is_no_new_month_s_quota(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    for opened in (False, True):
        own = f"{account}{opened}"
        time_stands.to(2026, 3, 31, 23, 0)
        set_plan(parts, own, "pro", time_stands.at)
        consume(parts, own, MOST["pro"])
        time_stands.to(2026, 4, 1, 0, 0)
        if opened:
            with pytest.raises(PlanLimitExceeded):
                consume(parts, own)
        set_plan(parts, own, "pro", time_stands.at, 365, "yearly")
        assert consume(parts, own, 3_000)["used"] == MOST["pro"] - MOST["pro"] // (30 * 24) + 3_000
        audit(parts, own)


def used_up_and_credited(parts: Runtime, account: str, time_stands: Time, tier: Tier) -> int:
    """A month that is used up in its first hour, the last of March, and credited for Starter's year; what is owed."""
    time_stands.to(2026, 3, 31, 23, 0)
    set_plan(parts, account, tier, time_stands.at)
    consume(parts, account, MOST[tier])
    time_stands.to(2026, 4, 1, 0, 0)
    set_plan(parts, account, "starter", time_stands.at, 365, "yearly")
    return MOST[tier] - MOST[tier] // (30 * 24)


def leaves(parts: Runtime, account: str, most: int) -> None:
    """The month leaves exactly so much."""
    if most:
        consume(parts, account, most)
    with pytest.raises(PlanLimitExceeded):
        consume(parts, account)
    audit(parts, account)


def test_a_dearer_month_that_was_used_up_and_credited_for_a_cheaper_year_is_made_up_for_month_by_month(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    owed = used_up_and_credited(parts, account, time_stands, "pro")
    for month in (4, 5, 6, 7):
        time_stands.to(2026, month, 2)
        leaves(parts, account, 0)
        owed -= MOST["starter"]
    assert 0 < owed < MOST["starter"]
    for month, most in ((8, MOST["starter"] - owed), (9, MOST["starter"])):
        time_stands.to(2026, month, 2)
        leaves(parts, account, most)


def test_a_year_that_begins_in_the_same_second_as_a_month_that_is_used_up_owes_all_of_it(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 31, 23, 0)
    set_plan(parts, account, "pro", time_stands.at)
    consume(parts, account, MOST["pro"])
    set_plan(parts, account, "starter", time_stands.at, 365, "yearly")
    leaves(parts, account, 0)
    for month, most in ((4, 0), (5, 0), (6, 0), (7, 475_000), (8, MOST["starter"])):
        time_stands.to(2026, month, 2)
        leaves(parts, account, most)


def test_going_back_to_the_dearer_plan_brings_what_is_not_made_up_for_along(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    owed = used_up_and_credited(parts, account, time_stands, "business")
    for month in (4, 5, 6):
        time_stands.to(2026, month, 2)
        leaves(parts, account, 0)
    time_stands.to(2026, 6, 20)
    set_plan(parts, account, "business", time_stands.at)
    made_up = MOST["starter"] * 12 * 80 // 365
    leaves(parts, account, MOST["business"] - owed + made_up)


def test_what_a_year_did_not_make_up_for_is_owed_in_the_next_one(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    owed = used_up_and_credited(parts, account, time_stands, "business")
    for month in range(4, 16):
        time_stands.to(2026 + (month - 1) // 12, (month - 1) % 12 + 1, 2)
        if month < 15:
            leaves(parts, account, 0)
    time_stands.to(2027, 4, 1, 0, 0)
    set_plan(parts, account, "starter", time_stands.at, 365, "yearly")
    owed -= 12 * MOST["starter"]
    for month in (5, 6):
        time_stands.to(2027, month, 2)
        leaves(parts, account, 0)
    began = parts.usage.store.standing(account, "2027-06").began
    assert began is not None
    assert began.owed["api_requests"] == owed - 3 * MOST["starter"]


def test_a_month_begins_with_all_counters_carried(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 3, 31, 23, 0)
    set_plan(parts, account, "pro", time_stands.at)
    metrics = list(parts.catalog.plan("pro").quotas)
    for metric in metrics:
        consume(parts, account, 7, metric)
    time_stands.to(2026, 4, 1, 0, 0)
    assert [consume(parts, account, 1, metric)["used"] for metric in metrics] == [8] * len(metrics)


def test_a_tier_that_an_operator_gave_goes_by_the_calendar(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 3, 31, 23, 30)
    set_plan(parts, account, "pro", time_stands.at)
    before = parts.accounts.store.get(account)
    given = replace(before.plan, tier="business", tier_override="business")
    moves = parts.usage.ceilings.of_plan(account, before.plan, given)
    parts.accounts.store.write_plan(before, given, moves, None)
    consume(parts, account, 1_000)
    time_stands.to(2026, 4, 1, 0, 0)
    assert consume(parts, account, 5)["used"] == 5


def test_a_request_is_one_write_unit_and_the_month_s_first_carries_once_however_many_come_at_once(
    processes: list[Runtime], account: str, time_stands: Time, meter: Meter
) -> None:
    time_stands.to(2026, 3, 31, 23, 30)
    set_plan(processes[0], account, "pro", time_stands.at)
    consume(processes[0], account, 1_000_000)
    time_stands.to(2026, 4, 1, 0, 0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda parts: consume(parts, account, 10), processes))
    assert used(processes[0], account, "2026-04") == 1_000_080
    meter.reset()
    consume(processes[0], account)
    assert meter.spent() == (1, 1, 0)
    audit(processes[0], account)


def test_a_renewal_at_the_very_moment_of_the_month_s_first_use_leaves_no_carry_behind(
    processes: list[Runtime], account: str, time_stands: Time
) -> None:
    for number in range(12):
        own = f"{account}{number}"
        time_stands.to(2026, 3, 31, 23, 30)
        set_plan(processes[0], own, "pro", time_stands.at, 1 / 48)
        consume(processes[0], own, 1_000_000)
        time_stands.to(2026, 4, 1, 0, 0)

        def renew(parts: Runtime, own: str = own) -> None:
            try:
                set_plan(parts, own, "pro", time_stands.at)
            except VersionConflict:
                renew(parts, own)

        with ThreadPoolExecutor(2) as pool:
            done = [pool.submit(renew, processes[1]), pool.submit(consume, processes[2], own, 10)]
            for each in done:
                each.result()
        assert used(processes[0], own, "2026-04") == 10
        audit(processes[0], own)


def test_a_plan_that_was_written_after_the_turn_carries_nothing(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 3, 31, 23, 59)
    consume(parts, account, 50_000)
    bought = time_stands.at
    time_stands.to(2026, 4, 1, 0, 1)
    set_plan(parts, account, "pro", bought)
    assert consume(parts, account, 1)["used"] == 1


def test_a_lease_of_the_month_before_gives_back_there(parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 3, 31, 23, 30)
    set_plan(parts, account, "pro", time_stands.at)
    lease = take(parts, account, 100_000, 3_600)
    time_stands.to(2026, 4, 1, 0, 0)
    assert consume(parts, account, 1)["used"] == 100_001
    assert settle(parts, account, lease, 40_000) == 60_000
    assert used(parts, account, "2026-03") == 40_000
    audit(parts, account)
