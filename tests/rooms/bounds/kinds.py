"""The kinds of items that docs/scaling.md lists, by table, and the items that are of none of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from tests.rooms.conftest import ROOT

PAGE: Final = (ROOT / "docs/scaling.md").read_text().partition("## What an item holds\n")[2].partition("\n## ")[0]
NAMED_BY: Final = {"Accounts": "account_id", "Usage": "period", "Events": "event_id"}
"""The attribute that tells the kinds of a table apart, where that is not `item`."""
ONE_KIND: Final = {"Outbox": "lane"}
"""The table's items are all of one kind, which the page names by its key."""


def rows() -> list[dict[str, str]]:
    """The rows of the page's first table, by the heads of its columns."""
    lines = [line.strip("|").split("|") for line in PAGE.split("\n\n")[1].strip().splitlines()]
    heads, _, *others = ([cell.strip() for cell in line] for line in lines)
    return [dict(zip(heads, cells, strict=True)) for cells in others]


def _kinds() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows():
        found.setdefault(row["table"], []).extend(re.findall(r"`([^`]+)`", row["item"]))
    return found


KINDS: Final = _kinds()
"""By table: how the keys of its kinds begin, or what they are."""


def unlisted(table: str, items: Iterable[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """The items of a table that are of no kind which the page lists."""
    return [item for item in items if not _is_listed(table, item)]


def _is_listed(table: str, item: Mapping[str, object]) -> bool:
    if table == "Ledger":
        operators = str(item["account_id"]).startswith("operator#")
        return operators or ("#" not in str(item["account_id"]) and "seq" in item)
    if table in ONE_KIND:
        return ONE_KIND[table] in item
    if table == "Creators" and "#" in str(item["creator_id"]):
        return re.match(r"(tool|connected)#", str(item["creator_id"])) is not None
    name = str(item[NAMED_BY.get(table, "item")])
    if table == "Accounts" and "#" not in name:
        return True
    if table == "Usage" and re.fullmatch(r"\d{4}-\d{2}", name):
        return True
    return any(name.startswith(kind) if kind.endswith("#") else name == kind for kind in KINDS[table])
