"""/v1/payment_methods"""

from __future__ import annotations

from local.stripe.merging import merged_metadata
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import cards
from local.stripe.rules.cards import Verdict
from local.stripe.world import World


@route("payment_methods.create", "POST", "/v1/payment_methods", "billing_details card metadata type")
def create(world: World, call: Call) -> Json:
    """Of a test card's number; expiry and CVC are taken as they are."""
    card = cards.card_for(call.params.get("card", {}).get("number", ""))
    method = cards.new_method(world, card, set_up=False)
    _detail(method, call.params)
    return method


def _detail(method: Json, params: Json) -> None:
    if isinstance(params.get("billing_details"), dict):
        for field, value in params["billing_details"].items():
            method["billing_details"][field] = value or None
    if "metadata" in params:
        method["metadata"] = merged_metadata(method["metadata"], params["metadata"])
    for field in ("exp_month", "exp_year"):
        if field in params.get("card", {}):
            method["card"][field] = params["card"][field]


@route("payment_methods.retrieve", "GET", "/v1/payment_methods/{payment_method}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("payment_method", call.id)


@route("payment_methods.update", "POST", "/v1/payment_methods/{payment_method}", "billing_details card metadata")
def update(world: World, call: Call) -> Json:
    method = world.find("payment_method", call.id)
    with world.updating("payment_method.updated", method):
        _detail(method, call.params)
    return method


@route("payment_methods.attach", "POST", "/v1/payment_methods/{payment_method}/attach", "customer")
def attach(world: World, call: Call) -> Json:
    """A card that the bank refuses to have kept is declined here."""
    method = world.find("payment_method", call.id)
    customer = world.find("customer", call.params.get("customer", ""), "customer")
    card = cards.card_of(method)
    if cards.on_saving(card, authenticated=True) is Verdict.DECLINED:
        raise cards.refusal(card)
    cards.attach(world, method, customer)
    return method


@route("payment_methods.detach", "POST", "/v1/payment_methods/{payment_method}/detach")
def detach(world: World, call: Call) -> Json:
    method = world.find("payment_method", call.id)
    cards.detach(world, method)
    return method


@route("payment_methods.list", "GET", "/v1/payment_methods", PAGING + "customer type")
def listed(world: World, call: Call) -> Json:
    if "customer" in call.params:
        world.find("customer", call.params["customer"], "customer")
    return page(_kept(world, call.params), call.params, "/v1/payment_methods")


@route("customers.payment_methods.list", "GET", "/v1/customers/{customer}/payment_methods", PAGING + "type")
def listed_of_customer(world: World, call: Call) -> Json:
    customer = world.find("customer", call.id)
    kept = _kept(world, {**call.params, "customer": customer["id"]})
    return page(kept, call.params, f"/v1/customers/{customer['id']}/payment_methods")


def _kept(world: World, wanted: Json) -> list[Json]:
    return [
        method
        for method in world.all("payment_method").values()
        if method["customer"] is not None
        and all(wanted.get(field, method[field]) == method[field] for field in ("customer", "type"))
    ]
