"""Tools in the Creators table: each under its own id, which has one creator for ever, and in its creator's list."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Final

from aerostack_billing.creators.domain_events import tool_events
from aerostack_billing.ledger.ledger import if_as_read, present
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.platform.dynamo import Dynamo, Item, TransactionRefused, Write
from aerostack_billing.values.fields import adapter
from aerostack_billing.wallet.tools import Tool

TOOL_PREFIX: Final = "tool#"
_TOOL = "tool"


class ToolStore:
    """Reads and conditional writes of tools."""

    def __init__(self, dynamo: Dynamo, table: str, outbox: Outbox) -> None:
        self._outbox = outbox
        self._dynamo = dynamo
        self._table = table

    def get(self, tool_id: str, *, consistent: bool = True) -> Tool | None:
        """The tool of that id, also one that is sold no more; None where there never was one."""
        item = self._dynamo.get(self._table, _own(tool_id), consistent=consistent)
        return adapter(Tool).validate_python({**item, "creator_id": item["owner"]}) if item else None

    def listed(self, creator_id: str) -> list[Tool]:
        """The tools that the creator sells, by id."""
        items = self._dynamo.query(
            self._table,
            "creator_id = :creator AND begins_with(#item, :prefix)",
            {":creator": creator_id, ":prefix": TOOL_PREFIX},
            names={"#item": "item"},
        )
        return [adapter(Tool).validate_python({**item, "creator_id": creator_id}) for item in items]

    def put(self, before: Tool, after: Tool) -> bool:
        """Store a tool, if it is as it was read; False where it is not. Its creator's list and its event go with it."""
        condition, names, values = if_as_read(before)
        tool = {**present(asdict(after)), **_own(after.tool_id), "owner": after.creator_id}
        own = Write(self._table, {}, put=tool, condition=condition, names=names, values=values)
        entry = _in_list(after)
        listed = (
            Write(self._table, entry, delete=True)
            if after.deleted
            else Write(self._table, {}, put={**present(asdict(after)), **entry})
        )
        try:
            self._dynamo.transact([own, listed, *map(self._outbox.adding, tool_events(before, after))])
        except TransactionRefused:
            return False
        return True

    def unchanged(self, tool: Tool) -> Write:
        """The condition that a tool is as it was read, for the transaction of a charge."""
        condition, names, values = if_as_read(tool)
        return Write(self._table, _own(tool.tool_id), condition=condition, names=names, values=values)


def renewed(tool: Tool, name: str, price: int, *, deleted: bool = False) -> Tool:
    """The tool as it will be: another version."""
    return replace(tool, name=name, price=price, deleted=deleted, version=tool.version + 1)


def _own(tool_id: str) -> Item:
    """No creator's id holds a `#`."""
    return {"creator_id": f"{TOOL_PREFIX}{tool_id}", "item": _TOOL}


def _in_list(tool: Tool) -> Item:
    return {"creator_id": tool.creator_id, "item": f"{TOOL_PREFIX}{tool.tool_id}"}
