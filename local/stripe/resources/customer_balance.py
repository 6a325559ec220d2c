"""/v1/customers/{customer}/balance_transactions: credit that staff give, and what became of it"""

from __future__ import annotations

from local.stripe.merging import merged_metadata
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.resources.catalog import currency_of
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import credit
from local.stripe.world import World

_PATH = "/v1/customers/{customer}/balance_transactions"


@route("customers.balance_transactions.create", "POST", _PATH, "amount currency description metadata")
def create(world: World, call: Call) -> Json:
    """Signed cents: negative is credit that pays the next invoices, positive is owed with the next one."""
    return credit.move(
        world,
        world.find("customer", call.id),
        call.params["amount"],
        "adjustment",
        currency=currency_of(call.params),
        description=call.params.get("description"),
        metadata=merged_metadata({}, call.params.get("metadata", {})),
    )


@route("customers.balance_transactions.list", "GET", _PATH, PAGING + "invoice")
def listed(world: World, call: Call) -> Json:
    customer = world.find("customer", call.id)
    kept = (
        moved
        for moved in world.all("customer_balance_transaction").values()
        if moved["customer"] == customer["id"] and call.params.get("invoice", moved["invoice"]) == moved["invoice"]
    )
    return page(kept, call.params, f"/v1/customers/{customer['id']}/balance_transactions")
