"""Answers: objects with what the caller asked to expand, and pages of lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from local.stripe.errors import invalid
from local.stripe.objects import Json, list_of, public
from local.stripe.spec import document
from local.stripe.world import World

_DEEPEST = 4


def expanded(world: World, answer: Json, paths: Iterable[str]) -> Json:
    """The answer as the caller sees it, with each path of `expand` replaced by the object it names."""
    shown = public(answer)
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            raise invalid(f"You cannot expand more than 4 levels of a property. Property: {path}", None, "expand")
        _expand(world, shown, steps, path)
    return shown


def _expand(world: World, node: object, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(world, item, steps, path)
        return
    if not isinstance(node, dict) or not steps:
        return
    step = steps[0]
    kind = node.get("object")
    included = _INCLUDED.get((str(kind), step))
    if included is not None and step not in node:
        node[step] = public(included(world, node))
    elif not _expandable(node, step):
        raise invalid(f"This property cannot be expanded ({path}).", None, "expand")
    value = node.get(step)
    if isinstance(value, str):
        target = world.anything(value)
        if target is not None:
            node[step] = value = public(target)
    _expand(world, value, steps[1:], path)


def _expandable(node: Json, step: str) -> bool:
    kind = node.get("object")
    if kind is None or kind in ("list", "search_result"):
        return step in node or kind is None
    fields: list[str] = document()["components"]["schemas"].get(kind, {}).get("x-expandableFields", [])
    return step in fields


def _line_items(world: World, session: Json) -> Json:
    kept = world.find("checkout.session", session["id"])
    return list_of(kept["_line_items"], f"/v1/checkout/sessions/{session['id']}/line_items")


def _payments(world: World, invoice: Json) -> Json:
    kept = [payment for payment in world.all("invoice_payment").values() if payment["invoice"] == invoice["id"]]
    return list_of(kept, f"/v1/invoice_payments?invoice={invoice['id']}")


def _subscriptions(world: World, customer: Json) -> Json:
    kept = [
        subscription
        for subscription in world.all("subscription").values()
        if subscription["customer"] == customer["id"] and subscription["status"] != "canceled"
    ]
    return list_of(kept[::-1], f"/v1/customers/{customer['id']}/subscriptions")


def _refunds(world: World, charge: Json) -> Json:
    kept = [refund for refund in world.all("refund").values() if refund["charge"] == charge["id"]]
    return list_of(kept[::-1], f"/v1/charges/{charge['id']}/refunds")


# Lists that Stripe sends only to those who expand them.
_INCLUDED: dict[tuple[str, str], Callable[[World, Json], Json]] = {
    ("checkout.session", "line_items"): _line_items,
    ("invoice", "payments"): _payments,
    ("customer", "subscriptions"): _subscriptions,
    ("charge", "refunds"): _refunds,
}


def page(objects: Iterable[Json], params: Json, url: str) -> Json:
    """One page, newest first, by `limit`, `starting_after`, `ending_before` and `created`."""
    newest = [stored for stored in reversed(list(objects)) if _created_fits(stored, params.get("created"))]
    ids = [stored["id"] for stored in newest]
    limit = page_size(params)
    if "ending_before" in params:
        end = _position(ids, params["ending_before"], "ending_before")
        start = max(0, end - limit)
        return list_of(newest[start:end], url, has_more=start > 0)
    start = _position(ids, params["starting_after"], "starting_after") + 1 if "starting_after" in params else 0
    return list_of(newest[start : start + limit], url, has_more=len(newest) > start + limit)


def page_size(params: Json) -> int:
    """How many a page may hold: 1 to 100, 10 where nothing is said."""
    limit: int = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("This value must be between 1 and 100 (inclusive).", "parameter_invalid_integer", "limit")
    return limit


def _position(ids: list[str], wanted: str, param: str) -> int:
    if wanted not in ids:
        raise invalid(f"No such object: '{wanted}'", "resource_missing", param)
    return ids.index(wanted)


def _created_fits(stored: Json, wanted: object) -> bool:
    created: int = stored.get("created", 0)
    if isinstance(wanted, int):
        return created == wanted
    if not isinstance(wanted, dict):
        return True
    return bool(
        created > wanted.get("gt", -1)
        and created >= wanted.get("gte", 0)
        and created < wanted.get("lt", created + 1)
        and created <= wanted.get("lte", created)
    )
