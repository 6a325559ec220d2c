"""`make audit`: what the running stack's audit finds, and an exit status that a script can go by."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from local.__main__ import main
from local.stack import Stack
from local.testing import running_stack
from tests.local.harness import HEAD, function, idle_stripe, write

AUDIT = """
    def handler(event, context):
        account = event.get("account_id")
        if account == "acct_broken":
            raise RuntimeError("the ledger cannot be read")
        wrong = [{"account_id": account, "rule": "the balance is the sum of the transfers"}]
        return {"accounts": 1 if account else 7, "transfers": 9, "violations": wrong if account == "acct_odd" else []}
    """


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    app = HEAD + function("AuditFunction", "audit")
    with running_stack(
        template=write(tmp_path_factory.mktemp("app"), app, {"audit": AUDIT}), stripe=idle_stripe
    ) as one:
        yield one


def audited(stack: Stack, *options: str) -> int:
    return main(["audit", "--port", str(stack.port), *options])


def test_without_an_account_all_are_audited(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(stack) == 0
    assert json.loads(capsys.readouterr().out) == {"accounts": 7, "transfers": 9, "violations": []}


def test_one_account_is_audited_alone(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(stack, "--account", "acct_1") == 0
    assert json.loads(capsys.readouterr().out)["accounts"] == 1


def test_the_account_may_be_given_by_the_environment(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCOUNT", "acct_1")
    assert audited(stack) == 0
    assert json.loads(capsys.readouterr().out)["accounts"] == 1


def test_a_violation_is_printed_and_fails_the_command(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(stack, "--account", "acct_odd") == 1
    (violation,) = json.loads(capsys.readouterr().out)["violations"]
    assert violation["account_id"] == "acct_odd"


def test_an_audit_that_breaks_off_is_no_clean_bill(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(stack, "--account", "acct_broken") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "the audit did not come to its end: the ledger cannot be read" in printed.err


def test_a_stack_without_an_audit_says_so(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.audit.FUNCTION", "NoFunction")
    assert audited(stack) == 1
    assert "NoFunction is no function of the template" in capsys.readouterr().err


def test_without_a_stack_the_way_to_one_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--port", "1"]) == 1
    assert "make run" in capsys.readouterr().err
