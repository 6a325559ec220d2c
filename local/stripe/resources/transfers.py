"""/v1/transfers and their reversals"""

from __future__ import annotations

from local.stripe.errors import invalid
from local.stripe.merging import assign, merged_metadata
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import connect
from local.stripe.world import World


@route(
    "transfers.create",
    "POST",
    "/v1/transfers",
    "amount currency description destination metadata source_transaction transfer_group",
)
def create(world: World, call: Call) -> Json:
    params = call.params
    if "amount" not in params:
        raise invalid("Missing required param: amount.", "parameter_missing", "amount")
    if params["currency"].lower() != "usd":
        raise invalid(f"The local Stripe takes usd only, not {params['currency']}.", None, "currency")
    account = connect.destination_of(world, params["destination"])
    if "source_transaction" in params:
        world.find("charge", params["source_transaction"], "source_transaction")
    values: Json = {field: params.get(field) for field in ("description", "source_transaction", "transfer_group")}
    values["metadata"] = merged_metadata({}, params.get("metadata", {}))
    return connect.transfer(world, account, params["amount"], values)


@route("transfers.retrieve", "GET", "/v1/transfers/{transfer}")
def retrieve(world: World, call: Call) -> Json:
    return world.find("transfer", call.id, "transfer")


@route("transfers.update", "POST", "/v1/transfers/{transfer}", "description metadata")
def update(world: World, call: Call) -> Json:
    transfer = world.find("transfer", call.id, "transfer")
    with world.updating("transfer.updated", transfer):
        assign(transfer, call.params, "description")
    return transfer


@route("transfers.list", "GET", "/v1/transfers", PAGING + "destination transfer_group")
def listed(world: World, call: Call) -> Json:
    kept = (
        transfer
        for transfer in world.all("transfer").values()
        if all(
            call.params.get(field, transfer[field]) == transfer[field] for field in ("destination", "transfer_group")
        )
    )
    return page(kept, call.params, "/v1/transfers")


@route("transfers.reversals.create", "POST", "/v1/transfers/{id}/reversals", "amount description metadata")
def reverse(world: World, call: Call) -> Json:
    transfer = world.find("transfer", call.id)
    metadata = merged_metadata({}, call.params.get("metadata", {}))
    return connect.reverse(world, transfer, call.params.get("amount"), metadata)


@route("transfers.reversals.list", "GET", "/v1/transfers/{id}/reversals", PAGING)
def list_reversals(world: World, call: Call) -> Json:
    transfer = world.find("transfer", call.id)
    kept = (made for made in world.all("transfer_reversal").values() if made["transfer"] == transfer["id"])
    return page(kept, call.params, f"/v1/transfers/{transfer['id']}/reversals")
