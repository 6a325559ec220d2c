"""/v1/coupons and /v1/promotion_codes"""

from __future__ import annotations

import secrets
import string

from local.stripe.errors import invalid
from local.stripe.merging import assign, merged_metadata
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.resources.catalog import currency_of
from local.stripe.routing import PAGING, Call, route
from local.stripe.world import World

_LETTERS = string.ascii_uppercase + string.digits


@route(
    "coupons.create",
    "POST",
    "/v1/coupons",
    "amount_off currency duration duration_in_months id max_redemptions metadata name percent_off redeem_by",
)
def create_coupon(world: World, call: Call) -> Json:
    params = call.params
    if ("percent_off" in params) == ("amount_off" in params):
        raise invalid("You must pass either `percent_off` or `amount_off`.", "parameter_missing", "percent_off")
    if "percent_off" in params and not 0 < float(params["percent_off"]) <= 100:
        raise invalid("Coupon percent_off must be between 0 and 100.", None, "percent_off")
    if "amount_off" in params and params["amount_off"] < 1:
        raise invalid("Coupon amount_off must be greater than zero.", "parameter_invalid_integer", "amount_off")
    duration = params.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in params):
        raise invalid("`duration_in_months` goes with `duration=repeating`.", None, "duration_in_months")
    wanted = params.get("id", _code())
    if wanted in world.all("coupon"):
        raise invalid(f"Coupon already exists: {wanted}", "resource_already_exists", "id")
    coupon = world.make("coupon", id=wanted, duration=duration, times_redeemed=0, valid=True)
    coupon["percent_off"] = float(params["percent_off"]) if "percent_off" in params else None
    coupon["currency"] = currency_of({"currency": "usd", **params}) if "amount_off" in params else None
    assign(coupon, params, "amount_off duration_in_months max_redemptions name redeem_by")
    world.tell("coupon.created", coupon)
    return coupon


def _code() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(8))


@route("coupons.retrieve", "GET", "/v1/coupons/{coupon}")
def retrieve_coupon(world: World, call: Call) -> Json:
    return world.find("coupon", call.id, "coupon")


@route("coupons.list", "GET", "/v1/coupons", PAGING)
def list_coupons(world: World, call: Call) -> Json:
    return page(world.all("coupon").values(), call.params, "/v1/coupons")


@route("coupons.update", "POST", "/v1/coupons/{coupon}", "metadata name")
def update_coupon(world: World, call: Call) -> Json:
    coupon = world.find("coupon", call.id, "coupon")
    with world.updating("coupon.updated", coupon):
        assign(coupon, call.params, "name")
    return coupon


@route("coupons.delete", "DELETE", "/v1/coupons/{coupon}")
def delete_coupon(world: World, call: Call) -> Json:
    """Nobody redeems it any more; discounts that were made of it stay."""
    coupon = world.find("coupon", call.id, "coupon")
    world.tell("coupon.deleted", coupon)
    world.all("deleted_coupon")[coupon["id"]] = world.all("coupon").pop(coupon["id"])
    return {"id": coupon["id"], "object": "coupon", "deleted": True}


@route(
    "promotion_codes.create",
    "POST",
    "/v1/promotion_codes",
    "active code customer expires_at max_redemptions metadata promotion restrictions",
)
def create_code(world: World, call: Call) -> Json:
    params = call.params
    coupon = world.find("coupon", params["promotion"].get("coupon", ""), "promotion[coupon]")
    if "customer" in params:
        world.find("customer", params["customer"], "customer")
    code = params.get("code", _code())
    known = world.all("promotion_code").values()
    if any(other["active"] and other["code"].lower() == code.lower() for other in known):
        raise invalid(
            f"An active promotion code with `code: {code}` already exists.", "resource_already_exists", "code"
        )
    made = world.make(
        "promotion_code",
        active=params.get("active", True),
        code=code,
        customer=params.get("customer"),
        expires_at=params.get("expires_at"),
        max_redemptions=params.get("max_redemptions"),
        metadata=merged_metadata({}, params.get("metadata", {})),
        promotion={"type": "coupon", "coupon": coupon["id"]},
        restrictions={
            "first_time_transaction": params.get("restrictions", {}).get("first_time_transaction", False),
            "minimum_amount": None,
            "minimum_amount_currency": None,
        },
        times_redeemed=0,
    )
    world.tell("promotion_code.created", made)
    return made


@route("promotion_codes.retrieve", "GET", "/v1/promotion_codes/{promotion_code}")
def retrieve_code(world: World, call: Call) -> Json:
    return world.find("promotion_code", call.id, "promotion_code")


@route("promotion_codes.update", "POST", "/v1/promotion_codes/{promotion_code}", "active metadata")
def update_code(world: World, call: Call) -> Json:
    code = world.find("promotion_code", call.id, "promotion_code")
    with world.updating("promotion_code.updated", code):
        assign(code, call.params, "active")
    return code


@route("promotion_codes.list", "GET", "/v1/promotion_codes", PAGING + "active code coupon customer")
def list_codes(world: World, call: Call) -> Json:
    kept = (
        code
        for code in world.all("promotion_code").values()
        if all(call.params.get(field, code[field]) == code[field] for field in ("active", "code", "customer"))
        and call.params.get("coupon", code["promotion"]["coupon"]) == code["promotion"]["coupon"]
    )
    return page(kept, call.params, "/v1/promotion_codes")
