"""A cent is a cent: exact in, exact out, nothing rounded."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_billing.values.money import MAX_CENTS, PER_CENT, cents, parse_cents, whole_cents


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (2, 20_000),
        ("0.34", 3_400),
        (Decimal("0.34"), 3_400),
        ("0.0001", 1),
        (Decimal("0.0001"), 1),
        (Decimal("1E2"), 1_000_000),
        (Decimal("0.34000"), 3_400),
        (Decimal("0.34" + "0" * 40), 3_400),
        (Decimal("-0.0"), 0),
        (Decimal("0E-2000000"), 0),
        (Decimal("0E+2000000"), 0),
        ("1000.5", 10_005_000),
        (MAX_CENTS, MAX_CENTS * PER_CENT),
    ],
)
def test_up_to_four_decimals_are_exact(value: object, expected: int) -> None:
    assert parse_cents(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "0.00001",
        Decimal("0.00001"),
        Decimal("0.34001"),
        "0.34567",
        "",
        ".5",
        "5.",
        "-1",
        "+1",
        "1e2",
        " 1",
        "1 ",
        "\u0661",
        "NaN",
        "1,5",
        0.34,
        True,
        None,
        [],
        Decimal("NaN"),
        Decimal("Infinity"),
        MAX_CENTS + 1,
        10**30,
        "9" * 13,
        Decimal("1E+400000"),
        Decimal("1E+999999"),
        Decimal("-1E+999999"),
        Decimal("1E-1000100"),
        Decimal("0.34" + "0" * 40 + "1"),
        Decimal("9" * 40),
    ],
)
def test_anything_else_is_refused_and_never_rounded(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_cents(value)


@given(st.integers(0, 10**11 * PER_CENT))
def test_what_is_shown_reads_back_to_the_same_micro(amount: int) -> None:
    shown = json.dumps(cents(amount))
    assert Decimal(shown) * PER_CENT == amount


@given(st.integers(0, 10**12))
def test_whole_cents_promise_no_more_than_there_is(amount: int) -> None:
    assert 0 <= amount - whole_cents(amount) * PER_CENT < PER_CENT
