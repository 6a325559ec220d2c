"""The audit of many wallets: what changed within a day, everything within a week, and none is passed over."""

from __future__ import annotations

import pytest

from aerostack_billing.audit import rounds as rounds_module
from aerostack_billing.audit.places import EVERY_SECONDS, SEGMENTS
from aerostack_billing.usage.models import ConsumeRequest
from tests.rooms.audit.conftest import DAY_SECONDS, HOUR_SECONDS, Killed, Stack, times
from tests.rooms.conftest import Time
from tests.rooms.worlds.creators import call
from tests.rooms.worlds.wallet import charge, fund

WRONG = "balance is the sum of its transfers"


def filled(stack: Stack, number: int = 12) -> list[str]:
    accounts = [f"acct_{n:02d}" for n in range(number)]
    for account in accounts:
        fund(stack.parts, account, 100)
    return accounts


def audited(stack: Stack, time: Time, number: int = 12) -> list[str]:
    """As many wallets, all of which were looked at; then hours passed."""
    accounts = filled(stack, number)
    time.forward(HOUR_SECONDS)
    assert stack.run().whole
    time.forward(EVERY_SECONDS["changed"])
    stack.looked.taken()
    return accounts


def wrong(stack: Stack) -> list[str]:
    """Whose balance was told to be wrong, each time that it was."""
    return [violation.account_id for violation in stack.told if violation.invariant == WRONG]


def test_the_first_round_looks_at_every_wallet_creator_and_counter(stack: Stack, time_stands: Time) -> None:
    accounts = filled(stack)
    call(stack.parts, accounts[0], "acct_maker", 50, "t")
    for account in accounts:
        stack.parts.usage.metering.consume(ConsumeRequest(account_id=account, metric="api_requests"))
    stack.alter(accounts[7], "SET balance = :wrong", wrong=7)
    report = stack.run()
    assert report.whole
    assert set(stack.looked.taken()) == set(accounts)
    assert set(stack.looked.creators) == {"acct_maker"}
    everything = stack.parts.audit.service.run(None)
    assert report.counters >= everything.counters > 0
    assert set(wrong(stack)) == {accounts[7]}


def test_a_round_goes_over_as_many_runs_as_it_needs(stack: Stack) -> None:
    # More than there are segments: some have several wallets, and a run has time for one.
    accounts = filled(stack, 24)
    runs = 1
    while not stack.run(times(2)).whole:
        runs += 1
        assert runs < 200, "the round never ends"
    assert runs > 24
    assert set(stack.looked.wallets) == set(accounts)
    assert stack.looked.wallets.count(accounts[0]) <= len(rounds_module.KINDS)


def test_a_day_later_only_what_changed_since_is_looked_at(stack: Stack, time_stands: Time) -> None:
    accounts = audited(stack, time_stands)
    stack.looked.creators.clear()
    charge(stack.parts, accounts[3], 1, "k")
    call(stack.parts, accounts[5], "acct_maker", 50, "t")
    fund(stack.parts, "acct_new", 100)
    stack.parts.creators.store.register("acct_maker", 0)
    assert stack.run().whole
    assert stack.looked.taken() == [accounts[3], accounts[5], "acct_new"]
    assert stack.looked.creators == ["acct_maker"]
    assert stack.run().accounts == 0


def test_whatever_changes_at_any_hour_is_looked_at_within_a_day(stack: Stack, time_stands: Time) -> None:
    accounts = audited(stack, time_stands, 1)
    for hour in range(3 * 24):
        own = f"acct_{hour}h"
        fund(stack.parts, own, 100)
        time_stands.forward(HOUR_SECONDS)
        stack.run()
        due = [f"acct_{past}h" for past in range(hour - 23)]
        assert set(due) <= set(stack.looked.wallets)
    assert stack.looked.wallets.count(accounts[0]) <= 1


def test_a_fault_is_found_by_the_daily_pass_where_the_wallet_changed_and_weekly_in_any_case(
    stack: Stack, time_stands: Time
) -> None:
    accounts = audited(stack, time_stands)
    for account in accounts[:2]:
        stack.alter(account, "SET balance = balance + :cent", cent=10_000)
    charge(stack.parts, accounts[1], 1, "k")
    stack.run()
    assert wrong(stack) == [accounts[1]]
    time_stands.forward(EVERY_SECONDS["all"])
    stack.run()
    assert wrong(stack)[1:].count(accounts[0]) == 1
    assert set(wrong(stack)) == set(accounts[:2])


def test_a_wallet_that_does_not_say_when_it_was_written_counts_as_changed(stack: Stack, time_stands: Time) -> None:
    accounts = audited(stack, time_stands)
    stack.alter(accounts[4], "REMOVE written_at")
    stack.run()
    assert stack.looked.taken() == [accounts[4]]


def test_a_write_that_takes_as_long_as_a_function_may_run_is_not_passed_over(stack: Stack, time_stands: Time) -> None:
    filled(stack, 1)
    time_stands.forward(HOUR_SECONDS)
    stamped = int(time_stands.at) - 899
    stack.run()
    fund(stack.parts, "acct_slow", 100)
    stack.alter("acct_slow", "SET written_at = :stamped", stamped=stamped)
    time_stands.forward(EVERY_SECONDS["changed"])
    stack.run()
    assert "acct_slow" in stack.looked.wallets


