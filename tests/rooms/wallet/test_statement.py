"""The statement: every line explained by the ledger, and the audit that recomputes it."""

from __future__ import annotations

from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import InvalidRequest
from tests.rooms.worlds.wallet import capture, charge, fund, hold

# The statement


def test_each_line_follows_from_the_one_before(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge(parts, account, "0.34", "a")
    hold_id = hold(parts, account, 100)["hold_id"]
    capture(parts, account, hold_id, 50)
    page: Any = parts.wallet.statement.transactions(account, "100", None, None)
    balance = 0.0
    for line in reversed(page["transactions"]):
        balance = round(balance + line["amount_cents"], 4)
        assert line["balance_after_cents"] == balance
    assert balance == 449.66


def test_pages_hold_every_line_once_and_end(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    for i in range(11):
        charge(parts, account, 1, f"k{i}")
    for size in ("1", "4", "12", "100"):
        seen, cursor = [], None
        while True:
            page: Any = parts.wallet.statement.transactions(account, size, cursor, None)
            assert len(page["transactions"]) <= int(size)
            seen += [line["id"] for line in page["transactions"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 12


def test_a_type_is_found_among_many_others(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    for i in range(5):
        charge(parts, account, 1, f"k{i}")
    page: Any = parts.wallet.statement.transactions(account, "2", None, "deposit")
    assert [line["type"] for line in page["transactions"]] == ["deposit"]
    assert page["next_cursor"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "x"},
        {"limit": "-1"},
        {"limit": "1.5"},
        {"limit": "\u0663"},
        {"cursor": "x"},
        {"cursor": ""},
        {"cursor": "c2VxOi0x"},
        {"cursor": "é"},
        {"kind": "gift"},
        {"kind": ""},
    ],
)
def test_a_wrong_page_is_refused(parts: Runtime, account: str, wrong: dict[str, str]) -> None:
    asked = {"limit": None, "cursor": None, "kind": None, **wrong}
    with pytest.raises(InvalidRequest):
        parts.wallet.statement.transactions(account, **asked)


def test_an_empty_wallet_has_an_empty_statement(parts: Runtime, account: str) -> None:
    assert parts.wallet.statement.transactions(account, None, None, None) == {"transactions": [], "next_cursor": None}


# The audit


def test_the_audit_names_what_somebody_tampered_with(parts: Runtime, account: str) -> None:
    fund(parts, account, 500)
    charge(parts, account, 100, "a")
    key = {"account_id": {"S": account}, "item": {"S": "wallet"}}
    parts.dynamo._client.update_item(
        TableName=parts.settings.wallets_table,
        Key=key,  # type: ignore[arg-type]
        UpdateExpression="ADD balance :one, seq :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    named = {violation.invariant for violation in parts.audit.service.run(account).violations}
    assert named == {"seq has no gap", "balance is the sum of its transfers"}


def test_the_audit_of_all_sees_every_account(parts: Runtime, account: str) -> None:
    accounts = [f"{account}{i}" for i in range(3)]
    for each in accounts:
        fund(parts, each, 500)
    assert set(accounts) <= set(parts.wallet.store.all_accounts())
