"""/v1/billing_portal"""

from __future__ import annotations

import urllib.parse

from local.stripe.errors import StripeError, invalid
from local.stripe.merging import assign
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import lifecycle
from local.stripe.world import World

_CONFIGURATION = "business_profile default_return_url features login_page metadata name"


@route("billing_portal.configurations.create", "POST", "/v1/billing_portal/configurations", _CONFIGURATION)
def create_configuration(world: World, call: Call) -> Json:
    return new_configuration(world, call.params, is_default=False)


def new_configuration(world: World, params: Json, *, is_default: bool) -> Json:
    """A portal configuration of the given features; what is not said is off."""
    configuration = world.make("billing_portal.configuration", is_default=is_default, updated=world.now())
    features = configuration["features"]
    features["customer_update"]["enabled"] = False
    features["invoice_history"]["enabled"] = False
    _configure(world, configuration, params)
    world.tell("billing_portal.configuration.created", configuration)
    return configuration


def _configure(world: World, configuration: Json, params: Json) -> None:
    assign(configuration, params, "default_return_url name")
    configuration["business_profile"].update(params.get("business_profile", {}))
    for name, given in params.get("features", {}).items():
        feature = configuration["features"][name]
        for key, value in given.items():
            feature[key] = _products(world, value) if key == "products" else value


def _products(world: World, given: object) -> list[Json] | None:
    if not isinstance(given, list):
        return None
    for entry in given:
        world.find("product", entry["product"], "features[subscription_update][products]")
        for price in entry["prices"]:
            world.find("price", price, "features[subscription_update][products]")
    quantity = {"enabled": False, "maximum": None, "minimum": 1}
    return [{"adjustable_quantity": quantity, "product": e["product"], "prices": e["prices"]} for e in given]


@route("billing_portal.configurations.retrieve", "GET", "/v1/billing_portal/configurations/{configuration}")
def retrieve_configuration(world: World, call: Call) -> Json:
    return world.find("billing_portal.configuration", call.id)


@route(
    "billing_portal.configurations.update",
    "POST",
    "/v1/billing_portal/configurations/{configuration}",
    _CONFIGURATION + " active",
)
def update_configuration(world: World, call: Call) -> Json:
    configuration = world.find("billing_portal.configuration", call.id)
    with world.updating("billing_portal.configuration.updated", configuration):
        _configure(world, configuration, call.params)
        configuration["active"] = call.params.get("active", configuration["active"])
        configuration["updated"] = world.now()
    return configuration


@route("billing_portal.configurations.list", "GET", "/v1/billing_portal/configurations", PAGING + "active is_default")
def list_configurations(world: World, call: Call) -> Json:
    kept = (
        configuration
        for configuration in world.all("billing_portal.configuration").values()
        if all(
            call.params.get(field, configuration[field]) == configuration[field] for field in ("active", "is_default")
        )
    )
    return page(kept, call.params, "/v1/billing_portal/configurations")


@route(
    "billing_portal.sessions.create",
    "POST",
    "/v1/billing_portal/sessions",
    "configuration customer flow_data locale return_url",
)
def create_session(world: World, call: Call) -> Json:
    if "customer" not in call.params:
        raise invalid("Missing required param: customer.", "parameter_missing", "customer")
    customer = world.find("customer", call.params["customer"], "customer")
    configuration = _configuration(world, call.params.get("configuration"))
    flow = _flow(world, customer, configuration, call.params["flow_data"]) if "flow_data" in call.params else None
    return_url = call.params.get("return_url") or configuration["default_return_url"]
    parsed = urllib.parse.urlsplit(return_url or "https://example.com")
    if parsed.scheme not in ("http", "https") or not parsed.netloc:
        raise invalid("Not a valid URL", "url_invalid", "return_url")
    session = world.make(
        "billing_portal.session",
        configuration=configuration["id"],
        customer=customer["id"],
        flow=flow,
        locale=call.params.get("locale"),
        return_url=return_url,
    )
    session["url"] = f"{world.base_url}/portal/{session['id']}"
    world.tell("billing_portal.session.created", session)
    return session


