"""/v1/customers"""

from __future__ import annotations

import re

from local.stripe.errors import invalid
from local.stripe.merging import assign
from local.stripe.objects import Json
from local.stripe.rendering import page, page_size
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import cards, checkout
from local.stripe.world import World

_PLAIN = "address description email name phone preferred_locales shipping"
_FIELDS = _PLAIN + " invoice_settings metadata"
_TERM = re.compile(
    r"""\s*(-?)(?:metadata\[["'](?P<key>[^"']+)["']\]|(?P<field>\w+))(?P<op>[:~])(["'])(?P<value>.*?)\5"""
)
_SEARCHED = ("email", "name", "phone")


@route("customers.create", "POST", "/v1/customers", _FIELDS + " payment_method")
def create(world: World, call: Call) -> Json:
    method = world.find("payment_method", call.params["payment_method"]) if "payment_method" in call.params else None
    values: Json = {"metadata": {}}
    assign(values, call.params, _PLAIN)
    customer = checkout.new_customer(world, values)
    if method is not None:
        cards.attach(world, method, customer)
    _invoice_settings(world, customer, call.params)
    return customer


@route("customers.retrieve", "GET", "/v1/customers/{customer}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("customer", call.id)


@route("customers.update", "POST", "/v1/customers/{customer}", _FIELDS)
def update(world: World, call: Call) -> Json:
    customer = world.find("customer", call.id)
    with world.updating("customer.updated", customer):
        assign(customer, call.params, _PLAIN)
        _invoice_settings(world, customer, call.params)
    return customer


def _invoice_settings(world: World, customer: Json, params: Json) -> None:
    settings = params.get("invoice_settings", {})
    unserved = sorted(set(settings) - {"default_payment_method"})
    if unserved:
        raise invalid(f"The local Stripe does not act on invoice_settings[{unserved[0]}].", None, unserved[0])
    if "default_payment_method" not in settings:
        return
    wanted = settings["default_payment_method"] or None
    if wanted is not None:
        method = world.find("payment_method", wanted, "invoice_settings[default_payment_method]")
        if method["customer"] != customer["id"]:
            raise invalid(
                f"The customer does not have a payment method with the ID {wanted}. The payment method must be "
                "attached to the customer.",
                "resource_missing",
                "invoice_settings[default_payment_method]",
            )
    customer["invoice_settings"] = {**customer["invoice_settings"], "default_payment_method": wanted}


@route("customers.list", "GET", "/v1/customers", PAGING + "email")
def listed(world: World, call: Call) -> Json:
    kept = world.all("customer").values()
    found = (kept_one for kept_one in kept if call.params.get("email", kept_one["email"]) == kept_one["email"])
    return page(found, call.params, "/v1/customers")


@route("customers.search", "GET", "/v1/customers/search", "query limit page")
def search(world: World, call: Call) -> Json:
    """Terms on metadata, email, name and phone, joined by AND or by OR; what was just written is found at once."""
    terms, any_of = _parsed(call.params["query"])
    combine = any if any_of else all
    found = [
        customer
        for customer in reversed(world.all("customer").values())
        if combine(_fits(customer, term) for term in terms)
    ]
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


def _fits(customer: Json, term: re.Match[str]) -> bool:
    value = customer["metadata"].get(term["key"]) if term["key"] is not None else customer[term["field"]]
    if term["op"] == "~":
        found = value is not None and term["value"].lower() in value.lower()
    else:
        found = value == term["value"]
    return found != bool(term[1])
