"""Foreign text obeys nobody but who reads it: no terminal, no spreadsheet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_billing.values.text import neutral, visible


@given(st.text())
def test_what_is_shown_is_printable_and_what_is_printable_is_shown_as_it_is(text: str) -> None:
    assert visible(text).isprintable()
    assert not text.isprintable() or visible(text) == text


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\uff1d1"])
def test_a_cell_that_begins_a_formula_is_text(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["text", "a=b", "", -5, 0.5, None, True])
def test_any_other_cell_is_as_it_was(cell: object) -> None:
    assert neutral(cell) is cell