def _configuration(world: World, wanted: str | None) -> Json:
    if wanted is not None:
        return world.find("billing_portal.configuration", wanted, "configuration")
    known = world.all("billing_portal.configuration").values()
    default = next((configuration for configuration in known if configuration["is_default"]), None)
    if default is None:
        raise invalid(
            "No configuration provided and your test mode default configuration has not been created. Provide a "
            "configuration or create your default by saving your customer portal settings in test mode."
        )
    return default


def _flow(world: World, customer: Json, configuration: Json, asked: Json) -> Json:
    kind = asked["type"]
    if kind not in ("subscription_update_confirm", "payment_method_update", "subscription_cancel"):
        raise StripeError(501, "api_error", f"The local Stripe's portal has no flow {kind}.", None, "flow_data[type]")
    flow: Json = {
        "type": kind,
        "after_completion": _after_completion(asked.get("after_completion")),
        "subscription_cancel": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
    }
    if kind == "subscription_cancel":
        wanted = asked.get("subscription_cancel", {}).get("subscription", "")
        _subscription(world, customer, wanted)
        flow["subscription_cancel"] = {"retention": None, "subscription": wanted}
    if kind == "subscription_update_confirm":
        flow["subscription_update_confirm"] = _confirmation(world, customer, configuration, asked)
    return flow


def _after_completion(asked: Json | None) -> Json:
    made: Json = {"type": "portal_homepage", "hosted_confirmation": None, "redirect": None}
    if asked is not None:
        made["type"] = asked["type"]
        if asked["type"] == "redirect":
            made["redirect"] = {"return_url": asked["redirect"]["return_url"]}
        if asked["type"] == "hosted_confirmation":
            made["hosted_confirmation"] = {"custom_message": asked.get("hosted_confirmation", {}).get("custom_message")}
    return made


def _subscription(world: World, customer: Json, wanted: str) -> Json:
    name = "flow_data[subscription_update_confirm][subscription]"
    subscription = world.find("subscription", wanted, name)
    if subscription["customer"] != customer["id"]:
        raise invalid(f"No such subscription: '{wanted}'", "resource_missing", name)
    if subscription["status"] in lifecycle.OVER:
        raise invalid(f"The subscription {wanted} cannot be updated: it is {subscription['status']}.", None, name)
    return subscription


def _confirmation(world: World, customer: Json, configuration: Json, asked: Json) -> Json:
    confirm = asked.get("subscription_update_confirm")
    if confirm is None:
        raise invalid(
            "Missing required param: flow_data[subscription_update_confirm].",
            "parameter_missing",
            "flow_data[subscription_update_confirm]",
        )
    name = "flow_data[subscription_update_confirm][items][0]"
    update = configuration["features"]["subscription_update"]
    if not update["enabled"]:
        raise invalid(
            "This subscription cannot be updated because the subscription update feature in the portal configuration "
            "is disabled."
        )
    subscription = _subscription(world, customer, confirm["subscription"])
    if len(confirm["items"]) != 1:
        raise invalid("The local Stripe confirms a change of one item.", None, name)
    wanted = confirm["items"][0]
    item = next((kept for kept in subscription["items"]["data"] if kept["id"] == wanted["id"]), None)
    if item is None:
        raise invalid(f"No such subscription item: '{wanted['id']}'", "resource_missing", f"{name}[id]")
    price = world.find("price", wanted.get("price", item["price"]["id"]), f"{name}[price]")
    offered = [known for entry in update["products"] or [] for known in entry["prices"]]
    if price["id"] not in offered:
        raise invalid(
            f"The price {price['id']} is not in the portal configuration's features[subscription_update][products].",
            None,
            f"{name}[price]",
        )
    if price["currency"] != subscription["currency"]:
        raise invalid(
            f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency: "
            f"`{subscription['currency']}`.",
            None,
            f"{name}[price]",
        )
    quantity = wanted.get("quantity", item["quantity"])
    if price["id"] == item["price"]["id"] and quantity == item["quantity"]:
        raise invalid("The subscription update would change nothing.", None, name)
    return {
        "discounts": None,
        "items": [{"id": item["id"], "price": price["id"], "quantity": quantity}],
        "subscription": subscription["id"],
    }
