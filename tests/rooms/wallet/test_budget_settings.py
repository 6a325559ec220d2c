"""The settings of budgets: what may be set, changed, listed and deleted."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.fields import validated
from aerostack_billing.wallet.budget_settings import BudgetNotFound, TooManyBudgets
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.requests import BudgetName, BudgetRequest
from tests.rooms.worlds.budgets import AGENT, put, stands
from tests.rooms.worlds.wallet import audited, charge, fund


@pytest.fixture
def funded(parts: Runtime, account: str) -> Iterator[str]:
    """An account with $100.00, whose books are in order in the end."""
    fund(parts, account, 10_000)
    yield account
    audited(parts, account)


def test_a_changed_limit_keeps_what_is_counted_and_a_changed_window_counts_from_now(
    parts: Runtime, funded: str
) -> None:
    put(parts, funded, 100)
    charge(parts, funded, 60, "k1", labels=AGENT)
    lower = put(parts, funded, 50)
    assert (lower["spent_cents"], lower["remaining_cents"], lower["state"]) == (60, 0, "reached")
    assert put(parts, funded, 50, window="month")["spent_cents"] == 0


def test_a_budget_that_is_gone_stops_nothing(parts: Runtime, funded: str) -> None:
    name = BudgetName(label="agent", value="a")
    put(parts, funded, 10)
    charge(parts, funded, 10, "k1", labels=AGENT)
    assert parts.wallet.budgets.delete(funded, name)["spent_cents"] == 10
    for act in (parts.wallet.budgets.delete, parts.wallet.budgets.get):
        with pytest.raises(BudgetNotFound):
            act(funded, name)
    charge(parts, funded, 10, "k2", labels=AGENT)
    # Set again, it counts from then on.
    assert put(parts, funded, 10)["spent_cents"] == 0


def test_an_account_has_200_budgets_and_no_201st(parts: Runtime, funded: str) -> None:
    for i in range(199):
        put(parts, funded, 10, f"a{i}")
    put(parts, funded, 10, "*")
    with pytest.raises(TooManyBudgets):
        put(parts, funded, 10, "one more")
    put(parts, funded, 20, "a7")
    listed: list[Any] = []
    cursor = None
    while True:
        page: Any = parts.wallet.budgets.list(funded, None, cursor)
        listed += page["budgets"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(listed) == 200
    assert len({(each["label"], each["value"]) for each in listed}) == 200


def test_what_is_charged_under_the_name_of_each_value_is_held_to_its_budget_and_lists_none_twice(
    parts: Runtime, funded: str
) -> None:
    each = put(parts, funded, 10, "*")
    charge(parts, funded, 10, "k1", labels={"agent": "*"})
    charge(parts, funded, 4, "k2", labels=AGENT)
    with pytest.raises(BudgetReached):
        charge(parts, funded, 1, "k3", labels={"agent": "*"})
    listed: Any = parts.wallet.budgets.list(funded, None, None)["budgets"]
    assert [(budget["value"], budget["spent_cents"]) for budget in listed] == [("*", None), ("a", 4)]
    # The budget of each value counts nothing itself: it is not reached, whatever is.
    assert [listed[0], stands(parts, funded, "*"), put(parts, funded, 10, "*")] == [each] * 3
    assert parts.wallet.budgets.delete(funded, BudgetName(label="agent", value="*")) == each
    assert parts.wallet.budgets.list(funded, None, None)["budgets"] == []


def cursor_of(item: str) -> str:
    return base64.urlsafe_b64encode(item.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("label", "cursor", "field"),
    [
        ("", None, "label"),
        ("Agent", None, "label"),
        ("agent#a", None, "label"),
        ("a" * 2_000, None, "label"),
        (None, "%", "cursor"),
        (None, cursor_of("hold#agent#a"), "cursor"),
        (None, cursor_of("budget#agent"), "cursor"),
        (None, cursor_of("budget#agent#" + "a" * 2_000), "cursor"),
        ("agent", cursor_of("budget#zone#a"), "cursor"),
        ("agent", cursor_of("budget#a#a"), "cursor"),
    ],
)
def test_a_list_of_what_is_no_label_or_behind_what_is_not_in_it_is_refused(
    parts: Runtime, funded: str, label: str | None, cursor: str | None, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parts.wallet.budgets.list(funded, label, cursor)
    assert list(refused.value.details) == [field]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"limit_cents": 0}, "limit_cents"),
        ({"limit_cents": "0.00001"}, "limit_cents"),
        ({"window": "week"}, "window"),
        ({"alert_percent": [0]}, "alert_percent.0"),
        ({"alert_percent": [80, 50]}, "alert_percent"),
        ({"per_charge_max_cents": 0}, "per_charge_max_cents"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_and_named(more: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validated(BudgetRequest, {"limit_cents": 1, "window": "day", **more})
    assert list(refused.value.details) == [field]


@pytest.mark.parametrize(("label", "value"), [("Agent", "a"), ("agent", ""), ("agent", "a" * 129), ("a#b", "a")])
def test_a_budget_has_the_name_of_a_label(label: str, value: str) -> None:
    with pytest.raises(InvalidRequest):
        validated(BudgetName, {"label": label, "value": value})
