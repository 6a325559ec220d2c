"""/v1/checkout/sessions"""

from __future__ import annotations

import urllib.parse

from local.stripe.errors import invalid
from local.stripe.merging import merged_metadata
from local.stripe.objects import Json, blank, list_of, public
from local.stripe.rendering import page
from local.stripe.resources.catalog import new_price
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import checkout, customers, subscriptions, taxes
from local.stripe.world import World

DAY = 24 * 3600
SHORTEST_LIFE = 1800

# Told back on the session and shown on no page: they change nothing here.
_TOLD = (
    "allow_promotion_codes billing_address_collection client_reference_id consent_collection customer_creation "
    "customer_email locale payment_method_collection submit_type"
)


@route(
    "checkout.sessions.create",
    "POST",
    "/v1/checkout/sessions",
    _TOLD + " automatic_tax "
    "cancel_url currency customer customer_update custom_text discounts expires_at invoice_creation line_items "
    "metadata mode payment_intent_data payment_method_options payment_method_types saved_payment_method_options "
    "setup_intent_data subscription_data success_url tax_id_collection ui_mode",
)
def create(world: World, call: Call) -> Json:
    mode = call.params.get("mode") or ""
    if mode not in ("payment", "subscription", "setup"):
        raise invalid("Missing required param: mode.", "parameter_missing", "mode")
    _require_urls(call.params)
    _require_data_of_mode(call.params, mode)
    if "customer" in call.params:
        world.find("customer", call.params["customer"], "customer")
        if "customer_email" in call.params:
            raise invalid("You may only specify one of these parameters: customer, customer_email.")
    expires_at = _expiry(world, call.params)
    items = _line_items(world, call.params, mode)
    if mode == "subscription" and "customer" in call.params:
        customer = world.find("customer", call.params["customer"], "customer")
        subscriptions.require_currency(world, customer, items[0]["currency"])
    tried = {"trial_end", "trial_period_days"} & set(call.params.get("subscription_data", {}))
    total = 0 if tried else sum(item["amount_total"] for item in items)
    session = world.make("checkout.session")
    for field in _TOLD.split():
        session[field] = call.params.get(field)
    session.update(
        amount_subtotal=total if items else None,
        amount_total=total if items else None,
        cancel_url=call.params.get("cancel_url"),
        currency=items[0]["currency"] if items else call.params.get("currency"),
        customer=call.params.get("customer"),
        customer_creation=_creation(call.params, mode),
        expires_at=expires_at,
        invoice_creation=_invoice_creation(call.params, mode),
        metadata=merged_metadata({}, call.params.get("metadata", {})),
        mode=mode,
        payment_method_options={},
        payment_method_types=call.params.get("payment_method_types", ["card"]),
        payment_status="no_payment_required" if mode == "setup" else "unpaid",
        status="open",
        success_url=call.params["success_url"],
        **_tax_ids(call.params),
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        ui_mode=call.params.get("ui_mode"),
        url=f"{world.base_url}/pay/{session['id']}",
        automatic_tax=taxes.told(None, enabled=False),
        _discounts=[],
        _keeps_address=call.params.get("customer_update", {}).get("address") == "auto",
        _line_items=items,
        _payment_intent_data=call.params.get("payment_intent_data", {}),
        _setup_intent_data=call.params.get("setup_intent_data", {}),
        _subscription_data=call.params.get("subscription_data", {}),
    )
    if call.params.get("discounts"):
        if call.params.get("allow_promotion_codes"):
            raise invalid("You may only specify one of these parameters: allow_promotion_codes, discounts.")
        checkout.discount(world, session, call.params["discounts"])
    if call.params.get("automatic_tax", {}).get("enabled"):
        _tax(world, session)
    return session


def _tax(world: World, session: Json) -> None:
    customer = world.all("customer").get(session["customer"])
    country = taxes.country_of(customer)
    if customer is not None and country is None and not session["_keeps_address"]:
        raise invalid(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to "
            "the Customer or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to 'auto' "
            "to save the address entered in Checkout to the Customer.",
            "customer_tax_location_invalid",
        )
    if any(item["price"]["tax_behavior"] == "inclusive" for item in session["_line_items"]):
        raise invalid("The local Stripe adds tax to prices; it computes none that they include.", None, "automatic_tax")
    taxes.charge(session, country)


def _invoice_creation(params: Json, mode: str) -> Json | None:
    asked = params.get("invoice_creation")
    if mode != "payment":
        if asked is not None:
            raise invalid("`invoice_creation` is for `payment` mode only.", None, "invoice_creation")
        return None
    data = (asked or {}).get("invoice_data", {})
    empty = ("account_tax_ids", "custom_fields", "issuer", "rendering_options")
    answer: Json = {**dict.fromkeys(empty), "description": data.get("description"), "footer": data.get("footer")}
    return {
        "enabled": bool(asked and asked["enabled"]),
        "invoice_data": {**answer, "metadata": merged_metadata({}, data.get("metadata", {}))},
    }


def _tax_ids(params: Json) -> Json:
    """Whether the payer is asked for a tax id. Of a customer that is there, it also needs the right to keep a name."""
    asked = params.get("tax_id_collection")
    if asked is None:
        return {}
    if asked["enabled"] and "customer" in params and params.get("customer_update", {}).get("name") != "auto":
        raise invalid(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an "
            "existing customer, please set `customer_update[name]` to `auto`.",
            None,
            "customer_update[name]",
        )
    return {"tax_id_collection": {"enabled": asked["enabled"], "required": asked.get("required", "never")}}


