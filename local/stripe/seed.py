"""What is there at the start: products and prices of the catalog, the portal's configuration, the stack's endpoints."""

from __future__ import annotations

from local.stripe.objects import Json
from local.stripe.resources.catalog import new_price, new_product
from local.stripe.resources.portal import new_configuration
from local.stripe.spec import version
from local.stripe.world import World

# Cents a month and a year, as the product publishes them.
PRICES = {"starter": (1900, 17100), "pro": (4900, 44100), "business": (14900, 134100)}


def seed(world: World, webhook_url: str, webhook_secret: str) -> None:
    """Lay the ground where there is none, and point the stack's own endpoints to where the stack is now."""
    # Not before: whoever runs the stack puts the layer on the path first.
    from aerostack_billing.webhooks.handlers import ACCOUNT_TYPES, CONNECT_TYPES  # noqa: PLC0415

    if not world.all("price"):
        products = [_tier(world, tier, cents) for tier, cents in PRICES.items()]
        _portal(world, products)
    for name, events, connect in (("we_local", ACCOUNT_TYPES, False), ("we_local_connect", CONNECT_TYPES, True)):
        endpoint = world.all("webhook_endpoint").get(name)
        if endpoint is None:
            endpoint = world.make(
                "webhook_endpoint",
                id=name,
                api_version=version(),
                description="The local stack's own endpoint",
                enabled_events=list(events),
                status="enabled",
                _connect=connect,
            )
        endpoint.update(url=webhook_url, _secret=webhook_secret)


def _tier(world: World, tier: str, cents: tuple[int, int]) -> Json:
    product = new_product(world, {"id": f"prod_{tier}", "name": tier.capitalize(), "metadata": {"tier": tier}})
    prices = []
    for name, interval, amount in (("monthly", "month", cents[0]), ("yearly", "year", cents[1])):
        price = new_price(
            world,
            {
                "currency": "usd",
                "lookup_key": f"{tier}_{name}",
                "metadata": {"tier": tier, "billing_interval": name},
                "nickname": f"{tier.capitalize()} {name}",
                "product": product["id"],
                "recurring": {"interval": interval},
                "unit_amount": amount,
            },
            id=f"price_{tier}_{name}",
        )
        prices.append(price["id"])
    return {"product": product["id"], "prices": prices}


def _portal(world: World, products: list[Json]) -> None:
    new_configuration(
        world,
        {
            "name": "Default",
            "features": {
                "customer_update": {"enabled": True, "allowed_updates": ["email", "address"]},
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {"enabled": True, "mode": "at_period_end", "proration_behavior": "none"},
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price"],
                    "products": products,
                    "proration_behavior": "always_invoice",
                    "billing_cycle_anchor": "now",
                    "schedule_at_period_end": {
                        "conditions": [{"type": "decreasing_item_amount"}, {"type": "shortening_interval"}]
                    },
                },
            },
        },
        is_default=True,
    )
    new_configuration(
        world,
        {
            "name": "Home",
            "metadata": {"made_by": "aerostack-billing", "for": "home"},
            "features": {
                "customer_update": {"enabled": True, "allowed_updates": ["email", "address"]},
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {"enabled": True, "mode": "at_period_end", "proration_behavior": "none"},
                "subscription_update": {"enabled": False},
            },
        },
        is_default=False,
    )
