"""/v1/radar/early_fraud_warnings"""

from __future__ import annotations

from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules.radar import KIND
from local.stripe.world import World


@route("radar.early_fraud_warnings.retrieve", "GET", "/v1/radar/early_fraud_warnings/{early_fraud_warning}")
def retrieve(world: World, call: Call) -> Json:
    return world.find(KIND, call.id)


@route("radar.early_fraud_warnings.list", "GET", "/v1/radar/early_fraud_warnings", PAGING + "charge payment_intent")
def listed(world: World, call: Call) -> Json:
    kept = (
        warning
        for warning in world.all(KIND).values()
        if all(call.params.get(field, warning[field]) == warning[field] for field in ("charge", "payment_intent"))
    )
    return page(kept, call.params, "/v1/radar/early_fraud_warnings")
