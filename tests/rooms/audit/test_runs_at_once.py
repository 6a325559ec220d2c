"""Several runs of the audit at once share the segments out; on one segment they do no harm."""

from __future__ import annotations

import threading
from dataclasses import replace

from aerostack_billing.audit.places import EVERY_SECONDS, Place, Whole
from tests.rooms.audit.conftest import HOUR_SECONDS, Stack, times
from tests.rooms.audit.test_rounds import audited, filled, wrong
from tests.rooms.conftest import Time
from tests.rooms.worlds.wallet import charge, fund


def under_way(place: Place, at: int) -> Place:
    """The place with a run at it since then."""
    return replace(place, began_at=at, kept_at=at)


def test_runs_at_once_come_round_together_and_pass_over_nothing(stack: Stack) -> None:
    accounts = filled(stack, 40)
    stack.alter(accounts[11], "SET balance = :wrong", wrong=7)
    processes = [stack.another() for _ in range(4)]
    failed: list[BaseException] = []

    def run(process: Stack) -> None:
        try:
            process.run()
        except BaseException as error:  # noqa: BLE001 - told below, where the test can see it
            failed.append(error)

    threads = [threading.Thread(target=run, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert {account for process in processes for account in process.looked.wallets} == set(accounts)
    assert {account for process in processes for account in wrong(process)} == {accounts[11]}
    assert stack.run().whole
    assert stack.looked.taken() == []


def test_a_run_takes_no_segment_that_another_is_at(stack: Stack, time_stands: Time) -> None:
    audited(stack, time_stands)
    others = [place for place in stack.places.all() if place.kind == "changed"]
    for place in others[1:]:
        stack.places.keep(under_way(place, int(time_stands.at)))
    stack.run()
    left = [place.number for place in stack.places.all() if place.kind == "changed" and place.is_due]
    assert left == [place.number for place in others[1:]]
    time_stands.forward(120)
    assert stack.run().whole


def test_a_place_that_a_slow_run_keeps_late_loses_no_change(stack: Stack, time_stands: Time) -> None:
    accounts = audited(stack, time_stands)
    # A run that stood still in the midst of each segment, and ...
    charge(stack.parts, accounts[0], 1, "k0")
    slow = stack.another()
    stale = [under_way(place, int(time_stands.at)) for place in slow.places.all()]
    # ... while it did, others came round, and a wallet changed.
    stack.run()
    time_stands.forward(HOUR_SECONDS)
    charge(stack.parts, accounts[1], 1, "k1")
    for place in stale:
        slow.places.keep(place)
    time_stands.forward(EVERY_SECONDS["changed"])
    fund(stack.parts, accounts[2], 100, "pi_2")
    stack.run()
    time_stands.forward(EVERY_SECONDS["changed"])
    stack.run()
    assert set(accounts[:3]) <= set(stack.looked.wallets)


def test_a_stack_of_few_wallets_is_audited_whole_once_a_day(stack: Stack, time_stands: Time) -> None:
    accounts = filled(stack)
    small = stack.another(at_once=5_000)
    report = small.run(lambda: False)
    assert (report.whole, report.accounts) == (True, len(accounts))
    time_stands.forward(EVERY_SECONDS["changed"] - 1)
    report = small.run()
    assert (report.accounts, report.behind_seconds) == (0, EVERY_SECONDS["changed"] - 1)
    time_stands.forward(1)
    assert small.run().accounts == len(accounts)
    # Whoever asks is not told to wait.
    assert small.rounds.go_on(lambda: False).accounts == len(accounts)


def test_a_stack_that_one_run_cannot_audit_whole_is_audited_by_segments(stack: Stack, time_stands: Time) -> None:
    accounts = filled(stack)
    small = stack.another(at_once=5_000)
    small.places.keep_whole(Whole(begun_at=int(time_stands.at), trying_since=int(time_stands.at)))
    assert small.run().accounts == 0
    time_stands.forward(900)
    assert small.run().whole
    assert set(small.looked.wallets) == set(accounts)


def test_a_stack_that_grew_large_goes_on_from_when_it_was_audited_whole(stack: Stack, time_stands: Time) -> None:
    accounts = filled(stack)
    time_stands.forward(HOUR_SECONDS)
    small = stack.another(at_once=5_000)
    small.run()
    time_stands.forward(HOUR_SECONDS)
    charge(stack.parts, accounts[5], 1, "k")
    time_stands.forward(EVERY_SECONDS["changed"])
    stack.run(times(40))
    assert accounts[5] in stack.looked.wallets
