"""/v1/subscription_items: the items of a subscription one by one, by the same rules as its update"""

from __future__ import annotations

from local.stripe.errors import missing
from local.stripe.objects import Json, list_of
from local.stripe.resources import subscriptions
from local.stripe.routing import Call, route
from local.stripe.world import World

_HOW = "payment_behavior proration_behavior proration_date"
_ITEM = " metadata price quantity"


@route("subscription_items.create", "POST", "/v1/subscription_items", "subscription " + _HOW + _ITEM)
def create(world: World, call: Call) -> Json:
    subscription = world.find("subscription", call.params["subscription"], "subscription")
    _update(world, subscription, call.params, {})
    newest: Json = subscription["items"]["data"][-1]
    return newest


@route("subscription_items.retrieve", "GET", "/v1/subscription_items/{item}")
def retrieve(world: World, call: Call) -> Json:
    return _found(world, call.id)[1]


@route("subscription_items.update", "POST", "/v1/subscription_items/{item}", _HOW + _ITEM)
def update(world: World, call: Call) -> Json:
    subscription, item = _found(world, call.id)
    _update(world, subscription, call.params, {"id": item["id"]})
    return item


@route("subscription_items.delete", "DELETE", "/v1/subscription_items/{item}", _HOW)
def delete(world: World, call: Call) -> Json:
    subscription, item = _found(world, call.id)
    _update(world, subscription, call.params, {"id": item["id"], "deleted": True})
    return {"id": item["id"], "object": "subscription_item", "deleted": True}


@route("subscription_items.list", "GET", "/v1/subscription_items", "subscription limit")
def listed(world: World, call: Call) -> Json:
    subscription = world.find("subscription", call.params["subscription"], "subscription")
    return list_of(subscription["items"]["data"], "/v1/subscription_items")


def _found(world: World, wanted: str) -> tuple[Json, Json]:
    for subscription in world.all("subscription").values():
        for item in subscription["items"]["data"]:
            if item["id"] == wanted:
                return subscription, item
    raise missing("subscription_item", wanted, "item")


def _update(world: World, subscription: Json, params: Json, of_item: Json) -> None:
    item = of_item | {key: params[key] for key in _ITEM.split() if key in params}
    how = {key: params[key] for key in _HOW.split() if key in params}
    subscriptions.update(world, Call({"items": [item], **how}, subscription["id"]))
