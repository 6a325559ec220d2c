"""A sheet of spending by a label with many values is stored packed, and says the same."""

from __future__ import annotations

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.wallet import spending_store
from tests.rooms.wallet.test_spending import show, told
from tests.rooms.worlds.wallet import audited, charge, fund


def test_the_sheet_of_a_label_with_many_values_is_stored_packed_and_says_the_same(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending_store, "_PACKED_FROM", 2)
    fund(parts, account, 1_000)
    for number in range(6):
        charge(parts, account, 1 + number, f"k{number}", labels={"agent": f"ä{number % 4}"}, usage=None)
        parts.wallet.spending_fold.catch_up(account)
    charge(parts, account, 90, "later", labels={"agent": "ä0"})
    table = parts.settings.wallets_table
    stored = parts.dynamo.get(table, {"account_id": account, "item": "spend#2026-03-10#agent"})
    assert stored is not None
    assert "packed" in stored
    assert told(show(parts, account, "agent")) == {
        ("2026-03-10", "ä0"): (96, 3),
        ("2026-03-10", "ä1"): (8, 2),
        ("2026-03-10", "ä2"): (3, 1),
        ("2026-03-10", "ä3"): (4, 1),
    }
    audited(parts, account)
    parts.wallet.spending_fold.rebuild(account)
    audited(parts, account)


def test_what_is_packed_is_what_was_put_in_and_less_than_half_as_long() -> None:
    values = {f"agt_{number}": (number * 1_000, number % 40, number * 7, number, 0, 0) for number in range(1_000)}
    text = spending_store.packed(values)
    assert spending_store.unpacked(text) == values
    assert len(text) < 12_000
