"""/v1/webhook_endpoints"""

from __future__ import annotations

import secrets

from local.stripe.merging import assign
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.world import World


@route(
    "webhook_endpoints.create",
    "POST",
    "/v1/webhook_endpoints",
    "api_version connect description enabled_events metadata url",
)
def create(world: World, call: Call) -> Json:
    """The signing secret is in this answer and in no other."""
    secret = "whsec_" + secrets.token_urlsafe(24)
    connect = call.params.get("connect", False)
    endpoint = world.make("webhook_endpoint", status="enabled", _secret=secret, _connect=connect)
    assign(endpoint, call.params, "api_version description enabled_events url")
    return {**endpoint, "secret": secret}


@route("webhook_endpoints.retrieve", "GET", "/v1/webhook_endpoints/{webhook_endpoint}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("webhook_endpoint", call.id)


@route(
    "webhook_endpoints.update",
    "POST",
    "/v1/webhook_endpoints/{webhook_endpoint}",
    "description disabled enabled_events metadata url",
)
def update(world: World, call: Call) -> Json:
    endpoint = world.find("webhook_endpoint", call.id)
    assign(endpoint, call.params, "description enabled_events url")
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    return endpoint


@route("webhook_endpoints.list", "GET", "/v1/webhook_endpoints", PAGING)
def listed(world: World, call: Call) -> Json:
    return page(world.all("webhook_endpoint").values(), call.params, "/v1/webhook_endpoints")


@route("webhook_endpoints.delete", "DELETE", "/v1/webhook_endpoints/{webhook_endpoint}")
def delete(world: World, call: Call) -> Json:
    """What still waits for the endpoint is not sent any more."""
    endpoint = world.find("webhook_endpoint", call.id)
    del world.all("webhook_endpoint")[endpoint["id"]]
    for delivery in world.store.state.deliveries.values():
        if delivery["endpoint"] == endpoint["id"] and delivery["state"] == "pending":
            delivery.update(state="dropped", next_attempt_at=None)
            world.store.state.waiting.pop(delivery["id"], None)
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}
