"""What guards money guards it under `python -O` too, which drops every `assert`."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from aerostack_billing.values.checks import required, required_as
from aerostack_billing.values.errors import Inconsistent
from local.paths import ROOT

QUIET = ("-W", "ignore::pytest.PytestConfigWarning")
"""That the asserts of other modules are gone is what this is about."""
MONEY = (
    "tests/rooms/wallet/test_holds.py",
    "tests/rooms/wallet/test_usage_charges.py",
    "tests/rooms/ledger/test_chain.py",
)


def test_no_module_of_the_service_has_an_assert() -> None:
    modules = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    asserting = [
        path for path in modules if any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text())))
    ]
    assert asserting == []
    assert len(modules) > 100


def test_the_money_rooms_pass_under_python_o() -> None:
    ran = subprocess.run(
        [sys.executable, "-O", "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *QUIET, *MONEY],
        cwd=ROOT,
        env={**os.environ, "PYTHONOPTIMIZE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout
    assert " passed" in ran.stdout


def test_what_is_missing_or_of_another_kind_is_refused_whatever_the_interpreter_drops() -> None:
    assert required(0, "zero") == 0
    assert required_as(int, 5, "five") == 5
    with pytest.raises(Inconsistent):
        required(None, "nothing")
    for value in ("5", None, True, 5.0):
        with pytest.raises(Inconsistent):
            required_as(int, value, "a number")
