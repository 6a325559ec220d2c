"""/v1/events"""

from __future__ import annotations

from local.stripe.errors import missing
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import connect
from local.stripe.world import World


@route("events.retrieve", "GET", "/v1/events/{id}", for_accounts=True)
def retrieve(world: World, call: Call) -> Json:
    _check(world, call)
    event = world.find("event", call.id)
    if event.get("account") != call.account:
        raise missing("event", call.id, "id")
    return event


@route("events.list", "GET", "/v1/events", PAGING + "delivery_success type types", for_accounts=True)
def listed(world: World, call: Call) -> Json:
    """The platform's own events; those of a connected account are listed for that account alone."""
    _check(world, call)
    wanted = call.params.get("types", [call.params["type"]] if "type" in call.params else None)
    arrived = call.params.get("delivery_success")
    kept = (
        event
        for event in world.all("event").values()
        if event.get("account") == call.account
        and (wanted is None or any(_matches(event["type"], one) for one in wanted))
        and (arrived is None or (event["pending_webhooks"] == 0) == arrived)
    )
    return page(kept, call.params, "/v1/events")


def _check(world: World, call: Call) -> None:
    """Refuse to speak for an account that is none of the platform's."""
    if call.account is not None:
        connect.account_of(world, call.account)


def _matches(event_type: str, wanted: str) -> bool:
    """A type, or a group of them such as `customer.*`."""
    return event_type.startswith(wanted[:-1]) if wanted.endswith("*") else event_type == wanted
