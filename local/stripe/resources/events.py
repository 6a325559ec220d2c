"""/v1/events"""

from __future__ import annotations

from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.world import World


@route("events.retrieve", "GET", "/v1/events/{id}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("event", call.id)


@route("events.list", "GET", "/v1/events", PAGING + "delivery_success type types")
def listed(world: World, call: Call) -> Json:
    wanted = call.params.get("types", [call.params["type"]] if "type" in call.params else None)
    arrived = call.params.get("delivery_success")
    kept = (
        event
        for event in world.all("event").values()
        if (wanted is None or any(_matches(event["type"], one) for one in wanted))
        and (arrived is None or (event["pending_webhooks"] == 0) == arrived)
    )
    return page(kept, call.params, "/v1/events")


def _matches(event_type: str, wanted: str) -> bool:
    """A type, or a group of them such as `customer.*`."""
    return event_type.startswith(wanted[:-1]) if wanted.endswith("*") else event_type == wanted
