"""/v1/charges, /v1/setup_intents, /v1/balance_transactions: what payments leave behind, to read"""

from __future__ import annotations

from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import customers
from local.stripe.world import World


@route("charges.retrieve", "GET", "/v1/charges/{charge}")
def retrieve_charge(world: World, call: Call) -> Json:
    return world.find("charge", call.id)


@route("charges.list", "GET", "/v1/charges", PAGING + "customer payment_intent transfer_group")
def list_charges(world: World, call: Call) -> Json:
    customers.require_known(world, call.params)
    return page(_of(world, "charge", call.params, "customer payment_intent transfer_group"), call.params, "/v1/charges")


@route("setup_intents.retrieve", "GET", "/v1/setup_intents/{intent}")
def retrieve_setup(world: World, call: Call) -> Json:
    return world.find("setup_intent", call.id, "intent")


@route("balance_transactions.retrieve", "GET", "/v1/balance_transactions/{id}")
def retrieve_balance_transaction(world: World, call: Call) -> Json:
    return world.find("balance_transaction", call.id)


@route("balance_transactions.list", "GET", "/v1/balance_transactions", PAGING + "source type")
def list_balance_transactions(world: World, call: Call) -> Json:
    return page(_of(world, "balance_transaction", call.params, "source type"), call.params, "/v1/balance_transactions")


def _of(world: World, kind: str, params: Json, fields: str) -> list[Json]:
    """The objects of the kind whose fields are as the parameters say."""
    return [
        stored
        for stored in world.all(kind).values()
        if all(params.get(field, stored[field]) == stored[field] for field in fields.split())
    ]
