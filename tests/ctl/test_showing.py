"""What people and scripts are shown: dollars, whole ids, an account at a glance, CSV; and quickly."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from billingctl.app import VERSION
from billingctl.console import Console, Form, rows_of
from billingctl.tables import dollars
from tests.ctl.conftest import Ctl, Customer, Json

ROOT = Path(__file__).parents[2]
Asked = Callable[..., Json]


class Narrow(StringIO):
    """A terminal of 40 columns."""

    def isatty(self) -> bool:
        return True


def test_an_account_is_summed_up_in_dollars(account: Customer, ctl: Ctl) -> None:
    account.buy("pro")
    account.deposit(2_500)
    account.charge(42, "k")
    account.set_reload()
    shown = ctl("account", "show", account.id).out
    assert re.search(r"^plan  pro, monthly, active; renews 20", shown, re.MULTILINE)
    assert "wallet  $24.58 to spend (deposited $25.00, spent $0.42 so far)" in shown
    assert "auto-reload  armed: below $5.00 add $20.00" in shown
    assert "cents" not in shown
    assert len(shown.splitlines()) < 20


def test_an_account_that_was_never_seen_says_so(account: Customer, ctl: Ctl, asked: Asked) -> None:
    assert "never seen here" in ctl("account", "show", account.id).out
    assert asked("account", "show", account.id)["seen"] is False
    assert account.consume().status_code == 200
    assert "never seen here" not in ctl("account", "show", account.id).out
    assert asked("account", "show", account.id)["seen"] is True


def test_an_id_is_not_broken_and_sums_stand_beneath_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = Narrow()
    ids = ["pi_" + "a" * 40, "pi_" + "b" * 40]
    rows = [{"id": ids[0], "amount_cents": 5}, {"id": ids[1], "amount_cents": 250_000.34}]
    Console(out=out, err=StringIO()).show({"rows": rows})
    first, second = out.getvalue().splitlines()[-2:]
    assert (ids[0] in first, ids[1] in second) == (True, True)
    assert (first.rstrip().endswith("$0.05"), second.rstrip().endswith("$2,500.0034")) == (True, True)
    assert len(first.rstrip()) == len(second.rstrip())


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "$0.00"),
        (5, "$0.05"),
        (-150, "-$1.50"),
        (0.34, "$0.0034"),
        ("1.5", "$0.015"),
        (123_456_700, "$1,234,567.00"),
    ],
)
def test_cents_are_shown_as_dollars(cents: object, text: str) -> None:
    assert dollars(cents) == text


def test_csv_has_the_answers_rows(account: Customer, ctl: Ctl) -> None:
    account.deposit(2_500)
    account.charge(42, "k")
    rows = list(csv.DictReader(StringIO(ctl("--output", "csv", "ledger", "show", account.id).out)))
    assert [(row["type"], row["amount_cents"]) for row in rows] == [("charge", "-42"), ("deposit", "2500")]
    (one,) = csv.DictReader(StringIO(ctl("--output", "csv", "account", "show", account.id).out))
    assert one["wallet.balance_cents"] == "2458"


def test_an_answer_without_rows_is_one_row_with_dotted_names() -> None:
    assert rows_of({"a": {"b": 1}, "c": [1, 2], "d": None}) == [{"a.b": 1, "c": "[1, 2]", "d": None}]


def test_json_is_the_same_before_and_after_the_verb(account: Customer, ctl: Ctl) -> None:
    before, after = (ctl("--output", "json", "usage", "show", account.id), ctl("usage", "show", account.id, "--json"))
    assert before.json == after.json


def test_a_grant_is_named_in_dollars_or_in_cents(account: Customer, asked: Asked) -> None:
    why = ("--yes", "--reason", "Test.")
    asked("account", "grant", account.id, "$5.00", *why)
    asked("account", "grant", account.id, "--cents", "34.5", *why)
    asked("account", "grant", account.id, "$1,000", *why)
    assert account.balance()["balance_micros"] == (500 + 34.5 + 100_000) * 10_000


def test_events_of_a_type_that_nothing_handles_are_left_out_unless_they_are_asked_for(
    account: Customer, asked: Asked
) -> None:
    account.deposit(2_500)
    account.api.deliver()
    listed = asked("webhooks", "list", "--limit", "1000")
    assert listed["events"]
    assert "unhandled" not in {event["result"] for event in listed["events"]}
    whole = asked("webhooks", "list", "--limit", "1000", "--all")
    assert sum(event["result"] == "unhandled" for event in whole["events"]) == listed["unhandled_left_out"] > 0
    assert whole["unhandled_left_out"] == 0


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    path = f"{ROOT}:{ROOT / 'layers/common'}"
    return subprocess.run(
        command, env={"PYTHONPATH": path, **environment}, capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_the_version_is_the_projects() -> None:
    assert run("-m", "billingctl", "--version").stdout == f"billingctl {VERSION}\n"
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_help_loads_no_sdk() -> None:
    ran = run("-X", "importtime", "-m", "billingctl", "--help")
    assert "webhooks" in ran.stdout
    for heavy in ("boto3", "botocore", "pydantic", "rich", "stripe", "aws_lambda_powertools"):
        assert not re.search(rf"\| +{heavy}\b", ran.stderr), heavy


def test_a_shell_is_told_the_verbs() -> None:
    answer = run("-m", "billingctl", _BILLINGCTL_COMPLETE="complete_bash", COMP_WORDS="billingctl acc", COMP_CWORD="1")
    assert answer.stdout.split() == ["account"], answer.stderr


def test_a_text_that_a_terminal_would_obey_is_written_out() -> None:
    screen, errors = StringIO(), StringIO()
    console = Console(out=screen, err=errors)
    evil = "\x1b]0;owned\x07\u202e\r\n"
    console.show({"reference": evil, "rows": [{"description": evil, evil: 1}, {"description": "b", evil: 2}]})
    console.say(f"Done: {evil}")
    shown = screen.getvalue() + errors.getvalue()
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(shown)
    assert shown.count("\\x1b]0;owned\\x07\\u202e\\r\\n") >= 4


def test_a_cell_of_csv_begins_no_formula() -> None:
    out = StringIO()
    Console(Form.CSV, out=out).show({"transfers": [{"reference": "=HYPERLINK(1)", "amount_cents": -5}]})
    assert list(csv.reader(out.getvalue().splitlines()))[1] == ["'=HYPERLINK(1)", "-5"]
