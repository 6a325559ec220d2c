"""Creators' tools: what each costs, so that a service that charges a call names the tool and no sum."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from aerostack_billing.creators.tool_store import ToolStore, renewed
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import Contended, InvalidRequest
from aerostack_billing.values.fields import RequestModel, ResourceId
from aerostack_billing.values.money import Cents, Micros, micros
from aerostack_billing.wallet.tools import PriceChanged, Tool, ToolNotFound

MOST_TOOLS: Final = 200
MOST_CENTS: Final = 10_000
_REMEMBERED = 10_000
_TURNS = 8


def _affordable(price: Micros) -> Micros:
    if price > micros(MOST_CENTS):
        raise ValueError(f"must be at most {MOST_CENTS}")
    return price


PriceCents = Annotated[Cents, AfterValidator(_affordable)]
PublishedName = Annotated[
    str, Field(min_length=1, max_length=128, pattern=r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$")
]


class ToolName(RequestModel):
    """Which tool a path names."""

    tool_id: ResourceId


class ToolRequest(RequestModel):
    """Body of `PUT /api/creators/tools/{tool_id}`; the price is 0 to 10,000 cents."""

    name: PublishedName
    price_cents: PriceCents


class TooManyTools(InvalidRequest):
    """The creator has as many tools as one may have."""

    code = "TOO_MANY_TOOLS"


class CreatorTools:
    """Publishes tools, and tells what they cost."""

    def __init__(self, store: ToolStore) -> None:
        self._store = store
        self._known: dict[str, Tool] = {}

    def put(self, creator_id: str, tool_id: str, request: ToolRequest) -> dict[str, object]:
        """Publish a tool, or change its name or price; the same again changes nothing.

        ToolNotFound (404) where the id is another creator's, for ever. TooManyTools (422). Written under the condition
        that the tool is as it was read.
        """
        for _ in attempts(_TURNS):
            before = self._store.get(tool_id) or Tool(tool_id, creator_id, deleted=True)
            if before.creator_id != creator_id:
                raise ToolNotFound(tool_id)
            if before.deleted and len(self._store.listed(creator_id)) >= MOST_TOOLS:
                raise TooManyTools(
                    f"A creator has {MOST_TOOLS} tools at most. Delete one first.", {"tool_id": "would be one more"}
                )
            if not before.deleted and (before.name, before.price) == (request.name, request.price_cents):
                return before.view()
            after = renewed(before, request.name, request.price_cents)
            if self._store.put(before, after):
                return after.view()
        raise Contended("The tool is changing right now. Try again in a moment.")

    def delete(self, creator_id: str, tool_id: str) -> dict[str, object]:
        """Sell a tool no more; what it was. Its id stays its creator's. ToolNotFound (404)."""
        for _ in attempts(_TURNS):
            before = self._found(tool_id)
            if before.creator_id != creator_id:
                raise ToolNotFound(tool_id)
            if self._store.put(before, renewed(before, before.name, before.price, deleted=True)):
                return before.view()
        raise Contended("The tool is changing right now. Try again in a moment.")

    def list(self, creator_id: str) -> dict[str, object]:
        """The creator's tools, by id."""
        return {"tools": [tool.view() for tool in self._store.listed(creator_id)]}

    def get(self, tool_id: str) -> dict[str, object]:
        """What a tool costs. ToolNotFound (404)."""
        return self._found(tool_id).view()

    def priced(self, tool_id: str, most: Micros | None, *, latest: bool) -> Tool:
        """The tool, for a charge; ToolNotFound (404), PriceChanged (409) above `most`.

        As this process knows it, which costs no request: the charge's transaction finds out whether it still is so.
        What would be refused is looked up first.
        """
        tool = None if latest else self._known.get(tool_id)
        if tool is None or (most is not None and tool.price > most):
            tool = self._found(tool_id)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[tool_id] = tool
        if most is not None and tool.price > most:
            raise PriceChanged(tool, most)
        return tool

    def unchanged(self, tool: Tool) -> Write:
        """The write that holds only if the tool is as it was read."""
        return self._store.unchanged(tool)

    def _found(self, tool_id: str) -> Tool:
        tool = self._store.get(tool_id)
        if tool is None or tool.deleted:
            self._known.pop(tool_id, None)
            raise ToolNotFound(tool_id)
        return tool
