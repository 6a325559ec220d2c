"""/v1/disputes"""

from __future__ import annotations

from local.stripe.merging import assign
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import disputes
from local.stripe.world import World


@route("disputes.retrieve", "GET", "/v1/disputes/{dispute}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("dispute", call.id, "dispute")


@route("disputes.list", "GET", "/v1/disputes", PAGING + "charge payment_intent")
def listed(world: World, call: Call) -> Json:
    kept = (
        dispute
        for dispute in world.all("dispute").values()
        if all(call.params.get(field, dispute[field]) == dispute[field] for field in ("charge", "payment_intent"))
    )
    return page(kept, call.params, "/v1/disputes")


@route("disputes.update", "POST", "/v1/disputes/{dispute}", "evidence metadata submit")
def update(world: World, call: Call) -> Json:
    """Evidence, handed in at once where `submit` does not say otherwise, and metadata."""
    dispute = world.find("dispute", call.id, "dispute")
    if "evidence" in call.params or call.params.get("submit"):
        given = call.params.get("evidence", {})
        disputes.answer(world, dispute, given, submit=call.params.get("submit", True))
    with world.updating("charge.dispute.updated", dispute):
        assign(dispute, call.params, "")
    return dispute


@route("disputes.close", "POST", "/v1/disputes/{dispute}/close")
def close(world: World, call: Call) -> Json:
    """The merchant accepts the dispute: it is lost. An inquiry is closed."""
    dispute = world.find("dispute", call.id, "dispute")
    disputes.become(world, dispute, "warning_closed" if dispute["status"] in disputes.INQUIRY else "lost")
    return dispute
