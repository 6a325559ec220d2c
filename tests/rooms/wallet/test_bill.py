"""The statement: whole and in order, by days and by pages, and it can be checked by itself."""

from __future__ import annotations

import json

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.ledger import chain
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.wallet import bill
from tests.rooms.conftest import Time
from tests.rooms.worlds.wallet import audited, charge, fund


def test_a_statement_is_whole_by_pages_and_each_day_is_found(
    parts: Runtime, account: str, time_stands: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bill, "MOST_LINES", 3)
    fund(parts, account, 500)
    for day in range(1, 8):
        time_stands.to(2026, 4, day)
        charge(parts, account, 1, f"k{day}", labels={"agent": "a"})
    pages, cursor = [], None
    while True:
        page = parts.wallet.bills.page(account, None, None, cursor)
        pages += page.lines
        cursor = page.cursor
        if cursor is None:
            break
    checked = chain.verify(pages)
    assert (checked.lines, checked.wrong, checked.balance_micros) == (8, None, 4_930_000)
    assert checked.hash == audited(parts, account).head
    some = parts.wallet.bills.page(account, "2026-04-03", "2026-04-05", None).lines
    assert [str(line["created_at"])[:10] for line in some] == ["2026-04-03", "2026-04-04", "2026-04-05"]
    assert parts.wallet.bills.page(account, "2026-05-01", None, None).lines == []


@pytest.mark.parametrize(
    ("start", "end", "cursor", "field"),
    [
        ("2026-13-01", None, None, "from"),
        ("20260301", None, None, "from"),
        (None, "yesterday", None, "to"),
        ("2026-03-02", "2026-03-01", None, "from"),
        (None, None, "-1", "cursor"),
    ],
)
def test_what_is_no_day_and_no_cursor_is_named(
    parts: Runtime, account: str, start: str | None, end: str | None, cursor: str | None, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parts.wallet.bills.page(account, start, end, cursor)
    assert list(refused.value.details) == [field]


def test_a_statement_of_long_lines_comes_in_pages_that_a_function_can_answer(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function answers 6 MB: two thousand lines with as long labels as there may be would be 30."""
    monkeypatch.setattr(bill, "MOST_ANSWERED", 40_000)
    fund(parts, account, 500)
    long = {f"label_{number}": "\N{GRINNING FACE}" * 128 for number in range(8)}
    for number in range(5):
        charge(parts, account, 1, f"k{number}", labels=long, reference="\N{GRINNING FACE}" * 255)
    pages, cursor, answers = [], None, []
    while True:
        page = parts.wallet.bills.page(account, None, None, cursor)
        pages += page.lines
        answers.append(len(json.dumps(bill.ndjson(page.lines))))
        cursor = page.cursor
        if cursor is None:
            break
    assert (chain.verify(pages).lines, len(answers)) == (6, 3)
    assert max(answers) <= 40_000
