"""The calls of Stripe's API, a file a resource; importing this package puts them all on the map."""

from local.stripe.resources import (
    catalog,
    checkout,
    connect,
    customers,
    disputes,
    events,
    intents,
    invoices,
    methods,
    payments,
    portal,
    refunds,
    schedules,
    subscriptions,
    transfers,
    webhook_endpoints,
)
from local.stripe.routing import Route, routes

_ROOMS = (
    catalog,
    checkout,
    connect,
    customers,
    disputes,
    events,
    intents,
    invoices,
    methods,
    payments,
    portal,
    refunds,
    schedules,
    subscriptions,
    transfers,
    webhook_endpoints,
)


def served_routes() -> dict[str, Route]:
    """Every call served, by name: importing the rooms has registered them."""
    assert _ROOMS
    return routes()
