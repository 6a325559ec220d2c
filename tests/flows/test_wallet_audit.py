"""`make audit` on a stack that was used: a clean bill for a true ledger, and a false cent is named."""

from __future__ import annotations

import json

import boto3
import pytest

from local.__main__ import main
from tests.flows.client import Account, Api, Json
from tests.flows.test_wallet_charges import charged
from tests.flows.test_wallet_deposits import (
    audited_accounts,  # noqa: F401 - audits each test's accounts
    deposit,
)
from tests.flows.test_wallet_holds import capture, held


def audited(api: Api, *options: str) -> int:
    """The exit status of `make audit`."""
    return main(["audit", "--port", str(api.stack.port), *options])


def finding(capsys: pytest.CaptureFixture[str]) -> Json:
    """What `make audit` printed; the function's metrics, which are lines of their own in this process, aside."""
    _, start, rest = capsys.readouterr().out.partition("{\n")
    return json.loads(start + rest)


@pytest.fixture
def used(account: Account) -> Account:
    """An account with a deposit, a charge, a captured hold and an open one: six transfers."""
    deposit(account, 500)
    charged(account, "0.34")
    assert capture(account, held(account, 100), 50).status_code == 200
    held(account, 100, "open")
    return account


def test_a_true_ledger_gets_a_clean_bill(used: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(used.api, "--account", used.id) == 0
    found = finding(capsys)
    assert (found["accounts"], found["transfers"], found["violations"]) == (1, 6, [])
    assert audited(used.api) == 0
    everywhere = finding(capsys)
    assert everywhere["accounts"] >= 1
    assert everywhere["transfers"] >= 6


def test_a_cent_from_nowhere_is_named(used: Account, capsys: pytest.CaptureFixture[str]) -> None:
    def add(micros: int) -> None:
        boto3.client("dynamodb").update_item(
            TableName=used.api.stack.app.tables["WalletsTable"].name,
            Key={"account_id": {"S": used.id}, "item": {"S": "wallet"}},
            UpdateExpression="ADD balance :cent",
            ExpressionAttributeValues={":cent": {"N": str(micros)}},
        )

    add(10_000)
    for options in (("--account", used.id), ()):
        assert audited(used.api, *options) == 1
        (violation,) = finding(capsys)["violations"]
        assert (violation["account_id"], violation["found"] - violation["expected"]) == (used.id, 10_000)
    add(-10_000)
