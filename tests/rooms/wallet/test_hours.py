"""An hour far above what is usual is told, of a service, a creator and an account; each line is counted once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import correlation
from aerostack_billing.platform.dynamo import Dynamo, Write
from aerostack_billing.values.money import micros
from aerostack_billing.wallet import hours, spending_fold
from aerostack_billing.wallet.hours import HoursOfDay, Kind, Subject, Unusual, usual
from tests.rooms.conftest import Time
from tests.rooms.worlds.wallet import audited, charge, fund

DOLLAR = micros(100)


class Heard(list[Unusual]):
    """What was told, in order."""

    def hour_unusual(self, unusual: Unusual) -> None:
        self.append(unusual)

    def briefly(self) -> list[tuple[Kind, str, int, int]]:
        """Of whom, and how many dollars where how many are usual."""
        return [(u.subject.kind, u.subject.name, u.amount // DOLLAR, u.usual // DOLLAR) for u in self]


@pytest.fixture
def heard(processes: list[Runtime], parts: Runtime, monkeypatch: pytest.MonkeyPatch) -> Heard:
    heard = Heard()
    for each in (parts, *processes):
        monkeypatch.setattr(each.wallet.hours, "_listener", heard)
    return heard


@pytest.fixture
def rich(parts: Runtime, account: str) -> str:
    """An account with $50,000."""
    fund(parts, account, 5_000_000)
    return account


@pytest.fixture
def service(account: str) -> str:
    """A service of the test's own."""
    return f"svc_{account}"


def spend(parts: Runtime, account: str, service: str, dollars: int, key: str, **more: object) -> None:
    """Charge so much, in pieces that a kind allows, and add it up."""
    with correlation.using("request", service):
        for piece, first in enumerate(range(0, dollars, 100)):
            asked = {"kind": "agent_execution", **more}
            charge(parts, account, 100 * min(100, dollars - first), f"{key}.{piece}", **asked)
    parts.wallet.spending_fold.catch_up(account)


