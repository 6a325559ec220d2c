"""Spending whose values are as long as labels may be: an answer that a function can give."""

from __future__ import annotations

import json

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.wallet import spending_view
from aerostack_billing.wallet.spending_view import Question
from tests.rooms.worlds.wallet import charge, fund


def test_spending_by_long_values_tells_as_many_apart_as_a_function_can_answer(
    parts: Runtime, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function answers 6 MB: ten thousand groups with such values would be 20."""
    monkeypatch.setattr(spending_view, "MOST_ANSWERED", 8_000)
    fund(parts, account, 500)
    for number in range(8):
        charge(parts, account, number + 1, f"k{number}", labels={"agent": f"{number}{'я' * 127}"})
    asked = Question.asked(None, None, "total", "agent")
    answer = parts.wallet.spending.show(account, asked)
    assert len(json.dumps(json.dumps(answer))) <= 8_000
    (bucket,) = answer["buckets"]  # type: ignore[misc]
    told = [(str(group["value"])[0], group["rest"]) for group in bucket["groups"]]
    assert told[0] == ("7", False)
    assert 3 <= len(told) < 9
    assert told[-1] == ("o", True)
    assert sum(group["amount_cents"] for group in bucket["groups"]) == answer["total_cents"] == 36
