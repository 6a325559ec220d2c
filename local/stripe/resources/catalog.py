"""/v1/products and /v1/prices"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from local.stripe.errors import invalid
from local.stripe.merging import assign
from local.stripe.objects import Json, public
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.world import World

_PRODUCT = "active description images metadata name statement_descriptor unit_label url"


@route("products.create", "POST", "/v1/products", _PRODUCT + " id")
def create_product(world: World, call: Call) -> Json:
    if call.params.get("id") in world.all("product"):
        raise invalid(f"Product already exists with id: {call.params['id']}", "resource_already_exists", "id")
    return new_product(world, call.params)


def new_product(world: World, params: Json) -> Json:
    """A product of the given fields, told as created."""
    product = world.make("product", updated=world.now(), **{key: params[key] for key in ("id",) if key in params})
    assign(product, params, _PRODUCT)
    world.tell("product.created", product)
    return product


@route("products.retrieve", "GET", "/v1/products/{id}")
def retrieve_product(world: World, call: Call) -> Json:
    return world.find("product", call.id)


@route("products.update", "POST", "/v1/products/{id}", _PRODUCT)
def update_product(world: World, call: Call) -> Json:
    product = world.find("product", call.id)
    with world.updating("product.updated", product):
        assign(product, call.params, _PRODUCT)
        product["updated"] = world.now()
    return product


@route("products.list", "GET", "/v1/products", PAGING + "active ids")
def list_products(world: World, call: Call) -> Json:
    kept = (
        product
        for product in world.all("product").values()
        if call.params.get("active", product["active"]) == product["active"]
        and product["id"] in call.params.get("ids", [product["id"]])
    )
    return page(kept, call.params, "/v1/products")


@route(
    "prices.create",
    "POST",
    "/v1/prices",
    "active currency lookup_key metadata nickname product product_data recurring tax_behavior transfer_lookup_key "
    "unit_amount",
)
def create_price(world: World, call: Call) -> Json:
    if ("product" in call.params) == ("product_data" in call.params):
        raise invalid("You must specify either `product` or `product_data`.", "parameter_missing", "product")
    key = call.params.get("lookup_key")
    holder = next((known for known in world.all("price").values() if key and known["lookup_key"] == key), None)
    if holder is not None:
        if not call.params.get("transfer_lookup_key"):
            raise invalid(
                f"A price (`{holder['id']}`) already uses that lookup key.", "resource_already_exists", "lookup_key"
            )
        with _changing(world, holder):
            holder["lookup_key"] = None
    return new_price(world, call.params)


def new_price(world: World, params: Json, **fixed: object) -> Json:
    """A price of the given fields for its product, told as created. `fixed`: fields that no caller may choose."""
    if "unit_amount" not in params:
        raise invalid("You must specify `unit_amount`.", "parameter_missing", "unit_amount")
    if params["unit_amount"] < 0:
        raise invalid("This value must be greater than or equal to 0.", "parameter_invalid_integer", "unit_amount")
    currency = currency_of(params)
    if "product_data" in params:
        product = new_product(world, params["product_data"])
    else:
        product = world.find("product", params["product"], "product")
    recurring = params.get("recurring")
    price = world.make(
        "price",
        product=product["id"],
        type="recurring" if recurring else "one_time",
        recurring=_recurring(recurring) if recurring else None,
        currency=currency,
        unit_amount=params["unit_amount"],
        unit_amount_decimal=str(params["unit_amount"]),
        tax_behavior=params.get("tax_behavior", "unspecified"),
        **fixed,
    )
    assign(price, params, "active lookup_key nickname")
    world.tell("price.created", price)
    return price


# Those that count in hundredths; the others are refused.
_CURRENCIES = ("aud", "cad", "chf", "dkk", "eur", "gbp", "nok", "nzd", "pln", "sek", "usd")


def currency_of(params: Json) -> str:
    """The currency asked for, in small letters."""
    currency: str = params["currency"].lower()
    if currency not in _CURRENCIES:
        raise invalid(
            f"Invalid currency: {currency}. The local Stripe supports these currencies: {', '.join(_CURRENCIES)}",
            None,
            "currency",
        )
    return currency


def _recurring(asked: Json) -> Json:
    return {
        "interval": asked["interval"],
        "interval_count": asked.get("interval_count", 1),
        "meter": None,
        "usage_type": "licensed",
    }


@route("prices.retrieve", "GET", "/v1/prices/{price}")
def retrieve_price(world: World, call: Call) -> Json:
    return world.find("price", call.id)


@route("prices.update", "POST", "/v1/prices/{price}", "active lookup_key metadata nickname transfer_lookup_key")
def update_price(world: World, call: Call) -> Json:
    price = world.find("price", call.id)
    key = call.params.get("lookup_key")
    holder = next(
        (other for other in world.all("price").values() if key and other["lookup_key"] == key and other is not price),
        None,
    )
    if holder is not None:
        if not call.params.get("transfer_lookup_key"):
            raise invalid(
                f"A price (`{holder['id']}`) already uses that lookup key.", "resource_already_exists", "lookup_key"
            )
        with _changing(world, holder):
            holder["lookup_key"] = None
    with _changing(world, price):
        assign(price, call.params, "active lookup_key nickname")
    return price


@contextmanager
def _changing(world: World, price: Json) -> Iterator[None]:
    """Inside the block the price changes; to whoever subscribed it is shown as it is afterwards."""
    with world.updating("price.updated", price):
        yield
    for subscription in world.all("subscription").values():
        for item in subscription["items"]["data"]:
            if item["price"]["id"] == price["id"]:
                item["price"] = public(price)


@route("prices.list", "GET", "/v1/prices", PAGING + "active currency lookup_keys product recurring type")
def list_prices(world: World, call: Call) -> Json:
    recurring = call.params.get("recurring", {})
    kept = (
        price
        for price in world.all("price").values()
        if all(
            call.params.get(field, price[field]) == price[field] for field in ("active", "currency", "product", "type")
        )
        and price["lookup_key"] in call.params.get("lookup_keys", [price["lookup_key"]])
        and (not recurring or _recurs(price, recurring))
    )
    return page(kept, call.params, "/v1/prices")


def _recurs(price: Json, wanted: Json) -> bool:
    has = price["recurring"]
    return has is not None and all(has[field] == value for field, value in wanted.items())
