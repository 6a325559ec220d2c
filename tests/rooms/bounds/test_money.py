"""Items and transactions of the Wallets and the Ledger table, each at the most that it may come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.platform.dynamo import Dynamo, Write
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.fields import validated
from aerostack_billing.wallet.budget_settings import MOST_BUDGETED_LABELS, TooManyBudgets
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.hours import MOST_COUNTED
from aerostack_billing.wallet.models import Attempt, Reload, ReloadError, Wallet
from aerostack_billing.wallet.requests import MAX_ITEMS, MAX_LABELS, BudgetName, CaptureRequest, ChargeRequest
from aerostack_billing.wallet.spending import MOST_LABELS, MOST_VALUES, Cursor, Sheet, Told
from tests.rooms.bounds.longest import (
    KB,
    LARGEST_ITEM,
    charge_of,
    label,
    labels,
    longest_caller,
    size,
    stored,
    text,
)
from tests.rooms.conftest import Time
from tests.rooms.worlds.budgets import put
from tests.rooms.worlds.outbox import waiting_types
from tests.rooms.worlds.wallet import audited, charge, charge_all, fund, hold


@pytest.fixture
def funded(parts: Runtime, account: str) -> Iterator[str]:
    """An account with $1,000.00, whose books are in order in the end."""
    fund(parts, account, 100_000)
    yield account
    audited(parts, account)


@pytest.fixture
def actions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many actions each transaction from here on has."""
    transact, counts = Dynamo.transact, list[int]()

    def counted(self: Dynamo, writes: Sequence[Write]) -> None:
        counts.append(len(writes))
        transact(self, writes)

    monkeypatch.setattr(Dynamo, "transact", counted)
    return counts


def budget(parts: Runtime, account: str, number: int, limit: int = 2, value: str = "*") -> None:
    every_tenth = list(range(10, 101, 10))
    put(parts, account, limit, value, label(number), alert_percent=every_tenth, per_charge_max_cents=limit)


def test_budgets_are_set_under_20_labels_and_no_21st_until_one_is_free(parts: Runtime, funded: str) -> None:
    for number in range(MOST_BUDGETED_LABELS - 1):
        budget(parts, funded, number)
    budget(parts, funded, MOST_BUDGETED_LABELS - 1)
    before = parts.wallet.store.get(funded)
    with pytest.raises(TooManyBudgets):
        budget(parts, funded, MOST_BUDGETED_LABELS)
    assert parts.wallet.store.get(funded) == before
    budget(parts, funded, 0, limit=3)
    parts.wallet.budgets.delete(funded, BudgetName(label=label(0), value="*"))
    budget(parts, funded, MOST_BUDGETED_LABELS)


def test_a_wallet_with_everything_in_it_at_its_longest_is_written_by_every_charge(parts: Runtime, funded: str) -> None:
    for number in range(MOST_BUDGETED_LABELS):
        budget(parts, funded, number, limit=10**7)
    said = ReloadError("c" * 255, text(1_000), 1_772_000_000)
    attempt = Attempt("a" * 64, 10**15, "cus_" + "c" * 251, "pm_" + "p" * 252, "f" * 64, 1_772_000_000, "p" * 255)
    longest = Reload(
        enabled=True,
        threshold=10**15,
        amount=10**15,
        monthly_cap=10**15,
        state="action_required",
        attempt=replace(attempt, action_url="u" * 2_048, missed_at=1_772_000_000),
        declines=3,
        failed_fingerprint="f" * 64,
        last_error=said,
        stop=said,
        day="2026-03-10",
        made_today=5,
    )

    def fill(wallet: Wallet) -> Change[Wallet]:
        return Change(replace(wallet, reload=longest, spend_cap=10**15, low=10**15))

    parts.wallet.store.apply(funded, fill)
    with longest_caller():
        parts.wallet.charges.charge(validated(ChargeRequest, charge_of(funded, 1)))
    item = stored(parts, parts.settings.wallets_table, account_id=funded, item="wallet")
    assert 8 * KB < size(item) < 32 * KB
    assert parts.wallet.store.get(funded).reload == longest


def test_a_charge_meets_a_budget_by_each_label_and_tells_all_of_them_at_once(
    parts: Runtime, funded: str, actions: list[int]
) -> None:
    for number in range(MAX_LABELS):
        budget(parts, funded, number)
    told = waiting_types(parts, funded)
    actions.clear()
    asked = validated(ChargeRequest, charge_of(funded, 1))
    with longest_caller():
        parts.wallet.charges.charge(asked)
        # The wallet, the line, and of each budget its counter and both events.
        assert actions == [2 + 3 * MAX_LABELS]
        with pytest.raises(BudgetReached):
            parts.wallet.charges.charge(validated(ChargeRequest, charge_of(funded, 2, labels=asked.labels)))
    new = sorted(set(waiting_types(parts, funded)) - set(told))
    assert new == ["budget.alert", "budget.reached"]
    assert len(waiting_types(parts, funded)) - len(told) == 2 * MAX_LABELS


