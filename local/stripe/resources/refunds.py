"""/v1/refunds"""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.merging import assign, merged_metadata
from local.stripe.objects import Json, difference, public
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import refunds
from local.stripe.world import World


@route("refunds.create", "POST", "/v1/refunds", "amount charge metadata payment_intent reason")
def create(world: World, call: Call) -> Json:
    if "charge" in call.params:
        charge = world.find("charge", call.params["charge"], "charge")
    elif "payment_intent" in call.params:
        charge = refunds.charge_of(world, call.params["payment_intent"])
    else:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
            "parameter_missing",
        )
    metadata = merged_metadata({}, call.params.get("metadata", {}))
    return refunds.refund(world, charge, call.params.get("amount"), call.params.get("reason"), metadata)


@route("refunds.retrieve", "GET", "/v1/refunds/{refund}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("refund", call.id)


@route("refunds.update", "POST", "/v1/refunds/{refund}", "metadata")
def update(world: World, call: Call) -> Json:
    made = world.find("refund", call.id)
    before = public(made)
    assign(made, call.params, "")
    changed = difference(before, public(made))
    if changed:
        world.tell("refund.updated", made, changed)
        world.tell("charge.refund.updated", made, changed)
    return made


@route("refunds.list", "GET", "/v1/refunds", PAGING + "charge payment_intent")
def listed(world: World, call: Call) -> Json:
    kept = (
        made
        for made in world.all("refund").values()
        if all(call.params.get(field, made[field]) == made[field] for field in ("charge", "payment_intent"))
    )
    return page(kept, call.params, "/v1/refunds")
