"""The calls of Stripe's API, a file a resource; importing this package puts them all on the map."""

from local.stripe.resources import (  # noqa: F401 - each registers its calls
    catalog,
    checkout,
    connect,
    customer_balance,
    customer_search,
    customers,
    discounts,
    disputes,
    events,
    intents,
    invoice_items,
    invoices,
    methods,
    payments,
    portal,
    previews,
    radar,
    refunds,
    schedules,
    subscription_items,
    subscriptions,
    transfers,
    webhook_endpoints,
)
from local.stripe.routing import Route, routes


def served_routes() -> dict[str, Route]:
    """Every call served, by name."""
    return routes()