def test_a_change_while_a_pass_is_under_way_is_looked_at_by_the_next(stack: Stack, time_stands: Time) -> None:
    # More than there are segments: in some, one wallet is looked at after another.
    accounts = audited(stack, time_stands, 24)
    for account in accounts:
        charge(stack.parts, account, 1, "k")

    def meanwhile(_account: str) -> bool:
        for looked in stack.looked.wallets[-1:]:
            charge(stack.parts, looked, 1, "when it was looked at")
        time_stands.forward(HOUR_SECONDS / 3)
        return False

    stack.looked.ends_at = meanwhile
    stack.run()
    changed_last = stack.looked.wallets[:-1]
    stack.looked.taken()
    stack.looked.ends_at = lambda _account: False
    time_stands.forward(EVERY_SECONDS["changed"])
    stack.run()
    assert set(changed_last) <= set(stack.looked.wallets)


def test_counters_are_glanced_at_daily_and_looked_at_weekly(stack: Stack, time_stands: Time) -> None:
    account = audited(stack, time_stands, 1)[0]
    stack.parts.usage.metering.consume(ConsumeRequest(account_id=account, metric="api_requests"))
    table = {"TableName": stack.parts.settings.usage_table, "Key": {"account_id": {"S": account}}}
    table["Key"]["period"] = {"S": "2026-03"}
    stack.client.update_item(
        **table, UpdateExpression="ADD api_requests_used :one", ExpressionAttributeValues={":one": {"N": "1"}}
    )
    assert [violation.account_id for violation in stack.run().violations] == [account]
    stack.client.update_item(
        **table, UpdateExpression="ADD api_requests_room :less", ExpressionAttributeValues={":less": {"N": "-1"}}
    )
    time_stands.forward(EVERY_SECONDS["changed"])
    assert stack.run().violations == ()


@pytest.mark.parametrize("step", [1, 50])
def test_a_run_that_ends_at_any_point_is_gone_on_from_and_nothing_it_found_is_lost(
    stack: Stack, time_stands: Time, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(rounds_module, "STEP", step)
    accounts = audited(stack, time_stands, 8)
    for ends_after in range(0, 60, 1 if step > 1 else 7):
        for account in accounts:
            charge(stack.parts, account, "0.01", f"k{ends_after}")
        stack.alter(accounts[2], "SET balance = balance + :cent", cent=10_000)
        process = stack.another()
        process.end_after(ends_after)
        try:
            process.run()
        except Killed:
            time_stands.forward(300)
        assert stack.run().whole
        assert set(process.looked.wallets) | set(stack.looked.taken()) >= set(accounts)
        assert accounts[2] in {violation.account_id for violation in process.told + stack.told}
        stack.told.clear()
        stack.alter(accounts[2], "SET balance = balance - :cent", cent=10_000)
        time_stands.forward(EVERY_SECONDS["changed"])


def test_a_wallet_at_which_every_run_ends_is_told_and_does_not_hold_up_what_is_behind_it(
    stack: Stack, time_stands: Time
) -> None:
    accounts = filled(stack, 40)
    for _ in range(200):
        stack.looked.ends_at = lambda account: account == accounts[9]
        try:
            report = stack.run()
        except Killed:
            time_stands.forward(901)
            continue
        break
    assert report.whole
    assert set(stack.looked.wallets) == set(accounts) - {accounts[9]}
    assert {(v.account_id, v.invariant) for v in stack.told} == {
        (accounts[9], "the audit of its wallets comes to an end")
    }


def test_a_stretch_of_the_table_without_anything_to_look_at_is_not_read_again(
    stack: Stack, time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds_module, "STEP", 1)
    account = audited(stack, time_stands, 1)[0]
    for number in range(12):
        item = {"account_id": {"S": account}, "item": {"S": f"a{number:02d}"}, "filler": {"S": "x" * 300_000}}
        stack.client.put_item(TableName=stack.parts.settings.wallets_table, Item=item)
    kept = []
    keep = stack.places.keep
    monkeypatch.setattr(stack.places, "keep", lambda place: (kept.append(place), keep(place)))
    stack.run()
    behind = [place.after for place in kept if place.after is not None and place.kind == "changed"]
    assert len(behind) >= 2
    assert all(str(after["item"]).startswith("a") for after in behind)


def test_it_is_told_how_old_the_oldest_look_at_what_changed_and_at_anything_is(stack: Stack, time_stands: Time) -> None:
    filled(stack, 3)
    report = stack.run(times(1))
    assert (report.behind_seconds, report.changed_behind_seconds, report.whole) == (0, 0, False)
    time_stands.forward(5 * DAY_SECONDS)
    report = stack.run(times(1))
    assert (report.behind_seconds, report.changed_behind_seconds) == (5 * DAY_SECONDS, 5 * DAY_SECONDS)
    stack.run()
    for day in (1, 2, 3):
        time_stands.forward(DAY_SECONDS)
        report = stack.run()
        assert (report.behind_seconds, report.changed_behind_seconds) == (day * DAY_SECONDS, 0)
    time_stands.forward(DAY_SECONDS)
    report = stack.run(lambda: False)
    assert (report.behind_seconds, report.changed_behind_seconds) == (4 * DAY_SECONDS, DAY_SECONDS)


def test_an_audit_that_is_no_part_of_a_round_says_nothing_of_rounds(stack: Stack, account: str) -> None:
    fund(stack.parts, account, 100)
    report = stack.rounds.one(account)
    assert (report.behind_seconds, report.changed_behind_seconds) == (None, None)


def test_every_kind_of_pass_has_a_place_in_every_segment_and_all_are_read_at_once(stack: Stack) -> None:
    places = stack.places.all()
    assert {(place.kind, place.number) for place in places} == {
        (kind, number) for kind in rounds_module.KINDS for number in range(SEGMENTS)
    }
