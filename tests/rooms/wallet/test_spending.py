"""Spending by day and by what it was for: as the ledger says, whoever adds it up, however often, and whoever dies."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform.dynamo import Dynamo, Write
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.wallet import spending, spending_fold, spending_store, spending_view
from aerostack_billing.wallet.requests import RefundRequest
from aerostack_billing.wallet.spending import Cursor, Folding, Sheet, SheetName
from aerostack_billing.wallet.spending_view import Question, SpendingBehind, as_csv
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.wallet import audited, capture, charge, fund, hold

USAGE = {"model": "gpt-4o-mini", "input_tokens": 100, "output_tokens": 20, "cache_read_tokens": 7}
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def show(parts: Runtime, account: str, by: str | None = None, bucket: str = "day", **days: str) -> dict[str, Any]:
    question = Question.asked(days.get("start", "2026-03-01"), days.get("end", "2026-03-31"), bucket, by)
    return parts.wallet.spending.show(account, question)


def told(answer: dict[str, Any]) -> dict[tuple[str, str | None], tuple[object, int]]:
    return {
        (bucket["start"], group["value"]): (group["amount_cents"], group["charges"])
        for bucket in answer["buckets"]
        for group in bucket["groups"]
    }


def spend_some(parts: Runtime, account: str, time_stands: Time) -> None:
    """Two days of charges with and without labels, a capture, one that takes nothing, and a refund a day later."""
    fund(parts, account, 10_000)
    first = charge(parts, account, 30, "a", labels={"agent": "x", "key": "k1"})
    charge(parts, account, 7, "b")
    charge(parts, account, 5, "c", labels={"agent": "y"}, kind="agent_execution")
    time_stands.to(2026, 3, 11, 9)
    charge(parts, account, None, "d", usage=USAGE, labels={"agent": "x"})
    charge(parts, account, None, "e", usage=USAGE, labels={"agent": "y"}, billing_mode="byok")
    taken = hold(parts, account, 50, labels={"agent": "x"})
    capture(parts, account, taken["hold_id"], 20)
    refund = RefundRequest(account_id=account, idempotency_key="r")
    parts.wallet.refunds.refund(first["charge_id"], refund)


def test_spending_is_told_by_kind_model_mode_and_label_with_refunds_on_their_own_day(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    spend_some(parts, account, time_stands)
    for _ in range(2):
        by_agent = show(parts, account, "agent")
        assert told(by_agent) == {
            ("2026-03-10", "x"): (30, 1),
            ("2026-03-10", "y"): (5, 1),
            ("2026-03-10", None): (7, 1),
            ("2026-03-11", "x"): (20 + 0.0028 - 30, 2),
            ("2026-03-11", "y"): (0, 1),
        }
        assert by_agent["total_cents"] == 32.0028
        assert told(show(parts, account, "model", "total")) == {
            ("2026-03-01", "gpt-4o-mini"): (0.0028, 2),
            ("2026-03-01", None): (32, 4),
        }
        assert told(show(parts, account, "billing_mode", "month")) == {
            ("2026-03-01", "wallet"): (32.0028, 5),
            ("2026-03-01", "byok"): (0, 1),
        }
        assert told(show(parts, account, None, "total", start="2026-03-11")) == {
            ("2026-03-11", "agent_execution"): (20, 1),
            ("2026-03-11", "bot_conversation"): (-29.9972, 2),
        }
        of_model = show(parts, account, "model", "total")["buckets"][0]["groups"][0]
        assert [of_model[name] for name in TOKENS] == [200, 40, 14, 0]
        # The second time round, all of it stands on sheets.
        parts.wallet.spending_fold.catch_up(account)
        assert parts.wallet.spending_store.cursor(account).through == audited(parts, account).seq


def test_a_label_without_a_line_leaves_all_spending_without_a_value(
    parts: Runtime, account: str, time_stands: Time
) -> None:
    spend_some(parts, account, time_stands)
    assert told(show(parts, account, "team", "total")) == {("2026-03-01", None): (32.0028, 6)}
    assert show(parts, account, "team", start="2026-02-01", end="2026-02-02")["buckets"] == []


def test_a_label_named_as_a_dimension_is_asked_for_as_a_label(parts: Runtime, account: str) -> None:
    fund(parts, account, 100)
    charge(parts, account, 3, "a", labels={"kind": "tall"})
    assert told(show(parts, account, "label:kind")) == {("2026-03-10", "tall"): (3, 1)}
    assert told(show(parts, account, "kind")) == {("2026-03-10", "bot_conversation"): (3, 1)}


class Dies(Exception):
    """The process ends here."""


class _Dying(Dynamo):
    """A DynamoDB whose process dies before the write of that number."""

    def __init__(self, real: Dynamo, at: int) -> None:
        self.__dict__ = dict(real.__dict__)
        self._left = at

    def put(self, write: Write) -> None:
        if self._left == 0:
            raise Dies
        self._left -= 1
        super().put(write)


def test_whoever_dies_at_any_write_leaves_nothing_counted_twice_or_lost(
    parts: Runtime, account: str, time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend_some(parts, account, time_stands)
    store, real, whole = parts.wallet.spending_store, parts.dynamo, show(parts, account, "agent")
    for at in itertools.count():
        before = parts.wallet.spending_store.cursor(account).through
        monkeypatch.setattr(store, "_dynamo", _Dying(real, at % 4))
        monkeypatch.setattr(spending_fold, "LINES_AT_ONCE", 1 + at % 3)
        try:
            parts.wallet.spending_fold.catch_up(account)
        except Dies:
            monkeypatch.setattr(store, "_dynamo", real)
            audited(parts, account)
            assert show(parts, account, "agent") == whole
        if before == parts.wallet.store.get(account).seq:
            break
        assert at < 200
    monkeypatch.setattr(store, "_dynamo", real)
    assert show(parts, account, "agent") == whole


def test_many_who_add_up_at_once_count_each_line_once(
    processes: list[Runtime], account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending_fold, "LINES_AT_ONCE", 3)
    fund(processes[0], account, 1_000)
    chance = random.Random(7)

    def work(number: int) -> None:
        parts = processes[number % len(processes)]
        if number % 3 == 0:
            parts.wallet.spending_fold.catch_up(account)
        else:
            charge(parts, account, 1, f"k{number}", labels={"agent": chance.choice("abc")})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(60)))
    assert show(processes[0], account, "agent")["total_cents"] == 40
    processes[0].wallet.spending_fold.catch_up(account)
    assert show(processes[0], account, "agent")["total_cents"] == 40
    audited(processes[0], account)


def test_every_hundredth_line_puts_the_account_on_the_agenda_and_the_sweep_adds_it_up(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending_store, "MARKED_EVERY", 5)
    fund(parts, account, 100)
    for number in range(3):
        charge(parts, account, 1, f"k{number}")
    fold, store = parts.wallet.spending_fold, parts.wallet.spending_store
    fold.sweep()
    assert store.cursor(account).through == 0
    charge(parts, account, 1, "fifth")
    fold.sweep()
    assert store.cursor(account).through == 5
    assert account not in {who for who, _ in parts.wallet.store.due("spending")}
    for number in range(5):
        charge(parts, account, 1, f"more{number}")
    assert not store.unmark(account, 5)
    fold.sweep()
    assert store.cursor(account).through == 10


def test_who_waits_adds_up_so_many_lines_and_no_more(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending_view, "MOST_LINES", 3)
    fund(parts, account, 100)
    for number in range(3):
        charge(parts, account, 1, f"k{number}")
    with pytest.raises(SpendingBehind):
        show(parts, account)
    parts.wallet.spending_fold.catch_up(account)
    assert show(parts, account)["total_cents"] == 3


def test_sheets_are_made_anew_from_the_ledger_and_nobody_shows_half_of_them(
    parts: Runtime, account: str, time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend_some(parts, account, time_stands)
    whole = show(parts, account, "agent")
    fold, store = parts.wallet.spending_fold, parts.wallet.spending_store
    fold.catch_up(account)
    wrong = next(sheet for sheet in store.whole(account)[1] if sheet.label == "agent")
    wrong.by["agent"].add("x", (1, 1, 0, 0, 0, 0))
    store.put(wrong, wrong.through)
    foreign = spending.Sheet(account, "2025-01-01", by={"kind": spending.Told()})
    store.put(foreign, 1)
    broken = {violation.invariant for violation in parts.audit.service.run(account).violations}
    assert broken == {
        f"spending of {wrong.day} by agent is what its lines say",
        "spending of 2025-01-01 is what its lines say",
    }
    monkeypatch.setattr(store, "_dynamo", _Dying(parts.dynamo, 2))
    with pytest.raises(Dies):
        fold.rebuild(account)
    monkeypatch.setattr(store, "_dynamo", parts.dynamo)
    with pytest.raises(SpendingBehind):
        show(parts, account, "agent")
    assert fold.catch_up(account) == 0
    assert fold.rebuild(account) == audited(parts, account).seq
    assert show(parts, account, "agent") == whole


def test_an_older_copy_of_a_sheet_is_read_again(
    parts: Runtime, account: str, time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend_some(parts, account, time_stands)
    whole = show(parts, account, "agent")
    fold, store = parts.wallet.spending_fold, parts.wallet.spending_store
    monkeypatch.setattr(spending_fold, "LINES_AT_ONCE", 3)
    names = Question.asked("2026-03-01", "2026-03-31", "day", "agent").sheets
    fold._add(store.cursor(account), fold._next(store.cursor(account)))
    _, old = store.read(account, names, consistent=True)
    fold.catch_up(account)
    reading, looks = store.read, []

    def lagging(
        account_id: str, names: Iterable[SheetName], *, consistent: bool
    ) -> tuple[Cursor, dict[SheetName, Sheet]]:
        cursor, sheets = reading(account_id, names, consistent=consistent)
        looks.append(consistent)
        return cursor, sheets if consistent else old

    monkeypatch.setattr(store, "read", lagging)
    assert show(parts, account, "agent") == whole
    assert looks == [False, True]


def test_values_beyond_those_told_apart_are_counted_as_other(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending, "MOST_VALUES", 2)
    fund(parts, account, 100)
    for number in range(4):
        charge(parts, account, 1 + number, f"k{number}", labels={"agent": f"a{number}"})
    for _ in range(2):
        assert told(show(parts, account, "agent")) == {
            ("2026-03-10", "a1"): (2, 1),
            ("2026-03-10", "a0"): (1, 1),
            ("2026-03-10", "other"): (7, 2),
        }
        parts.wallet.spending_fold.catch_up(account)
        audited(parts, account)
    monkeypatch.setattr(spending_view, "MOST_GROUPS", 1)
    assert told(show(parts, account, "agent")) == {("2026-03-10", "a1"): (2, 1), ("2026-03-10", "other"): (8, 3)}


def test_labels_beyond_those_told_apart_are_refused_by_name(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending, "MOST_LABELS", 2)
    monkeypatch.setattr(spending_view, "MOST_LABELS", 2)
    fund(parts, account, 100)
    charge(parts, account, 1, "k", labels={"a": "1", "b": "1", "c": "1"})
    parts.wallet.spending_fold.catch_up(account)
    assert told(show(parts, account, "b")) == {("2026-03-10", "1"): (1, 1)}
    with pytest.raises(InvalidRequest) as refused:
        show(parts, account, "c")
    assert refused.value.details == {"by": "not told apart"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (("2026-02-30", None, None, None), "from"),
        ((None, "soon", None, None), "to"),
        (("2026-03-02", "2026-03-01", None, None), "from"),
        (("2025-03-01", "2026-03-02", None, None), "from"),
        ((None, None, "week", None), "bucket"),
        ((None, None, None, "Agent"), "by"),
        ((None, None, None, "label:"), "by"),
    ],
)
def test_what_cannot_be_told_is_named(query: tuple[str | None, ...], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Question.asked(*query)
    assert list(refused.value.details) == [field]


def test_a_question_without_a_word_is_about_this_month_by_kind() -> None:
    asked = Question.asked(None, None, None, None)
    assert (asked.first.isoformat(), asked.last.isoformat()) == ("2026-03-01", "2026-03-10")
    assert (asked.bucket, asked.by) == ("day", "kind")
    assert len(Question.asked("2025-03-02", "2026-03-02", "day", None).days) == 366


def test_a_spreadsheet_takes_no_value_for_a_formula(parts: Runtime, account: str) -> None:
    fund(parts, account, 100)
    charge(parts, account, 2, "k", labels={"agent": "=1+1"})
    header, line = as_csv(show(parts, account, "agent")).splitlines()
    assert header.startswith("start,value,rest,amount_cents,charges,input_tokens")
    assert line == "2026-03-10,'=1+1,False,2,1,0,0,0,0"


def test_a_month_of_a_busy_account_is_shown_by_two_requests(
    parts: Runtime, account: str, time_stands: Time, meter: Meter
) -> None:
    fund(parts, account, 10_000)
    for day in range(1, 29):
        time_stands.to(2026, 4, day)
        for number in range(3):
            charge(parts, account, 1, f"{day}.{number}", labels={"agent": f"a{number}"})
    parts.wallet.spending_fold.catch_up(account)
    meter.reset()
    show(parts, account, "agent", start="2026-04-01", end="2026-04-30")
    requests, written, read = meter.spent()
    assert (requests, written) == (2, 0)
    assert read <= 50


def test_a_line_that_is_on_its_sheet_is_not_added_again(parts: Runtime, account: str) -> None:
    fund(parts, account, 100)
    charge(parts, account, 2, "k", labels={"agent": "a"})
    lines = parts.ledger.whole(account)
    folding = Folding(Cursor(account), {})
    for line in lines:
        folding.add(line)
    for sheet in folding.sheets.values():
        sheet.through = 2
    again = Folding(Cursor(account), folding.sheets)
    for line in lines:
        again.add(line)
    assert {name: sheet.by["kind"].total[0] for name, sheet in again.sheets.items() if not name[1]} == {
        ("2026-03-10", ""): 20_000
    }
    assert again.touched == set()


def test_a_line_that_the_index_does_not_show_yet_is_not_passed_over(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(parts, account, 100)
    for number in range(4):
        charge(parts, account, 1, f"k{number}")
    everything = parts.ledger.oldest
    monkeypatch.setattr(parts.ledger, "oldest", lambda *asked: [line for line in everything(*asked) if line.seq != 3])
    parts.wallet.spending_fold.catch_up(account)
    assert parts.wallet.spending_store.cursor(account).through == 2
    assert show(parts, account)["total_cents"] == 1
    monkeypatch.setattr(parts.ledger, "oldest", everything)
    parts.wallet.spending_fold.catch_up(account)
    assert show(parts, account)["total_cents"] == 4


def test_whoever_is_overtaken_leaves_the_sheets_as_they_are(
    processes: list[Runtime], account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, fast = processes[:2]
    fund(slow, account, 100)
    for number in range(4):
        charge(slow, account, 1, f"k{number}", labels={"agent": "a"})
    monkeypatch.setattr(spending_fold, "LINES_AT_ONCE", 2)
    store, puts = slow.wallet.spending_store, itertools.count()
    putting = store.put

    def overtaken(sheet: Sheet, through: int) -> None:
        match next(puts):
            case 0:
                fast.wallet.spending_fold.catch_up(account)
            case 1:
                raise Dies
        putting(sheet, through)

    monkeypatch.setattr(store, "put", overtaken)
    with suppress(Dies):
        slow.wallet.spending_fold.catch_up(account)
    assert told(show(fast, account, "agent")) == {("2026-03-10", "a"): (4, 4)}
    audited(fast, account)
