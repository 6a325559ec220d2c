"""Creators' tools: one price each, changed by its creator alone, under an id that nobody else ever gets."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators import tools
from aerostack_billing.creators.tool_store import ToolStore
from aerostack_billing.creators.tools import ToolName, ToolRequest, TooManyTools
from aerostack_billing.values.errors import Contended, InvalidRequest
from aerostack_billing.values.fields import validated
from aerostack_billing.wallet.tools import ToolNotFound


def publish(parts: Runtime, creator: str, tool: str, price: object = 25, name: str = "Search") -> dict[str, object]:
    return parts.creators.tools.put(creator, tool, validated(ToolRequest, {"name": name, "price_cents": price}))


def test_a_tool_is_published_changed_listed_and_sold_no_more(parts: Runtime, creator: str) -> None:
    tool = f"{creator}_search"
    first = publish(parts, creator, tool)
    assert first == {"tool_id": tool, "creator_id": creator, "name": "Search", "price_cents": 25, "version": 1}
    assert publish(parts, creator, tool) == first
    dearer = publish(parts, creator, tool, "30.5")
    assert dearer == {**first, "price_cents": 30.5, "version": 2}
    assert parts.creators.tools.get(tool) == dearer
    assert parts.creators.tools.list(creator) == {"tools": [dearer]}
    assert parts.creators.tools.delete(creator, tool) == dearer
    assert parts.creators.tools.list(creator) == {"tools": []}
    for lost in (lambda: parts.creators.tools.get(tool), lambda: parts.creators.tools.delete(creator, tool)):
        with pytest.raises(ToolNotFound):
            lost()
    assert publish(parts, creator, tool)["version"] == 4


def test_one_user_s_changes_of_a_tool_all_at_once_are_told_as_contention(
    parts: Runtime, creator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 64 at once 39 were answered with 503, and five of those raise an alarm."""
    tool = f"{creator}_search"
    publish(parts, creator, tool)
    monkeypatch.setattr(ToolStore, "put", lambda *_: False)
    with pytest.raises(Contended):
        publish(parts, creator, tool, 30)
    with pytest.raises(Contended):
        parts.creators.tools.delete(creator, tool)


def told(parts: Runtime, creator: str) -> list[dict[str, object]]:
    """The events of the creator's tools, in their order."""
    details = (json.loads(record.detail) for record in parts.outbox.store.waiting() if record.type == "tool.changed")
    found: list[dict[str, object]] = [detail["data"] for detail in details if detail["account_id"] == creator]
    return sorted(found, key=lambda data: cast("int", data["version"]))


def test_a_price_that_changes_is_told_with_what_it_was_and_a_new_name_alone_is_not(
    parts: Runtime, creator: str
) -> None:
    tool = f"{creator}_search"
    for price, name in ((25, "Search"), (25, "Search"), (25, "Find"), ("30.5", "Find")):
        publish(parts, creator, tool, price, name)
    parts.creators.tools.delete(creator, tool)
    publish(parts, creator, tool, 5)
    assert [(data["change"], data["previous_price_cents"], data["price_cents"]) for data in told(parts, creator)] == [
        ("published", None, 25),
        ("price_changed", 25, 30.5),
        ("removed", 30.5, 30.5),
        ("published", None, 5),
    ]


def test_of_changes_at_once_each_that_was_made_is_told_and_no_other(processes: list[Runtime], creator: str) -> None:
    tool = f"{creator}_search"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: publish(processes[n], creator, tool, n + 1), range(8)))
    events = told(processes[0], creator)
    assert [data["version"] for data in events] == list(range(1, 9))
    assert [data["previous_price_cents"] for data in events[1:]] == [data["price_cents"] for data in events[:-1]]


def test_an_id_is_its_creators_for_ever(parts: Runtime, creator: str) -> None:
    tool = f"{creator}_search"
    publish(parts, creator, tool)
    for _ in range(2):
        with pytest.raises(ToolNotFound):
            publish(parts, "acct_another", tool)
        with pytest.raises(ToolNotFound):
            parts.creators.tools.delete("acct_another", tool)
        if parts.creators.tools.list(creator)["tools"]:
            parts.creators.tools.delete(creator, tool)
    assert parts.creators.tools.list("acct_another") == {"tools": []}


def test_of_changes_at_once_each_makes_a_version(processes: list[Runtime], creator: str) -> None:
    tool = f"{creator}_search"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: publish(processes[n], creator, tool, n + 1)["version"], range(8)))
    assert sorted(made) == list(range(1, 9))
    (listed,) = processes[0].creators.tools.list(creator)["tools"]  # type: ignore[misc]
    assert listed == processes[0].creators.tools.get(tool)


def test_a_creator_has_so_many_tools_and_no_more(parts: Runtime, creator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "MOST_TOOLS", 2)
    publish(parts, creator, f"{creator}_a")
    publish(parts, creator, f"{creator}_b")
    with pytest.raises(TooManyTools):
        publish(parts, creator, f"{creator}_c")
    publish(parts, creator, f"{creator}_a", 26)
    parts.creators.tools.delete(creator, f"{creator}_a")
    publish(parts, creator, f"{creator}_c")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "", "price_cents": 1},
        {"name": "a\nb", "price_cents": 1},
        {"name": "a", "price_cents": -1},
        {"name": "a", "price_cents": 10_001},
        {"name": "a", "price_cents": "0.00001"},
        {"name": "a"},
        {"name": "a", "price_cents": 1, "creator_id": "x"},
    ],
)
def test_what_is_no_tool_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        validated(ToolRequest, wrong)


@pytest.mark.parametrize("name", ["", "a#b", "a/b", "x" * 129])
def test_what_is_no_id_of_a_tool_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        validated(ToolName, {"tool_id": name})
