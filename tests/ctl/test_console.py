"""What people see beside the answer: bars on a terminal only, and never a stack trace."""

from __future__ import annotations

import os
import sys
from io import StringIO

import pytest

from billingctl.__main__ import _unexpected
from billingctl.console import Console, Form
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
