"""What the wallet asks of whoever knows creators' tools: what one costs, and whether it still does when it is paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import Conflict, NotFound
from aerostack_billing.values.money import Micros, cents


class ToolNotFound(NotFound):
    """There is no such tool, or it is sold no more."""

    code = "TOOL_NOT_FOUND"

    def __init__(self, tool_id: str) -> None:
        super().__init__("There is no such tool.", {"tool_id": tool_id})


class PriceChanged(Conflict):
    """The tool costs more than the caller would pay: nothing was taken."""

    code = "PRICE_CHANGED"

    def __init__(self, tool: Tool, most: Micros) -> None:
        price = cents(tool.price)
        super().__init__(
            f"The tool costs {price} cents now. Ask whoever pays, and charge it again.",
            {"tool_id": tool.tool_id, "price_cents": price, "max_price_cents": cents(most), "version": tool.version},
        )


@dataclass(frozen=True)
class Tool:
    """A creator's tool with its price. `version` counts its changes. `deleted`: sold no more, its id stays taken."""

    tool_id: str
    creator_id: str
    name: str = ""
    price: Micros = 0
    version: int = 0
    deleted: bool = False

    def view(self) -> dict[str, object]:
        """As the answers show it."""
        return {
            "tool_id": self.tool_id,
            "creator_id": self.creator_id,
            "name": self.name,
            "price_cents": cents(self.price),
            "version": self.version,
        }


class Tools(Protocol):
    """The tools of all creators."""

    def priced(self, tool_id: str, most: Micros | None, *, latest: bool) -> Tool:
        """The tool; ToolNotFound (404), PriceChanged (409) above `most`. `latest`: not as it was remembered."""

    def unchanged(self, tool: Tool) -> Write:
        """The write that holds only if the tool is as it was read."""
