"""/v1/customers/search"""

from __future__ import annotations

import re

from local.stripe.errors import invalid
from local.stripe.objects import Json
from local.stripe.rendering import page_size
from local.stripe.routing import Call, route
from local.stripe.rules import customers
from local.stripe.world import World

_TERM = re.compile(
    r"""\s*(?P<not>-?)(?:metadata\[["'](?P<key>[^"']+)["']\]|(?P<field>\w+))"""
    r"""(?P<op>[:~])(?:(?P<quote>["'])(?P<value>.*?)(?P=quote)|(?P<null>null)\b)"""
)
_SEARCHED = ("email", "name", "phone")


@route("customers.search", "GET", "/v1/customers/search", "query limit page")
def search(world: World, call: Call) -> Json:
    """Terms on metadata, email, name and phone, joined by AND or by OR, whatever the case of their letters.

    What was written within the last minute is not found yet.
    """
    terms, any_of = _parsed(call.params["query"])
    combine = any if any_of else all
    found = []
    for customer in reversed(world.all("customer").values()):
        indexed = customers.as_indexed(world, customer)
        if indexed is not None and combine(_fits(indexed, term) for term in terms):
            found.append(customer)
    limit, start = page_size(call.params), int(call.params.get("page", "0"))
    more = len(found) > start + limit
    return {
        "object": "search_result",
        "data": found[start : start + limit],
        "has_more": more,
        "next_page": str(start + limit) if more else None,
        "url": "/v1/customers/search",
    }


def _parsed(query: str) -> tuple[list[re.Match[str]], bool]:
    terms: list[re.Match[str]] = []
    joints: set[str] = set()
    rest = query
    while True:
        term = _TERM.match(rest)
        if term is None or (term["field"] is not None and term["field"] not in _SEARCHED):
            raise invalid(f"We were unable to parse your search query: {query[:200]}", None, "query")
        terms.append(term)
        rest = rest[term.end() :].strip()
        if not rest:
            break
        joint, _, rest = rest.partition(" ")
        joints.add(joint.upper())
    if len(joints) > 1 or not joints <= {"AND", "OR"}:
        raise invalid("A query joins its terms by AND or by OR, not by both.", None, "query")
    return terms, joints == {"OR"}


def _fits(indexed: Json, term: re.Match[str]) -> bool:
    held = indexed["metadata"].get(term["key"]) if term["key"] is not None else indexed[term["field"]]
    value = held.lower() if held is not None else None
    if term["null"] is not None:
        found = value is None
    elif term["op"] == "~":
        found = value is not None and term["value"].lower() in value
    else:
        found = value == term["value"].lower()
    return found != bool(term["not"])
