"""What people see beside the answer: bars on a terminal only, and never a stack trace."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO

import pytest

from billingctl.__main__ import _unexpected, main
from billingctl.console import Console, Form
from local.paths import ROOT
from tests.ctl.test_acts import Terminal


@pytest.mark.parametrize(("err", "drawn"), [(Terminal(), True), (StringIO(), False)])
def test_progress_is_drawn_on_stderr_where_that_is_a_terminal(err: StringIO, drawn: bool) -> None:
    console = Console(out=StringIO(), err=err)
    with console.progress("Exporting") as step:
        step(1, 2)
    assert ("Exporting" in err.getvalue()) is drawn
    assert console.out.getvalue() == ""  # type: ignore[attr-defined]  # it was made a StringIO above


def test_what_nobody_foresaw_is_one_sentence_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="sk_live") as caught:
        int("sk_live_secret")
    _unexpected(caught.type, caught.value, caught.tb)
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError at" in line
    assert "test_console.py" in line
    assert "sk_live" not in line
    _unexpected(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "broken off" in capsys.readouterr().err
    assert sys.excepthook is not _unexpected


def test_a_table_is_not_cut_where_nobody_looks() -> None:
    console = Console(out=StringIO(), err=StringIO())
    long = "x" * 150
    console.show(
        {"rows": [{"id": long, "n": 1}, {"id": "short", "n": None}], "none": [], "flag": True, "odd": {"a": 1}}
    )
    shown = console.out.getvalue()  # type: ignore[attr-defined]
    assert long in shown
    assert [line.split() for line in shown.splitlines()][-3:] == [["flag", "yes"], ["odd"], ["a", "1"]]


@pytest.mark.parametrize("form", list(Form))
def test_whoever_stops_reading_ends_nothing(form: Form) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as out:
        os.close(read)
        Console(form=form, out=out).show({"lines": ["x" * 100] * 10_000})


@pytest.mark.parametrize(
    ("typed", "helps"),
    [
        ("acount show x", "Did you mean account"),
        ("account shw x", "Did you mean 'show'?"),
        ("account show", "`billingctl account show --help`"),
        ("account timeline x --sinc y", "--since"),
        ("nothing like it", "`billingctl --help`"),
        ("account grant x 5 --reason y", "'$5.00'"),
    ],
)
def test_what_is_typed_wrongly_is_told_with_what_to_type(typed: str, helps: str) -> None:
    err = StringIO()
    assert main(typed.split(), Console(out=StringIO(), err=err)) == 2
    assert helps in err.getvalue()


def test_a_table_has_no_colours_where_there_is_no_terminal() -> None:
    console = Console(out=StringIO(), err=StringIO())
    console.show({"rows": [{"id": "a", "n": 1}]})
    assert "\x1b" not in console.out.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("shell", "given"),
    [
        ("bash", {"COMP_WORDS": "billingctl account time", "COMP_CWORD": "2"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "billingctl account time"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "billingctl account time", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_each_shell_completes_a_verb(shell: str, given: dict[str, str]) -> None:
    code = f"{ROOT}:{ROOT / 'layers' / 'common'}"
    environment = {**os.environ, **given, "_BILLINGCTL_COMPLETE": f"complete_{shell}", "PYTHONPATH": code}
    command = [sys.executable, "-m", "billingctl"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert "timeline" in ran.stdout