def _creation(params: Json, mode: str) -> str | None:
    if "customer" in params:
        return None
    return "always" if mode == "subscription" else str(params.get("customer_creation", "if_required"))


def _require_urls(params: Json) -> None:
    if "success_url" not in params:
        raise invalid("Missing required param: success_url.", "parameter_missing", "success_url")
    for field in ("success_url", "cancel_url"):
        parsed = urllib.parse.urlsplit(params.get(field, "https://example.com"))
        if parsed.scheme not in ("http", "https") or not parsed.netloc:
            raise invalid("Not a valid URL", "url_invalid", field)


_SERVED_DATA = {
    "payment_intent_data": {"description", "metadata", "receipt_email", "setup_future_usage", "transfer_group"},
    "setup_intent_data": {"metadata"},
    "subscription_data": {"description", "metadata", "trial_end", "trial_period_days"},
}
_DATA_OF_MODE = {"payment": "payment_intent_data", "setup": "setup_intent_data", "subscription": "subscription_data"}


def _require_data_of_mode(params: Json, mode: str) -> None:
    for name, served in _SERVED_DATA.items():
        if name in params and name != _DATA_OF_MODE[mode]:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", None, name)
        unserved = sorted(set(params.get(name, {})) - served)
        if unserved:
            raise invalid(f"The local Stripe does not act on {name}[{unserved[0]}].", None, f"{name}[{unserved[0]}]")


def _expiry(world: World, params: Json) -> int:
    wanted: int = params.get("expires_at", world.now() + DAY)
    if not world.now() + SHORTEST_LIFE <= wanted <= world.now() + DAY:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from the session's creation.",
            None,
            "expires_at",
        )
    return wanted


def _line_items(world: World, params: Json, mode: str) -> list[Json]:
    asked = params.get("line_items", [])
    if mode == "setup":
        if asked:
            raise invalid("You can not pass `line_items` in `setup` mode.", None, "line_items")
        return []
    if not asked:
        raise invalid("You must pass at least one line item.", "parameter_missing", "line_items")
    for index, item in enumerate(asked):
        unserved = sorted(set(item) - {"price", "price_data", "quantity"})
        if unserved:
            raise invalid(f"The local Stripe does not act on line_items[{index}][{unserved[0]}].", None, unserved[0])
    prices = [_price(world, item, f"line_items[{index}]") for index, item in enumerate(asked)]
    if mode == "payment" and any(price["recurring"] for price in prices):
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use "
            "only one-time prices."
        )
    if mode == "subscription" and not all(price["recurring"] for price in prices):
        raise invalid("The local Stripe takes only recurring prices in `subscription` mode.")
    if len({price["currency"] for price in prices}) > 1:
        raise invalid("All prices of a session must be in the same currency.", None, "line_items")
    if mode == "subscription" and "customer" in params:
        customer = world.find("customer", params["customer"], "customer")
        subscriptions.require_currency(world, customer, prices[0]["currency"])
    return [_line_item(world, price, item.get("quantity")) for price, item in zip(prices, asked, strict=True)]


def _price(world: World, item: Json, name: str) -> Json:
    if "price" in item:
        price = world.find("price", item["price"], f"{name}[price]")
        if not price["active"]:
            raise invalid(
                "The price specified is inactive. This field only accepts active prices.", None, f"{name}[price]"
            )
        return price
    if "price_data" not in item:
        raise invalid(f"Missing required param: {name}[price].", "parameter_missing", f"{name}[price]")
    data = item["price_data"]
    if ("product" in data) == ("product_data" in data):
        raise invalid("You must specify either `product` or `product_data`.", "parameter_missing", name)
    return new_price(world, {**data, "active": False})


def _line_item(world: World, price: Json, quantity: int | None) -> Json:
    if quantity is None:
        raise invalid("Quantity is required. Add `quantity` to each line item.", "parameter_missing", "line_items")
    if quantity < 1:
        raise invalid("This value must be greater than or equal to 1.", "parameter_invalid_integer", "line_items")
    total = price["unit_amount"] * quantity
    product = world.find("product", price["product"])
    return blank(
        "item",
        amount_subtotal=total,
        amount_total=total,
        currency=price["currency"],
        description=product["name"],
        price=public(price),
        quantity=quantity,
    )


@route("checkout.sessions.retrieve", "GET", "/v1/checkout/sessions/{session}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("checkout.session", call.id, "session")


@route("checkout.sessions.list_line_items", "GET", "/v1/checkout/sessions/{session}/line_items", PAGING)
def list_line_items(world: World, call: Call) -> Json:
    session = world.find("checkout.session", call.id, "session")
    return list_of(session["_line_items"], f"/v1/checkout/sessions/{session['id']}/line_items")


@route(
    "checkout.sessions.list",
    "GET",
    "/v1/checkout/sessions",
    PAGING + "customer customer_details payment_intent status subscription",
)
def listed(world: World, call: Call) -> Json:
    customers.require_known(world, call.params)
    wanted_email = call.params.get("customer_details", {}).get("email")
    kept = (
        session
        for session in world.all("checkout.session").values()
        if all(
            call.params.get(field, session[field]) == session[field]
            for field in ("customer", "payment_intent", "status", "subscription")
        )
        and (wanted_email is None or (session["customer_details"] or {}).get("email") == wanted_email)
    )
    return page(kept, call.params, "/v1/checkout/sessions")


@route("checkout.sessions.expire", "POST", "/v1/checkout/sessions/{session}/expire")
def expire(world: World, call: Call) -> Json:
    session = world.find("checkout.session", call.id, "session")
    checkout.expire(world, session)
    return session