def counted(parts: Runtime, kind: Kind, name: str, day: str = "2026-03-10") -> dict[int, int]:
    """Dollars by hour."""
    found = parts.wallet.hours._days.read([(Subject(kind, name), day)], consistent=True)
    return {hour: amount // DOLLAR for of_day in found.values() for hour, amount in of_day.hours.items()}


def events(parts: Runtime, account: str) -> list[str]:
    waiting = (record for record in parts.outbox.store.waiting() if f'"{account}"' in record.detail)
    return [record.detail for record in waiting if record.type == "spending.unusual"]


def a_usual_week(parts: Runtime, account: str, service: str, time_stands: Time, dollars: int, **more: object) -> None:
    """Seven days of an hour of that much, and one of little."""
    for day in range(1, 8):
        time_stands.to(2026, 4, day, 9)
        spend(parts, account, service, dollars, f"day{day}", **more)
        time_stands.to(2026, 4, day, 17)
        spend(parts, account, service, 10, f"evening{day}", **more)
    time_stands.to(2026, 4, 8, 9)


def test_a_leaked_token_is_told_by_its_name_with_who_paid_and_who_earned(
    parts: Runtime, rich: str, creator: str, service: str, heard: Heard
) -> None:
    for number in range(8):
        spend(parts, rich, service, 50, f"theft{number}", kind="tool_call", creator_id=creator)
    expected = [("account", rich, 100, 0), ("caller", service, 100, 0), ("creator", creator, 120, 0)]
    assert sorted(heard.briefly()) == expected
    assert len(events(parts, rich)) == 1
    audited(parts, rich)


def test_what_is_usual_in_a_day_s_highest_hour_is_not_told_and_four_times_that_is(
    parts: Runtime, rich: str, service: str, time_stands: Time, heard: Heard
) -> None:
    a_usual_week(parts, rich, service, time_stands, 200)
    heard.clear()
    spend(parts, rich, service, 800, "much")
    assert heard == []
    spend(parts, rich, service, 1, "too much")
    assert sorted(heard.briefly()) == [("account", rich, 801, 200), ("caller", service, 801, 200)]


def test_below_the_least_that_is_looked_at_nothing_is_told(
    parts: Runtime, rich: str, service: str, heard: Heard
) -> None:
    spend(parts, rich, service, 99, "a")
    assert heard == []
    spend(parts, rich, service, 11, "b")
    assert {unusual.amount for unusual in heard} == {110 * DOLLAR}


def test_it_is_told_once_and_again_where_it_is_four_times_what_was_told(
    parts: Runtime, rich: str, service: str, heard: Heard
) -> None:
    for number, dollars in enumerate((100, 100, 200, 10, 100)):
        spend(parts, rich, service, dollars, f"k{number}")
    assert [told[2] for told in heard.briefly() if told[0] == "account"] == [100, 410]
    assert len(events(parts, rich)) == 2


def test_an_hour_of_more_than_a_day_ago_is_counted_and_not_told(
    parts: Runtime, rich: str, service: str, time_stands: Time, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = parts.wallet.spending_fold
    with monkeypatch.context() as patch:
        patch.setattr(fold, "catch_up", lambda _: 0)
        spend(parts, rich, service, 500, "old")
    time_stands.forward(26 * 3_600)
    fold.catch_up(rich)
    assert heard == []
    assert counted(parts, "caller", service) == {12: 500}
    spend(parts, rich, service, 1_000, "new")
    assert heard == []


def test_ten_dollars_put_the_account_on_the_agenda_however_few_lines_they_are(
    parts: Runtime, rich: str, service: str
) -> None:
    with correlation.using("request", service):
        charge(parts, rich, 999, "little", kind="agent_execution")
        parts.wallet.spending_fold.sweep()
        assert counted(parts, "account", rich) == {}
        charge(parts, rich, 1, "more", kind="agent_execution")
    parts.wallet.spending_fold.sweep()
    assert counted(parts, "account", rich) == {12: 10}


class Dies(Exception):
    """The process ends here."""


class _Dying(Dynamo):
    """A DynamoDB whose process dies right before, or right after, its first transaction."""

    def __init__(self, real: Dynamo, *, after: bool) -> None:
        self.__dict__ = dict(real.__dict__)
        self._after = after

    def transact(self, writes: object) -> None:
        if self._after:
            super().transact(writes)  # type: ignore[arg-type]
        raise Dies


@pytest.mark.parametrize("after", [False, True])
def test_whoever_dies_at_the_transaction_counts_no_line_twice_and_none_not_at_all(
    parts: Runtime, rich: str, service: str, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    fold, store = parts.wallet.spending_fold, parts.wallet.spending_store
    with monkeypatch.context() as patch:
        patch.setattr(store, "_dynamo", _Dying(parts.dynamo, after=after))
        with pytest.raises(Dies):
            spend(parts, rich, service, 300, "k")
    fold.catch_up(rich)
    assert counted(parts, "caller", service) == {12: 300}
    assert len(events(parts, rich)) == 1
    audited(parts, rich)


def test_many_who_add_up_at_once_count_each_line_once_and_tell_once(
    processes: list[Runtime], account: str, service: str, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending_fold, "LINES_AT_ONCE", 3)
    here = processes[0]
    payers = [account, f"{account}_2", f"{account}_3"]
    for payer in payers:
        fund(here, payer, 100_000)

    def work(number: int) -> None:
        parts, payer = processes[number % len(processes)], payers[number % 3]
        with correlation.using("request", service):
            charge(parts, payer, 1_000, f"k{number}", kind="agent_execution")
        parts.wallet.spending_fold.catch_up(payer)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(45)))
    for payer in payers:
        here.wallet.spending_fold.catch_up(payer)
        assert counted(here, "account", payer) == {12: 150}
        assert len(events(here, payer)) == 1
        audited(here, payer)
    assert counted(here, "caller", service) == {12: 450}


def test_lines_of_more_creators_than_a_transaction_counts_are_all_counted(
    parts: Runtime, rich: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hours, "MOST_COUNTED", 5)
    cut: list[int] = []
    transact = parts.dynamo.transact

    def noted(writes: Sequence[Write]) -> None:
        cut.append(len(writes) - 1)  # beside the cursor
        transact(writes)

    for number in range(9):
        with correlation.using("request", service):
            asked = {"kind": "tool_call", "creator_id": f"{rich}_{number}"}
            charge(parts, rich, 200, f"k{number}", **asked)
    monkeypatch.setattr(parts.dynamo, "transact", noted)
    parts.wallet.spending_fold.catch_up(rich)
    assert max(cut) <= 5
    assert len(cut) > 1
    assert counted(parts, "account", rich) == {12: 18}
    assert [counted(parts, "creator", f"{rich}_{number}") for number in range(9)] == [{12: 1}] * 9


def test_lines_that_a_rebuild_passes_are_counted_by_hour(parts: Runtime, rich: str, service: str) -> None:
    with correlation.using("request", service):
        charge(parts, rich, 900, "k", kind="agent_execution")
    for _ in range(2):
        parts.wallet.spending_fold.rebuild(rich)
        assert counted(parts, "caller", service) == {12: 9}


def test_what_is_usual_is_the_mean_of_the_highest_hours_of_days_that_have_any() -> None:
    subject = Subject("account", "a")
    days = itertools.starmap(
        lambda day, of_day: HoursOfDay(subject, day, of_day),
        [("2026-03-01", {3: 10, 9: 40}), ("2026-03-02", {9: 20}), ("2026-03-03", {})],
    )
    assert usual(days) == 30
    assert usual([]) == 0
