"""Pages: how many entries, and places in a list as words of a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.paging import limit_of, packed, unpacked


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_packed_is_fit_for_a_url_and_comes_back(text: str) -> None:
    word = packed(text)
    assert all(sign.isalnum() or sign in "-_" for sign in word)
    assert word.isascii()
    assert unpacked(word) == text


@pytest.mark.parametrize("word", ["a", "a b", "a+b/", "é", "____=", "_w"])
def test_what_was_not_packed_is_a_value_error(word: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever of its kinds
        unpacked(word)


def test_a_limit_is_a_whole_number_of_the_range() -> None:
    assert [limit_of(text, 25, 100) for text in (None, "1", "100")] == [25, 1, 100]


@pytest.mark.parametrize("text", ["", "0", "101", "-1", "1.0", "1e1", "٣", "0001", " 1"])
def test_any_other_limit_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        limit_of(text, 25, 100)
    assert refused.value.details == {"limit": "must be a whole number from 1 to 100"}
