"""The calls of Stripe's API, a file a resource; importing this package puts them all on the map."""

from local.stripe.resources import (
    catalog,
    checkout,
    customers,
    events,
    invoices,
    payments,
    portal,
    refunds,
    schedules,
    subscriptions,
)
from local.stripe.routing import Route, routes

_ROOMS = (catalog, checkout, customers, events, invoices, payments, portal, refunds, schedules, subscriptions)


def served_routes() -> dict[str, Route]:
    """Every call served, by name: importing the rooms has registered them."""
    assert _ROOMS
    return routes()
