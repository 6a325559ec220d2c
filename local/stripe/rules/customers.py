"""Customers: made, found by a search that lags, and deleted with all that hangs on them."""

from __future__ import annotations

from local.stripe.errors import missing
from local.stripe.objects import Json
from local.stripe.rules import cards, lifecycle
from local.stripe.world import World

# Stripe's search knows of a change within a minute, not at once.
SEARCH_LAGS_SECONDS = 60
_SEARCHED = ("email", "name", "phone", "metadata")


def new_customer(world: World, values: Json) -> Json:
    """A customer, told as created."""
    customer = world.make("customer", delinquent=False, tax_exempt="none", preferred_locales=[])
    customer.update(values)
    customer["invoice_prefix"] = customer["id"][-8:].upper()
    index(world, customer)
    world.tell("customer.created", customer)
    return customer


def require_known(world: World, params: Json) -> None:
    """Refuse a list by a customer that never was. What a deleted one leaves behind is listed still."""
    wanted = params.get("customer")
    if wanted is not None and wanted not in world.all("customer") and wanted not in world.all("deleted_customer"):
        raise missing("customer", wanted, "customer")


def delete(world: World, customer: Json) -> Json:
    """End the customer's subscriptions now, take the payment methods off, and let nothing new be made for the id.

    Payments, invoices and refunds of old stay. Returns what is left to be retrieved.
    """
    for subscription in world.all("subscription").values():
        if subscription["customer"] == customer["id"] and subscription["status"] not in lifecycle.OVER:
            lifecycle.end(world, subscription, "cancellation_requested")
    for schedule in world.all("subscription_schedule").values():
        if schedule["customer"] == customer["id"] and schedule["status"] in lifecycle.SCHEDULED:
            lifecycle.close_schedule(world, schedule, "canceled")
    for method in world.all("payment_method").values():
        if method["customer"] == customer["id"]:
            cards.detach(world, method)
    world.tell("customer.deleted", customer)
    del world.all("customer")[customer["id"]]
    left: Json = {"id": customer["id"], "object": "customer", "deleted": True}
    world.all("deleted_customer")[customer["id"]] = left
    return left


def index(world: World, customer: Json) -> None:
    """Let the search know, in a while, what is on the customer now."""
    known = [entry for entry in customer.get("_index", []) if entry["at"] > _seen_until(world)]
    older = [entry for entry in customer.get("_index", []) if entry["at"] <= _seen_until(world)][-1:]
    customer["_index"] = [*older, *known, {"at": world.now(), **{field: customer[field] for field in _SEARCHED}}]


def as_indexed(world: World, customer: Json) -> Json | None:
    """The customer's fields as the search knows them at this moment; None where it does not know of it yet."""
    seen = [entry for entry in customer.get("_index", []) if entry["at"] <= _seen_until(world)]
    return seen[-1] if seen else None


def _seen_until(world: World) -> int:
    lags = world.store.state.settings["search_lags"]
    return world.now() - SEARCH_LAGS_SECONDS if lags else world.now()