def test_a_charge_has_8_labels_and_no_9th(parts: Runtime, funded: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validated(ChargeRequest, charge_of(funded, 1, labels={**labels(), "one_more": "x"}))
    assert list(refused.value.details) == ["labels"]
    assert parts.wallet.charges.charge(validated(ChargeRequest, charge_of(funded, 1))).body["amount_cents"] == 2


def test_a_hundred_charges_at_their_longest_fit_their_transactions(
    parts: Runtime, funded: str, actions: list[int]
) -> None:
    with longest_caller():
        results = charge_all(parts, funded, *(charge_of(funded, number) for number in range(100)))
    assert [result["status"] for result in results] == [201] * 100
    assert max(actions) <= 100
    line = stored(parts, parts.settings.ledger_table, account_id=funded, transfer_id=str(results[0]["charge_id"]))
    # As many as a transaction takes are a fifth of the 4 MB that it holds.
    assert 100 * size(line) < 1 * KB * KB


def test_ninety_items_at_their_longest_are_captured_at_once_and_no_ninety_first(
    parts: Runtime, funded: str, actions: list[int]
) -> None:
    with longest_caller():
        taken = hold(parts, funded, 1_000, text(255), reference=text(255))
        items = [{"amount_cents": 1, "reference": text(255, n), "labels": labels(n)} for n in range(MAX_ITEMS + 1)]
        body = {"account_id": funded, "idempotency_key": text(255), "final": False}
        with pytest.raises(InvalidRequest) as refused:
            validated(CaptureRequest, {**body, "items": items})
        assert list(refused.value.details) == ["items"]
        actions.clear()
        asked = validated(CaptureRequest, {**body, "items": items[:MAX_ITEMS]})
        done = parts.wallet.allowances.capture(taken["hold_id"], asked)
    assert done.body["captured_cents"] == MAX_ITEMS
    assert max(actions) <= 100


def test_a_capture_that_meets_as_many_budgets_as_a_transaction_takes_is_made_and_one_more_refused(
    parts: Runtime, funded: str, actions: list[int]
) -> None:
    budget(parts, funded, 0, limit=1_000)
    hold_id = hold(parts, funded, 1_000)["hold_id"]
    before = parts.wallet.store.get(funded)

    def capture(count: int) -> Any:  # noqa: ANN401 - an answer
        items = [{"amount_cents": 1, "labels": {label(0): text(128, number)}} for number in range(count)]
        body = {"account_id": funded, "idempotency_key": f"of {count}", "final": False, "items": items}
        return parts.wallet.allowances.capture(hold_id, validated(CaptureRequest, body)).body

    # A line and a counter each; beside them the wallet, the hold, its line, a low balance's event, spending's mark.
    with pytest.raises(InvalidRequest) as refused:
        capture(48)
    assert list(refused.value.details) == ["items"]
    assert parts.wallet.store.get(funded) == before
    actions.clear()
    assert capture(47)["captured_cents"] == 47
    assert max(actions) <= 100


def test_spending_is_told_by_the_first_20_labels_at_their_longest(parts: Runtime, funded: str) -> None:
    for number in range(3):
        charge(parts, funded, 1, f"k{number}", labels=labels(number, first=number * MAX_LABELS))
    parts.wallet.spending_fold.catch_up(funded)
    assert parts.wallet.spending_store.cursor(funded).labels == tuple(label(number) for number in range(MOST_LABELS))


def test_the_cursor_of_spending_remembers_500_sheets_however_many_were_written(parts: Runtime, account: str) -> None:
    store = parts.wallet.spending_store
    for turn in range(2):
        cursor = store.cursor(account)
        after = Cursor(account, labels=tuple(label(number) for number in range(MOST_LABELS)), through=10**12)
        sheets = {(f"2026-03-{day:02}", label(number)): 10**12 + turn for day in range(1, 31) for number in range(20)}
        store.advance(cursor, after, sheets)
    item = stored(parts, parts.settings.wallets_table, account_id=account, item="spend#")
    assert len(store.cursor(account).written) == 500
    assert size(item) < LARGEST_ITEM / 4


def test_a_day_of_as_many_models_as_are_told_apart_fits_its_sheet(parts: Runtime, account: str) -> None:
    told = Told()
    for number in range(MOST_VALUES + 1):
        told.add(f"{number:04}".ljust(128, "m"), (10**15, 10**9, 10**15, 10**15, 10**15, 10**15))
    assert told.rest[1] > 0
    parts.wallet.spending_store.put(Sheet(account, "2026-03-10", by={"model": told, "kind": told}), 1)
    item = stored(parts, parts.settings.wallets_table, account_id=account, item="spend#2026-03-10")
    assert size(item) < LARGEST_ITEM
    _, sheets = parts.wallet.spending_store.read(account, [("2026-03-10", "")], consistent=True)
    assert sheets["2026-03-10", ""].by["model"] == told


def test_lines_of_more_creators_than_one_transaction_counts_by_hour_are_counted_by_two(
    parts: Runtime, funded: str, actions: list[int]
) -> None:
    asked = [
        {"kind": "tool_call", "creator_id": f"{funded}_{number}", "labels": labels(number)}
        for number in range(MOST_COUNTED + 1)
    ]
    with longest_caller():
        charge_all(parts, funded, *asked)
    actions.clear()
    parts.wallet.spending_fold.catch_up(funded)
    assert len(actions) == 2
    assert max(actions) <= 100
    assert parts.wallet.spending_store.cursor(funded).through == parts.wallet.store.get(funded).seq


def test_a_day_of_all_its_hours_is_counted_by_one_write(parts: Runtime, funded: str, time_stands: Time) -> None:
    time_stands.to(2026, 3, 10)
    for hour in range(24):
        charge(parts, funded, 1, f"k{hour}")
        time_stands.forward(3_600)
    parts.wallet.spending_fold.catch_up(funded)
    name = f"hours#2026-03-10#account#{funded}"
    item = stored(parts, parts.settings.events_table, event_id=name)
    assert [item[f"h{hour:02}"] for hour in range(24)] == [10_000] * 24
