"""/v1/customers"""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.merging import assign
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import cards, credit, customers
from local.stripe.world import World

_PLAIN = "address description email name phone preferred_locales shipping"
_FIELDS = _PLAIN + " balance invoice_settings metadata"


@route("customers.create", "POST", "/v1/customers", _FIELDS + " payment_method")
def create(world: World, call: Call) -> Json:
    method = world.find("payment_method", call.params["payment_method"]) if "payment_method" in call.params else None
    values: Json = {"metadata": {}}
    assign(values, call.params, _PLAIN)
    customer = customers.new_customer(world, values)
    if method is not None:
        cards.attach(world, method, customer)
    _invoice_settings(world, customer, call.params)
    _balance(world, customer, call.params)
    return customer


@route("customers.retrieve", "GET", "/v1/customers/{customer}")
def retrieve(world: World, call: Call) -> Json:
    """The customer; of a deleted one, that it is deleted."""
    return world.all("deleted_customer").get(call.id) or world.find("customer", call.id)


@route("customers.delete", "DELETE", "/v1/customers/{customer}")
def delete(world: World, call: Call) -> Json:
    return customers.delete(world, world.find("customer", call.id))


@route("customers.update", "POST", "/v1/customers/{customer}", _FIELDS)
def update(world: World, call: Call) -> Json:
    customer = world.find("customer", call.id)
    with world.updating("customer.updated", customer):
        assign(customer, call.params, _PLAIN)
        _invoice_settings(world, customer, call.params)
    _balance(world, customer, call.params)
    customers.index(world, customer)
    return customer


def _balance(world: World, customer: Json, params: Json) -> None:
    """Set the balance; what it changes by is kept as an adjustment."""
    change = params.get("balance", customer["balance"]) - customer["balance"]
    if change:
        credit.move(world, customer, change, "adjustment", currency=customer["currency"] or "usd")


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
