"""The list of `make mutants` fits the code: each change can be made, and each test that is to notice is there."""

from __future__ import annotations

import re
import shlex

from scripts.mutants import ROOT, SIMULATE, listed

MUTANTS = listed()


def test_each_change_can_be_made_in_the_code_as_it_is() -> None:
    for mutant in MUTANTS:
        changed: dict[str, str] = {}
        for edit in mutant.edits:
            before = changed.get(edit.file) or (ROOT / edit.file).read_text(encoding="utf-8")
            changed[edit.file] = edit.made_in(before)


def test_each_test_that_is_named_exists() -> None:
    named = {
        name
        for mutant in MUTANTS
        for test in mutant.tests
        if not test.startswith(SIMULATE)
        for name in shlex.split(test)
    }
    for name in named:
        file, _, function = re.sub(r"\[.*", "", name).partition("::")
        code = (ROOT / file).read_text(encoding="utf-8")
        assert not function or f"\ndef {function}(" in code, f"{file} has no {function}"


def test_no_safeguard_is_listed_twice() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)
